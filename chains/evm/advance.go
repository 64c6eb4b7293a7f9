package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// tries is how often a walk is tried when the chain moves meanwhile.
const tries = 3

// errMoved says that the chain changed between two answers.
var errMoved = errors.New("the chain moved meanwhile")

// Advance implements chains.Chain. A new view never reaches below the final block
// of the known one; another hash at that height, a reorganisation deeper than
// finality, is followed once it is confirmed, counted in the view's Breaks, and logged
// as an error.
func (c *Chain) Advance(ctx context.Context, known *chains.View) (view *chains.View, err error) {
	var need endpoint.Need
	if known != nil {
		need.To = known.Head.Seq
	}
	err = c.use(ctx, need, func(ctx context.Context, n client) (err error) {
		for try := 1; ; try++ {
			view, err = c.advance(ctx, n, known)
			if !errors.Is(err, errMoved) {
				return err
			}
			if try == tries {
				return fmt.Errorf("%w: %w", chains.ErrReorganised, err)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return view, nil
}

func (c *Chain) advance(ctx context.Context, n client, known *chains.View) (*chains.View, error) {
	head, finalized, err := c.tip(ctx, n, known)
	if err != nil {
		return nil, err
	}
	final := finalized.number
	if known != nil {
		if head.number < known.Head.Seq && isOn(known, head) || head.number < known.Final.Seq {
			return known, nil // a lagging node
		}
		final = max(final, known.Final.Seq)
		if head.hash == known.Head.Hash && final == known.Final.Seq {
			c.breaks.over(ctx, c.cfg.Log, known.Final.Hash)
			return known, nil
		}
	}
	hashes, joined, err := c.walk(ctx, n, head, final, known)
	if err != nil {
		return nil, err
	}
	if finalized.hash != "" && finalized.number == final && finalized.hash != hashes[0] {
		return nil, n.Errorf("%w: block %d, finalized as %s, is not an ancestor of the head %s", errMoved, final, finalized.hash, head.hash)
	}
	view := chains.NewView(final, hashes)
	if known == nil {
		return view, nil
	}
	view.FinalityViolations = known.FinalityViolations
	if joined {
		c.breaks.over(ctx, c.cfg.Log, known.Final.Hash)
		return view, nil
	}
	broken, err := c.isBroken(ctx, n, known, view)
	if err != nil {
		return nil, err
	}
	if broken {
		view.FinalityViolations++
	}
	return view, nil
}

func isOn(view *chains.View, h header) bool {
	hash, ok := view.Hash(h.number)
	return ok && hash == h.hash
}

// tip asks for the newest block and for the newest final one; and, in the same request,
// for the chain id. The final block has a hash only if the node named it.
func (c *Chain) tip(ctx context.Context, n client, known *chains.View) (head, finalized header, err error) {
	var id int64
	ours, latest, safest := chainID(&id), blockByNumber("latest", &head), blockByNumber("finalized", &finalized)
	if err := n.send(ctx, ours, latest, safest); err != nil {
		return header{}, header{}, err
	}
	if err := firstError([]*call{ours, latest}); err != nil {
		return header{}, header{}, err
	}
	if err := c.isOurs(n, id); err != nil {
		return header{}, header{}, err
	}
	if head.hash == "" {
		return header{}, header{}, n.Errorf("%w: no latest block", chains.ErrAhead)
	}
	n.Saw(head.number)
	c.headers.Add(head.hash, head)
	finalized, err = c.finality.of(c.cfg, head, finalized, safest.err, known)
	return head, finalized, err
}

// walk follows parent hashes from the head down to the known branch or to the
// height final, and returns the hashes from there on. It reports whether it
// joined the known branch. At a height without a block, which some chains have, stands
// the hash of the block below.
func (c *Chain) walk(ctx context.Context, n client, head header, final int64, known *chains.View) ([]string, bool, error) {
	hashes := make([]string, head.number-final+1)
	h := head
	ahead := int64(c.cfg.MaxBatch) // headers to ask for at once
	if known != nil {
		ahead = max(head.number-known.Head.Seq-1, 1)
	}
	number := head.number // down to which hashes are known
	hashes[number-final] = h.hash
	for {
		if known != nil && isOn(known, header{number: number, hash: h.hash}) {
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
			hashes[number-final] = h.hash
			continue
		}
		if parent, ok := c.headers.Get(h.parent); ok && parent.number == number-1 {
			number, h = number-1, parent
			hashes[number-final] = h.hash
			continue
		}
		below, err := c.headersOf(ctx, n, max(final+1, number-min(ahead, int64(c.cfg.MaxBatch))), number)
		if err != nil {
			return nil, false, err
		}
		ahead *= 2
		empty := number // heights from here up have no block
		for i := len(below) - 1; i >= 0; i-- {
			switch {
			case below[i].hash == "":
				number--
				hashes[number-final] = h.parent
				continue
			case below[i].hash != h.parent:
				return nil, false, n.Errorf("%w: block %d is not the parent of %s", errMoved, below[i].number, h.hash)
			}
			h = below[i]
			number--
			hashes[number-final] = h.hash
			empty = number
		}
		if empty-number > maxEmpty {
			return nil, false, n.Errorf("%w: the %d blocks below %d are missing", errMoved, empty-number, empty)
		}
	}
}

// maxEmpty is how many heights in a row may have no block.
const maxEmpty = 32

// headersOf asks for the headers from one height up to, but without, another. A height
// may have no block.
func (c *Chain) headersOf(ctx context.Context, n client, from, to int64) ([]header, error) {
	headers := make([]header, to-from)
	calls := make([]*call, len(headers))
	for i := range headers {
		calls[i] = blockByNumber(quantity(from+int64(i)), &headers[i])
	}
	err := n.do(ctx, calls...)
	for i, h := range headers {
		if h.hash == "" {
			continue
		}
		if number := from + int64(i); h.number != number {
			return nil, n.Malformed("asked for block %d, answered with block %d", number, h.number)
		}
		c.headers.Add(h.hash, h) // kept, whatever failed beside it
	}
	return headers, err
}
