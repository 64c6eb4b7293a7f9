package evm

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
)

// finalityTag is what is known of how the chain's nodes answer to the tag "finalized".
type finalityTag struct {
	mu     sync.Mutex
	told   bool // a node has answered to it
	failed int  // errors of unknown meaning in a row
}

// block returns the final block, given a node's answer to the tag "finalized". A node that does
// not know the tag has the configured number of confirmations instead, unless another one has
// answered to it: then finality stays where it was. So it does if the block is above the head,
// which means that another back end answered. The result has a hash only if it is the block
// that the node named.
func (f *finalityTag) block(cfg Config, head, finalized eth.Header, err error, known *chains.View) (eth.Header, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	final := head.Number - cfg.Confirmations
	switch {
	case err == nil && finalized.Hash != "":
		f.told, f.failed = true, 0
		if finalized.Number <= head.Number {
			final = finalized.Number
		} else if known != nil {
			final = known.Final.Seq
		}
	case err == nil || isWithoutFinality(err):
		if f.told && known != nil {
			final = known.Final.Seq
		}
	default:
		f.failed++
		switch {
		case known != nil:
			final = known.Final.Seq
		case f.failed < maxTries:
			return eth.Header{}, err
		}
	}
	final = max(final, head.Number-cfg.MaxUnfinal, 0)
	if final != finalized.Number {
		return eth.Header{Number: final}, nil
	}
	return finalized, nil
}

// isWithoutFinality says whether an answer means that the node knows no final block, as fresh
// and some other chains do not, rather than that it cannot answer now.
func isWithoutFinality(err error) bool {
	const limitExceeded, internal = -32005, -32603
	said, ok := errors.AsType[*jsonrpc.Error](err)
	if !ok || said.Refusal().IsRate() || said.Code == limitExceeded {
		return false
	}
	return said.Code != internal || strings.Contains(said.Message, "final")
}

// violations are the finality violations that were seen and are not confirmed yet; several
// streams may be at places that are no longer on the chain.
type violations struct {
	mu        sync.Mutex
	seen      map[violation]*observation
	confirmed time.Time // when one was last confirmed
}

// observation is since when, how recently and how often a violation was seen.
type observation struct {
	since   time.Time
	last    time.Time // counted
	answers int
}

// violation is a final block that is no longer on the chain, and the block there now.
type violation struct {
	height   int64
	was, now string
}

// minObservations is how often a violation must be seen to be confirmed.
const minObservations = 3

// maxViolations bounds how many are observed at the same time.
const maxViolations = 100

// record counts an observation. It reports whether the violation is confirmed now, whether it
// is the only one pending, and for how long it has been seen.
func (b *violations) record(s violation, cfg Config, now time.Time) (confirmed, isNew bool, since time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.seen[s]
	if w == nil {
		isNew = len(b.seen) == 0
		maps.DeleteFunc(b.seen, func(other violation, _ *observation) bool { return other.was == s.was || len(b.seen) >= maxViolations })
		if b.seen == nil {
			b.seen = map[violation]*observation{}
		}
		w = &observation{since: now}
		b.seen[s] = w
	}
	if now.Sub(w.last) >= cfg.ConfirmViolations/10 {
		w.answers, w.last = w.answers+1, now
	}
	since = now.Sub(w.since)
	confirmed = !cfg.HoldViolations && (cfg.ConfirmViolations < 0 || since >= cfg.ConfirmViolations && w.answers >= minObservations)
	if confirmed {
		b.confirmed = now
		clear(b.seen)
	}
	return confirmed, isNew, since
}

// resolve forgets violations of a block that turned out to be on the chain.
func (b *violations) resolve(ctx context.Context, log *slog.Logger, hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.seen {
		if s.was == hash {
			log.InfoContext(ctx, "finality holds: the endpoint was wrong", "height", s.height)
			delete(b.seen, s)
		}
	}
}

// pending says whether a violation was seen that is not confirmed.
func (b *violations) pending() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen) > 0
}

// confirmedFor is how long after a confirmation further places, to which the same
// reorganisation leads back, need none of their own.
const confirmedFor = time.Hour

func (b *violations) recentlyConfirmed(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.confirmed.IsZero() && now.Sub(b.confirmed) < confirmedFor
}

// isFinalityViolated says whether the known view's final block is no longer on the chain, once
// that is confirmed.
func (c *Chain) isFinalityViolated(ctx context.Context, n jsonrpc.Client, known, view *chains.View) (bool, error) {
	final := known.Final
	if final.Hash == "" {
		return false, nil
	}
	hash, ok := view.Hash(final.Seq)
	if !ok {
		now, err := c.headersBetween(ctx, n, final.Seq, final.Seq+1)
		if err != nil {
			return false, err
		}
		hash = now[0].Hash
	}
	if hash == final.Hash {
		return false, nil
	}
	if err := c.confirmViolation(ctx, n, violation{final.Seq, final.Hash, hash}); err != nil {
		return false, err
	}
	return true, nil
}

// confirmViolation returns nil once a violation is confirmed: the endpoint serves the
// configured chain, no other endpoint still has the final block, and the violation has lasted.
// Until then the error is ErrFinality.
func (c *Chain) confirmViolation(ctx context.Context, n jsonrpc.Client, s violation) error {
	if err := c.verifyChain(ctx, n); err != nil {
		return err
	}
	if other, agrees := c.contradictedBy(ctx, n, s); !agrees {
		n.MarkWrongChain()
		return n.Errorf("%w: block %d was final and is not on its chain, but %s still has it", chains.ErrFinality, s.height, other)
	}
	confirmed, isNew, since := c.violations.record(s, c.cfg, time.Now())
	attrs := []any{"endpoint", n.Host(), "height", s.height, "final", s.was, "now", s.now}
	switch {
	case confirmed:
		c.cfg.Log.ErrorContext(ctx, "reorganisation deeper than finality", attrs...)
		return nil
	case isNew:
		c.cfg.Log.ErrorContext(ctx, "finality was broken: the chain is stalled until that is confirmed", attrs...)
	}
	until := "it is followed if it lasts " + c.cfg.ConfirmViolations.String()
	if c.cfg.HoldViolations {
		until = "a person has to decide: event-worker rewind, or another endpoint"
	}
	return n.Errorf("%w: block %d was final as %s and is %s for %s now; %s", chains.ErrFinality, s.height, s.was, orMissing(s.now), since.Round(time.Second), until)
}

func orMissing(hash string) string {
	if hash == "" {
		return "missing"
	}
	return hash
}

// contradictedBy asks the other endpoints for the block that was final. It returns the host of
// one that still has it, and false; or true if none has.
func (c *Chain) contradictedBy(ctx context.Context, but jsonrpc.Client, s violation) (string, bool) {
	for _, e := range c.pool.All() {
		if e == but.Endpoint {
			continue
		}
		var id int64
		var h eth.Header
		n := c.client(e)
		err := n.Do(ctx, eth.ChainID(&id), eth.BlockByNumber(eth.Quantity(s.height), &h))
		if err == nil && uint64(id) == c.cfg.ChainID && h.Hash == s.was {
			return e.Host(), false
		}
	}
	return "", true
}
