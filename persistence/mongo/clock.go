package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// ServerTime returns the time of the server, which stamps the documents.
func (r *Reader) ServerTime(ctx context.Context) (time.Time, error) {
	if !r.gate.enter() {
		return time.Time{}, errClosed
	}
	defer r.gate.leave()
	var said struct {
		LocalTime time.Time `bson:"localTime"`
	}
	err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&said)
	return said.LocalTime, r.explain(err)
}
