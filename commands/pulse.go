package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

const (
	// lost is the time without a heartbeat after which a node is taken for dead, for display
	// only. Heartbeats are a second apart at most.
	lost = 10 * time.Second
	// quiet is the time without any write after which a worker that has no heartbeats is.
	quiet = time.Minute
)

// clock tells the time of the server that stamps documents.
type clock interface {
	ServerTime(ctx context.Context) (time.Time, error)
}

// idle says that nobody is running, and how that is known; empty if somebody is, or if it is
// not known. It also sets the view's time to that of the documents.
func (s state) idle(ctx context.Context, docs persistence.Querier, v *view) (string, error) {
	if v.at.uri == "" {
		used, err := embedded.InUse(v.at.folder)
		if err != nil || used {
			return "", nil // an unreadable lock says nothing
		}
		return "nobody is running" + s.lastWrite(v.now), nil
	}
	if c, ok := docs.(clock); ok {
		now, err := c.ServerTime(ctx)
		if err != nil {
			return "", err
		}
		v.now = now
	}
	return s.idleCluster(v.now), nil
}

// idleCluster is idle for a database, at the time of its server.
func (s state) idleCluster(now time.Time) string {
	living, silence := s.living(), time.Duration(0)
	for i, n := range living {
		if age := now.Sub(n.SeenAt); i == 0 || age < silence {
			silence = age
		}
	}
	switch {
	case len(living) > 0 && silence > lost:
		return fmt.Sprintf("nobody is running: the last heartbeat of a node was %s", human.Ago(silence))
	case len(living) > 0:
		return ""
	case len(s.Nodes) > 0 || s.allStopped():
		return "nobody is running" + s.lastWrite(now)
	}
	if written := s.written(); !written.IsZero() && now.Sub(written) > quiet {
		return "nobody seems to be running" + s.lastWrite(now)
	}
	return ""
}

func (s state) allStopped() bool {
	stopped := len(s.Chains) > 0
	for _, root := range s.Chains {
		root.walk(func(b *branch) {
			stopped = stopped && (b.Actor == nil || b.Actor.Status == persistence.Stopped || b.Actor.Kind == persistence.RetiredKind)
		})
	}
	return stopped
}

// written is when the newest of the actors' documents was written.
func (s state) written() (newest time.Time) {
	for _, root := range s.Chains {
		root.walk(func(b *branch) {
			if b.Actor != nil && b.Actor.UpdatedAt.After(newest) {
				newest = b.Actor.UpdatedAt
			}
		})
	}
	return newest
}

func (s state) lastWrite(now time.Time) string {
	written := s.written()
	if written.IsZero() {
		return ""
	}
	return ": the last write was " + human.Ago(now.Sub(written))
}
