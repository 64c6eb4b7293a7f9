package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/persistence"
)

// health is how this node's membership is.
type health struct {
	member  bool
	leaving bool
	since   time.Time // since when the registry does not answer; zero if it does
	said    bool      // it has not for long enough to be said
	reason  error
}

// Ready returns nil if this node is a member of the cluster and reaches the registry,
// or else says why not.
func (k *Keeper) Ready() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch h := k.health; {
	case h.leaving:
		return errors.New("leaving the cluster")
	case h.said:
		return fmt.Errorf("MongoDB has not answered for %s: %w", time.Since(h.since).Round(time.Second), h.reason)
	case !h.member:
		return errors.New("not a member of the cluster yet")
	}
	return nil
}

// stuck is how long the keeper may be about one thing: every call that it waits for is
// bounded, by less in all.
const stuck = time.Minute

// Alive returns an error if the keeper has come to a standstill, which only a new
// process can mend.
func (k *Keeper) Alive() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if since := time.Since(k.turned); !k.turned.IsZero() && since > stuck {
		return fmt.Errorf("the cluster's keeper has been at a standstill for %s", since.Round(time.Second))
	}
	return nil
}

// leaves notes that this node is about to end.
func (k *Keeper) leaves() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.health.leaving = true
}

// present notes that the registry answers.
func (k *Keeper) present() {
	k.mu.Lock()
	before := k.health
	k.health = health{member: k.member, leaving: k.leaving}
	k.mu.Unlock()
	if before.said {
		k.cfg.Log.Info("MongoDB answers again", "after", time.Since(before.since).Round(time.Millisecond))
	}
}

// away notes that the registry has not answered a call. It is said when that has
// lasted for as long as others take for death.
func (k *Keeper) away(ctx context.Context, begun time.Time, err error) {
	if ctx.Err() != nil {
		return
	}
	k.mu.Lock()
	h := &k.health
	if h.since.IsZero() {
		h.since = begun
	}
	say := !h.said && time.Since(h.since) >= k.cfg.TTL
	h.member, h.leaving, h.reason, h.said = k.member, k.leaving, err, h.said || say
	k.mu.Unlock()
	if say {
		k.cfg.Log.Warn("MongoDB does not answer; the chains go on by themselves when it does", "reason", err)
	}
}

// skewed is from how much a clock is wrong.
const skewed = time.Minute

// checkClock says once if this machine's clock is wrong. Nothing depends on it but
// what people read.
func (k *Keeper) checkClock(me persistence.Node) {
	ahead := me.Clock.Sub(me.SeenAt)
	if wrong := ahead.Abs() > skewed; wrong != k.warned["clock"] {
		k.warned["clock"] = wrong
		if wrong {
			k.cfg.Log.Warn("this machine's clock and MongoDB's differ: nothing depends on it but the times in logs and in status; set it by NTP",
				"ahead", ahead.Round(time.Second))
		}
	}
}
