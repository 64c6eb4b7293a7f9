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
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// finalTag is what is known of how a chain's nodes tell which block is final.
type finalTag struct {
	mu     sync.Mutex
	told   bool // one was told
	failed int  // answers in a row that were errors of unknown meaning
}

// of is the final block, given a node's answer for the tag "finalized". Without one the
// configured confirmations decide, unless a node has answered before. A block above the
// head comes from another back end and changes nothing. The result has a hash only if it
// is the block that the node named.
func (f *finalTag) of(cfg Config, head, finalized header, err error, known *chains.View) (header, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	final := head.number - cfg.Confirmations
	switch {
	case err == nil && finalized.hash != "":
		f.told, f.failed = true, 0
		if finalized.number <= head.number {
			final = finalized.number
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
		case f.failed < tries:
			return header{}, err
		}
	}
	final = max(final, head.number-cfg.MaxUnfinal, 0)
	if final != finalized.number {
		return header{number: final}, nil
	}
	return finalized, nil
}

// isWithoutFinality says whether an answer means that the node knows no final
// block, as fresh and some other chains don't, rather than that it has no time to
// tell.
func isWithoutFinality(err error) bool {
	const limitExceeded, internal = -32005, -32603
	said, ok := errors.AsType[*rpcError](err)
	if !ok || said.Refusal().IsRate() || said.Code == limitExceeded {
		return false
	}
	return said.Code != internal || strings.Contains(said.Message, "final")
}

// breaks are the breaks of finality that were seen and are not believed yet: several
// streams may stand at places that are not on the chain.
type breaks struct {
	mu        sync.Mutex
	seen      map[sighting]*watch
	confirmed time.Time // when one was last believed
}

// watch is for how long a break is seen.
type watch struct {
	since   time.Time
	last    time.Time // when it was last counted
	answers int
}

// sighting is a final block that is no longer on the chain, and what stands there now.
type sighting struct {
	height   int64
	was, now string
}

// leastAnswers is how often a break must be seen.
const leastAnswers = 3

// mostBreaks is how many breaks are watched at once.
const mostBreaks = 100

// see counts a sighting and says whether the break is confirmed by now.
func (b *breaks) see(s sighting, cfg Config, now time.Time) (confirmed, isNew bool, since time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.seen[s]
	if w == nil {
		isNew = len(b.seen) == 0
		maps.DeleteFunc(b.seen, func(other sighting, _ *watch) bool { return other.was == s.was || len(b.seen) >= mostBreaks })
		if b.seen == nil {
			b.seen = map[sighting]*watch{}
		}
		w = &watch{since: now}
		b.seen[s] = w
	}
	if now.Sub(w.last) >= cfg.ConfirmViolations/10 {
		w.answers, w.last = w.answers+1, now
	}
	since = now.Sub(w.since)
	confirmed = !cfg.HoldViolations && (cfg.ConfirmViolations < 0 || since >= cfg.ConfirmViolations && w.answers >= leastAnswers)
	if confirmed {
		b.confirmed = now
		clear(b.seen)
	}
	return confirmed, isNew, since
}

// over notes that a block that was final is on the chain.
func (b *breaks) over(ctx context.Context, log *slog.Logger, hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.seen {
		if s.was == hash {
			log.InfoContext(ctx, "finality holds: the endpoint was wrong", "height", s.height)
			delete(b.seen, s)
		}
	}
}

// open says whether a break was seen and is not believed.
func (b *breaks) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen) > 0
}

// confirmedFor is how long the places that a confirmed break leads back are not
// confirmed one by one.
const confirmedFor = time.Hour

func (b *breaks) confirmedLately(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.confirmed.IsZero() && now.Sub(b.confirmed) < confirmedFor
}

// isBroken says whether the block that was final is no longer on the chain, which must
// be confirmed.
func (c *Chain) isBroken(ctx context.Context, n client, known, view *chains.View) (bool, error) {
	final := known.Final
	if final.Hash == "" {
		return false, nil
	}
	hash, ok := view.Hash(final.Seq)
	if !ok {
		now, err := c.headersOf(ctx, n, final.Seq, final.Seq+1)
		if err != nil {
			return false, err
		}
		hash = now[0].hash
	}
	if hash == final.Hash {
		return false, nil
	}
	if err := c.confirm(ctx, n, sighting{final.Seq, final.Hash, hash}); err != nil {
		return false, err
	}
	return true, nil
}

// confirm returns nil once a break of finality is to be believed: the endpoint serves
// the configured chain, every other endpoint that answers agrees, and the break has
// lasted. Until then the error is ErrFinality.
func (c *Chain) confirm(ctx context.Context, n client, s sighting) error {
	if err := c.verify(ctx, n); err != nil {
		return err
	}
	if other, agrees := c.others(ctx, n, s); !agrees {
		n.IsWrong()
		return n.Errorf("%w: block %d, which was final, is not on its chain, and is on that of %s", chains.ErrFinality, s.height, other)
	}
	confirmed, isNew, since := c.breaks.see(s, c.cfg, time.Now())
	attrs := []any{"endpoint", n.Host(), "height", s.height, "final", s.was, "now", s.now}
	switch {
	case confirmed:
		c.cfg.Log.ErrorContext(ctx, "reorganisation deeper than finality", attrs...)
		return nil
	case isNew:
		c.cfg.Log.ErrorContext(ctx, "finality was broken: the chain stands until that is confirmed", attrs...)
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

// others asks the other endpoints for the block that was final. It returns the host of
// one that still has it, if there is one.
func (c *Chain) others(ctx context.Context, but client, s sighting) (string, bool) {
	for _, e := range c.pool.All() {
		if e == but.Endpoint {
			continue
		}
		var id int64
		var h header
		n := c.client(e)
		err := n.do(ctx, chainID(&id), blockByNumber(quantity(s.height), &h))
		if err == nil && uint64(id) == c.cfg.ChainID && h.hash == s.was {
			return e.Host(), false
		}
	}
	return "", true
}

// reaching is the need of an endpoint that has a block.
func reaching(height int64) endpoint.Need { return endpoint.Need{To: height} }
