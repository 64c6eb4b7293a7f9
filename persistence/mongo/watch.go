package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

const (
	// awaitChanges is how long the server waits for a change before it replies that
	// there was none.
	awaitChanges = time.Second
	// changesTimeout bounds a reply, and with it the time until a dead connection is
	// distinguished from a quiet stream.
	changesTimeout = awaitChanges + 5*time.Second
)

// Watch implements persistence.Registry. It uses one change stream, which the driver resumes
// once after a transient error such as a step-down of the primary. If another operation's
// failure clears the pool before it does so, a new stream takes its place.
func (s *Store) Watch(ctx context.Context, changed func()) error {
	return s.work(func() error {
		for {
			if err := s.watch(ctx, changed); !poolCleared(err) {
				return fmt.Errorf("watching for changes: %w", err)
			}
		}
	})
}

// watch reports changes until its stream fails.
func (s *Store) watch(ctx context.Context, changed func()) error {
	stream, err := s.database.Watch(ctx, waking(), options.ChangeStream().SetMaxAwaitTime(awaitChanges))
	if err != nil {
		return err
	}
	defer closeStream(stream)
	changed()
	for {
		found, err := next(ctx, stream)
		if err != nil {
			return err
		}
		if found {
			changed()
		}
	}
}

// waking matches the changes that nodes wait for. It excludes heartbeats, acquisitions
// and claims of actors, which are frequent and wake no node.
func waking() driver.Pipeline {
	state := is("updateDescription.updatedFields.state", bson.D{is("$exists", true)})
	return driver.Pipeline{
		{is("$match", bson.D{is("$or", bson.A{
			bson.D{is("ns.coll", persistence.Leases), is("updateDescription.updatedFields.node", "")}, // released
			bson.D{is("ns.coll", persistence.Nodes), state},
			bson.D{is("ns.coll", persistence.Requests), is("operationType", "insert")},
			bson.D{is("ns.coll", persistence.Requests), state},
		})})},
		{is("$project", bson.D{is("_id", 1)})},
	}
}

// next waits for the next change; false if there was none for a while.
func next(ctx context.Context, stream *driver.ChangeStream) (bool, error) {
	within, cancel := context.WithTimeout(ctx, changesTimeout)
	defer cancel()
	if stream.TryNext(within) {
		for stream.RemainingBatchLength() > 0 && stream.TryNext(within) {
		}
		return true, stream.Err()
	}
	if err := stream.Err(); err != nil {
		return false, err
	}
	if stream.ID() == 0 {
		return false, errStreamEnded
	}
	return false, ctx.Err()
}

func closeStream(stream *driver.ChangeStream) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	_ = stream.Close(ctx) // the server's cursor times out anyway
}
