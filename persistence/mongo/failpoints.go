package mongo

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/imart/event-worker/internal/caller"
	"github.com/imart/event-worker/internal/failpoint"
)

// newFailpoints returns a monitor with a failpoint before each command is sent to the server,
// and one after its answer.
func newFailpoints() *event.CommandMonitor {
	var sent sync.Map // name of the command by the number of its request
	after := func(ctx context.Context, number int64) {
		if name, known := sent.LoadAndDelete(number); known {
			failpoint.Reach(caller.Of(ctx), "after "+name.(string))
		}
	}
	return &event.CommandMonitor{
		Started: func(ctx context.Context, e *event.CommandStartedEvent) {
			name := commandName(e.CommandName, e.Command)
			sent.Store(e.RequestID, name)
			failpoint.Reach(caller.Of(ctx), "before "+name)
		},
		Succeeded: func(ctx context.Context, e *event.CommandSucceededEvent) { after(ctx, e.RequestID) },
		Failed:    func(ctx context.Context, e *event.CommandFailedEvent) { after(ctx, e.RequestID) },
	}
}

// commandName is the name of a command, with that of its collection if it has one.
func commandName(command string, body bson.Raw) string {
	for _, field := range []string{command, "collection"} {
		if collection, ok := body.Lookup(field).StringValueOK(); ok {
			return command + " " + collection
		}
	}
	return command
}
