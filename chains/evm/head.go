package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// maxTries is how often a walk is tried when the chain moves meanwhile.
const maxTries = 3

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
			if try == maxTries {
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
	head, final, err := c.fetchTip(ctx, n, known)
	if err != nil {
		return nil, err
	}
	if known != nil {
		if head.number < known.Head.Seq && isOn(known, head) || head.number < known.Final.Seq {
			return known, nil // a lagging node
		}
		final = max(final, known.Final.Seq)
		if head.hash == known.Head.Hash && final == known.Final.Seq {
			c.violations.resolve(ctx, c.cfg.Log, known.Final.Hash)
			return known, nil
		}
	}
	hashes, joined, err := c.walkBack(ctx, n, head, final, known)
	if err != nil {
		return nil, err
	}
	view := chains.NewView(final, hashes)
	if known == nil {
		return view, nil
	}
	view.FinalityViolations = known.FinalityViolations
	if joined {
		c.violations.resolve(ctx, c.cfg.Log, known.Final.Hash)
		return view, nil
	}
	broken, err := c.isFinalityViolated(ctx, n, known, view)
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

// fetchTip asks for the newest block and for the height of the newest final one; and, in the
// same request, for the chain id.
func (c *Chain) fetchTip(ctx context.Context, n client, known *chains.View) (head header, final int64, err error) {
	var id int64
	var finalized header
	ours, latest, safest := chainID(&id), blockByNumber("latest", &head), blockByNumber("finalized", &finalized)
	if err := n.send(ctx, ours, latest, safest); err != nil {
		return header{}, 0, err
	}
	if err := firstError([]*call{ours, latest}); err != nil {
		return header{}, 0, err
	}
	if err := c.checkChainID(n, id); err != nil {
		return header{}, 0, err
	}
	if head.hash == "" {
		return header{}, 0, n.Errorf("%w: no latest block", chains.ErrAhead)
	}
	n.Saw(head.number)
	c.headers.Add(head.hash, head)
	final, err = c.finality.height(c.cfg, head, finalized, safest.err, known)
	return head, final, err
}

// walkBack follows parent hashes from the head down to the known branch or to the
// height final, and returns the hashes from there on. It reports whether it
// joined the known branch. At a height without a block, which some chains have, stands
// the hash of the block below.
func (c *Chain) walkBack(ctx context.Context, n client, head header, final int64, known *chains.View) ([]string, bool, error) {
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
		below, err := c.headersBetween(ctx, n, max(final+1, number-min(ahead, int64(c.cfg.MaxBatch))), number)
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
		if empty-number > maxEmptyHeights {
			return nil, false, n.Errorf("%w: the %d blocks below %d are missing", errMoved, empty-number, empty)
		}
	}
}

