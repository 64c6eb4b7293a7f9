package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// ServerTime returns the server's current time, by which documents are stamped.
func (r *Reader) ServerTime(ctx context.Context) (time.Time, error) {
	if !r.gate.enter() {
		return time.Time{}, errClosed
	}
	defer r.gate.leave()
	var hello struct {
		LocalTime time.Time `bson:"localTime"`
	}
	err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	return hello.LocalTime, r.explain(err)
}
