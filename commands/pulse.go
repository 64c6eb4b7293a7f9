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
	// lostAfter is the time without a heartbeat after which a node is displayed as gone.
	// Nodes send a heartbeat at least every second.
	lostAfter = 10 * time.Second
	// quietAfter is the time without a write after which a worker without heartbeats is
	// displayed as gone.
	quietAfter = time.Minute
)

// clock reads the time of the database server, which stamps documents.
type clock interface {
	ServerTime(ctx context.Context) (time.Time, error)
}

// idle says that no worker is running, and the evidence; it is empty if one is running, or
// if that is unknown. It also sets the view's time to that of the documents.
func (s state) idle(ctx context.Context, docs persistence.Querier, v *view) (string, error) {
	if v.at.uri == "" {
		used, err := embedded.InUse(v.at.folder)
		if err != nil || used {
			return "", nil // an unreadable lock proves nothing
		}
		return "no worker is running" + s.lastWrite(v.now), nil
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

// idleCluster is idle for a database, at its server's time.
func (s state) idleCluster(now time.Time) string {
	living, silence := s.living(), time.Duration(0)
	for i, n := range living {
		if age := now.Sub(n.SeenAt); i == 0 || age < silence {
			silence = age
		}
	}
	switch {
	case len(living) > 0 && silence > lostAfter:
		return fmt.Sprintf("no worker is running: the last heartbeat of a node was %s", human.Ago(silence))
	case len(living) > 0:
		return ""
	case len(s.Nodes) > 0 || s.allStopped():
		return "no worker is running" + s.lastWrite(now)
	}
	if written := s.written(); !written.IsZero() && now.Sub(written) > quietAfter {
		return "no worker seems to be running" + s.lastWrite(now)
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

// written returns the time of the newest write of an actor's document.
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
