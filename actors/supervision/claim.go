package supervision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/persistence"
)

// claimRetry bounds the wait between two claims. They cost a store that is away nothing,
// and one that is back is to be noticed soon.
const claimRetry = 2 * time.Second

// Claimed is the result of a claim. A behaviour receives that of its Reclaim.
type Claimed struct {
	Doc      persistence.Actor
	restarts int64
}

// fencedOff is the result of a claim that met a higher epoch.
type fencedOff struct{ epoch int64 }

// claimDocument claims the actor's document, however long that takes: while a store is
// away all its actors wait here, each restarted once at most.
func (inc *Incarnation) claimDocument(ctx context.Context) any {
	for failures := 1; ; failures++ {
		message, err := inc.tryClaim(ctx)
		if err == nil {
			return message
		}
		if ctx.Err() != nil { // the actor stops
			return err
		}
		delay := min(inc.Strategy.Backoff.Delay(failures), claimRetry)
		inc.Strategy.LogRepeat(failures, "actor waits for its document", "actor", inc.Claim.ID, "reason", firstLine(err.Error()), "in", delay.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}

func (inc *Incarnation) tryClaim(ctx context.Context) (message any, err error) {
	claim := inc.Claim
	last := inc.Strategy.Failures.Get(claim.ID)
	claim.Node, claim.Restarts, claim.LastError = inc.Node, last.Pending, last.Reason
	if claim.Epoch, err = inc.epoch(ctx); err != nil {
		return nil, err
	}
	doc, err := inc.Store.Claim(ctx, claim)
	switch {
	case errors.Is(err, persistence.ErrFenced):
		return fencedOff{claim.Epoch}, nil
	case err != nil:
		return nil, fmt.Errorf("claiming %s: %w", claim.ID, err)
	}
	return Claimed{doc, last.Pending}, nil
}

// handleClaim starts the behaviour, or tells it of a claim that it has asked for itself.
func (inc *Incarnation) handleClaim(c Claimed) {
	inc.Strategy.Failures.counted(inc.Claim.ID, c.restarts)
	inc.Doc = c.Doc
	if inc.started {
		inc.behaviour.Receive(inc, c)
		return
	}
	inc.started = true
	inc.Report = c.Doc.Report
	inc.Report.LastError = ""
	inc.behaviour.Start(inc)
	for len(inc.early) > 0 {
		message := inc.early[0]
		inc.early = inc.early[1:]
		inc.behaviour.Receive(inc, message)
	}
}

// Reclaim claims the actor's document again. The result comes as a Claimed.
func (inc *Incarnation) Reclaim() { inc.Do(inc.claimDocument) }
