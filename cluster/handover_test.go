package cluster

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/persistence"
)

// stingy is a registry that gives no chains.
type stingy struct{ *line }

func (stingy) Acquire(context.Context, persistence.Lease, string) (persistence.Lease, error) {
	return persistence.Lease{}, errAway
}

// A chain that cannot be taken is tried again at every heartbeat, and no more often.
func TestAcquireFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const poll = time.Second
		var log said
		k := New(Config{
			Registry: stingy{&line{t: newTable()}}, Host: &stage{}, Poll: poll, TTL: 3 * poll,
			Node: persistence.Node{Name: "one", Chains: []persistence.NodeChain{{Name: "aptos"}}}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*poll)
		defer cancel()
		if err := k.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "a chain could not be taken, trying again"); n < 20 || n > 30 {
			t.Errorf("within 30 heartbeats it is tried %d times", n)
		}
	})
}
