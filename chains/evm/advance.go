package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imart/event-worker/chains"
)

const (
	maxBatch = 100 // calls in one request
	tries    = 3   // of a walk, when the chain moves meanwhile
)

// errMoved says that the chain changed between two answers.
var errMoved = errors.New("the chain moved meanwhile")

// Advance implements chains.Chain. A new view never reaches below the final block
// of the known one; another hash at that height, a reorganisation deeper than
// finality, is followed like any other, but counted in the view's Breaks and logged
// as an error.
func (c *Chain) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		view, err := c.advance(ctx, known)
		if !errors.Is(err, errMoved) {
			return view, err
		}
		if try == tries {
			return nil, fmt.Errorf("%w: %w", chains.ErrReorganised, err)
		}
	}
}

func (c *Chain) advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	head, final, err := c.tip(ctx)
	if err != nil {
		return nil, err
	}
	if known != nil {
		if head.number < known.Head.Seq && isOn(known, head) || head.number < known.Final.Seq {
			return known, nil // a lagging node
		}
		final = max(final, known.Final.Seq)
		if head.hash == known.Head.Hash && final == known.Final.Seq {
			return known, nil
		}
	}
	hashes, joined, err := c.walk(ctx, head, final, known)
	if err != nil {
		return nil, err
	}
	view := chains.NewView(final, hashes)
	if known == nil {
		return view, nil
	}
	view.Breaks = known.Breaks
	if !joined {
		broken, err := c.isBroken(ctx, known, view)
		if err != nil {
			return nil, err
		}
		if broken {
			view.Breaks++
		}
	}
	return view, nil
}

func isOn(view *chains.View, h header) bool {
	hash, ok := view.Hash(h.number)
	return ok && hash == h.hash
}

// tip asks for the newest block and for the height of the newest final one.
func (c *Chain) tip(ctx context.Context) (head header, final int64, err error) {
	var finalized header
	latest, safest := blockByNumber("latest", &head), blockByNumber("finalized", &finalized)
	if err := c.node.send(ctx, latest, safest); err != nil {
		return header{}, 0, err
	}
	switch {
	case latest.err != nil:
		return header{}, 0, latest.err
	case head.hash == "":
		return header{}, 0, c.node.Errorf("%w: no latest block", chains.ErrAhead)
	case safest.err != nil && !isWithoutFinality(safest.err):
		return header{}, 0, safest.err
	case finalized.hash == "":
		final = head.number - c.cfg.Confirmations
	default:
		final = min(finalized.number, head.number)
	}
	return head, max(final, head.number-c.cfg.MaxUnfinal, 0), nil
}

// isWithoutFinality says whether an answer means that the node knows no final
// block, as fresh and some other chains don't, rather than that it has no time to
// tell.
func isWithoutFinality(err error) bool {
	const limitExceeded, internal = -32005, -32603
	said, ok := errors.AsType[*rpcError](err)
	if !ok || isRate(said.Message) || said.Code == limitExceeded {
		return false
	}
	return said.Code != internal || strings.Contains(said.Message, "final")
}

// walk follows parent hashes from the head down to the known branch or to the
// height final, and returns the hashes from there on. It reports whether it
// joined the known branch.
func (c *Chain) walk(ctx context.Context, head header, final int64, known *chains.View) ([]string, bool, error) {
	hashes := make([]string, head.number-final+1)
	h := head
	ahead := int64(maxBatch) // headers to ask for at once
	if known != nil {
		ahead = max(head.number-known.Head.Seq-1, 1)
	}
	for number := head.number; ; {
		hashes[number-final] = h.hash
		if known != nil && isOn(known, h) {
			for n := final; n < number; n++ {
				hashes[n-final], _ = known.Hash(n)
			}
			return hashes, true, nil
		}
		if number == final {
			return hashes, false, nil
		}
		// The headers below are asked for by number and proven by parent hashes. The
		// last hash needs no header: its child's tells it.
		if number == final+1 || known != nil && isOn(known, header{number: number - 1, hash: h.parent}) {
			number--
			h = header{number: number, hash: h.parent}
			continue
		}
		below, err := c.headers(ctx, max(final+1, number-min(ahead, maxBatch)), number)
		if err != nil {
			return nil, false, err
		}
		ahead *= 2
		for i := len(below) - 1; i >= 0; i-- {
			if below[i].hash != h.parent {
				return nil, false, c.node.Errorf("%w: block %d is not the parent of %s", errMoved, below[i].number, h.hash)
			}
			h = below[i]
			number--
			hashes[number-final] = h.hash
		}
	}
}

// headers asks for the headers from one height up to, but without, another.
func (c *Chain) headers(ctx context.Context, from, to int64) ([]header, error) {
	headers := make([]header, to-from)
	calls := make([]*call, len(headers))
	for i := range headers {
		calls[i] = blockByNumber(quantity(from+int64(i)), &headers[i])
	}
	if err := c.node.do(ctx, calls...); err != nil {
		return nil, err
	}
	for i, h := range headers {
		number := from + int64(i)
		if h.hash == "" {
			return nil, c.node.Errorf("%w: block %d is missing below the head", errMoved, number)
		}
		if h.number != number {
			return nil, c.node.Errorf("asked for block %d, answered with block %d", number, h.number)
		}
	}
	return headers, nil
}

// isBroken says whether the block that was final is no longer on the chain, and
// logs it as an error.
func (c *Chain) isBroken(ctx context.Context, known, view *chains.View) (bool, error) {
	final := known.Final
	if final.Hash == "" {
		return false, nil
	}
	hash, ok := view.Hash(final.Seq)
	if !ok {
		now, err := c.headers(ctx, final.Seq, final.Seq+1)
		if err != nil {
			return false, err
		}
		hash = now[0].hash
	}
	if hash == final.Hash {
		return false, nil
	}
	c.cfg.Log.ErrorContext(ctx, "reorganisation deeper than finality", "endpoint", c.node.Host(),
		"height", final.Seq, "final", final.Hash, "now", hash)
	return true, nil
}
