package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/persistence"
)

// slow is a registry in which it takes a second to join.
type slow struct{ *line }

func (s slow) Join(ctx context.Context, n persistence.Node) error {
	time.Sleep(time.Second)
	return s.line.Join(ctx, n)
}

// Of nodes that cannot work together only one stays, though they begin at the same
// moment, and none sees another before it joins.
func TestIncompatibleAtOnce(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			tab := newTable()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 3)
			for n := range cap(ended) {
				k := New(Config{
					Registry: slow{&line{t: tab}}, Host: &stage{runs: map[string]int64{}}, Poll: time.Second, TTL: 3 * time.Second,
					Log: slog.New(slog.DiscardHandler), Node: persistence.Node{
						Name: fmt.Sprint("p", n), Chains: []persistence.NodeChain{{Name: "ethereum", Network: fmt.Sprint("evm ", n)}},
					},
				})
				go func() { ended <- k.Run(ctx) }()
			}
			time.Sleep(20 * time.Second)
			if n := len(ended); n != 2 {
				t.Errorf("of %d that cannot work together %d have ended", cap(ended), n)
			}
			cancel()
			refused := 0
			for range cap(ended) {
				if err := <-ended; errors.Is(err, ErrIncompatible) {
					refused++
				} else if err != nil {
					t.Error(err)
				}
			}
			if refused != 2 {
				t.Errorf("%d say that they are incompatible", refused)
			}
		})
	}
}
