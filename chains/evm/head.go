package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// maxTries is how often a walk is tried while the chain moves.
const maxTries = 3

// errMoved: the chain changed between two answers.
var errMoved = errors.New("the chain moved between two answers")

// Advance implements chains.Chain. A new view never reaches below the known final block. A
// reorganisation deeper than that is followed once it is confirmed; it is counted in
// View.FinalityViolations and logged as an error.
func (c *Chain) Advance(ctx context.Context, known *chains.View) (view *chains.View, err error) {
	var need endpoint.Need
	if known != nil {
		need.To = known.Head.Seq
	}
	err = c.use(ctx, need, func(ctx context.Context, n jsonrpc.Client) (err error) {
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

func (c *Chain) advance(ctx context.Context, n jsonrpc.Client, known *chains.View) (*chains.View, error) {
	head, finalized, err := c.fetchTip(ctx, n, known)
	if err != nil {
		return nil, err
	}
	final := finalized.Number
	if known != nil {
		if head.Number < known.Head.Seq && isOn(known, head) || head.Number < known.Final.Seq {
			return known, nil // a lagging node
		}
		final = max(final, known.Final.Seq)
		if head.Hash == known.Head.Hash && final == known.Final.Seq {
			c.violations.resolve(ctx, c.cfg.Log, known.Final.Hash)
			return known, nil
		}
	}
	hashes, joined, err := c.walkBack(ctx, n, head, final, known)
	if err != nil {
		return nil, err
	}
	if finalized.Hash != "" && finalized.Number == final && finalized.Hash != hashes[0] {
		return nil, n.Errorf("%w: block %d, finalized as %s, is not an ancestor of the head %s", errMoved, final, finalized.Hash, head.Hash)
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

func isOn(view *chains.View, h eth.Header) bool {
	hash, ok := view.Hash(h.Number)
	return ok && hash == h.Hash
}

// fetchTip asks for the newest block, the newest final one and, in the same request, the chain
// id. The final block has a hash only if the node named it.
func (c *Chain) fetchTip(ctx context.Context, n jsonrpc.Client, known *chains.View) (head, finalized eth.Header, err error) {
	var id int64
	ours, latest, safest := eth.ChainID(&id), eth.BlockByNumber("latest", &head), eth.BlockByNumber("finalized", &finalized)
	if err := n.Send(ctx, ours, latest, safest); err != nil {
		return eth.Header{}, eth.Header{}, err
	}
	if err := jsonrpc.FirstError([]*jsonrpc.Call{ours, latest}); err != nil {
		return eth.Header{}, eth.Header{}, err
	}
	if err := c.checkChainID(n, id); err != nil {
		return eth.Header{}, eth.Header{}, err
	}
	if head.Hash == "" {
		return eth.Header{}, eth.Header{}, n.Errorf("%w: no latest block", chains.ErrAhead)
	}
	n.NoteHeight(head.Number)
	c.headers.Add(head.Hash, head)
	finalized, err = c.finality.block(c.cfg, head, finalized, safest.Err, known)
	return head, finalized, err
}

// walkBack follows parent hashes from the head down to the known branch, or to the height
// final, and returns the hashes from final on. It reports whether it reached the known branch.
// Some chains have heights without a block: the hash there is that of the block below.
func (c *Chain) walkBack(ctx context.Context, n jsonrpc.Client, head eth.Header, final int64, known *chains.View) ([]string, bool, error) {
	hashes := make([]string, head.Number-final+1)
	h := head
	ahead := int64(c.cfg.MaxBatch) // headers to ask for in one request
	if known != nil {
		ahead = max(head.Number-known.Head.Seq-1, 1)
	}
	number := head.Number // hashes are known down to here
	hashes[number-final] = h.Hash
	for {
		if known != nil && isOn(known, eth.Header{Number: number, Hash: h.Hash}) {
			for n := final; n < number; n++ {
				hashes[n-final], _ = known.Hash(n)
			}
			return hashes, true, nil
		}
		if number == final {
			return hashes, false, nil
		}
		// The headers below are asked for by number and proven by parent hashes. The
		// last hash needs no header: its child's has it.
		if number == final+1 || known != nil && isOn(known, eth.Header{Number: number - 1, Hash: h.Parent}) {
			number--
			h = eth.Header{Number: number, Hash: h.Parent}
			hashes[number-final] = h.Hash
			continue
		}
		if parent, ok := c.headers.Get(h.Parent); ok && parent.Number == number-1 {
			number, h = number-1, parent
			hashes[number-final] = h.Hash
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
			case below[i].Hash == "":
				number--
				hashes[number-final] = h.Parent
				continue
			case below[i].Hash != h.Parent:
				return nil, false, n.Errorf("%w: block %d is not the parent of %s", errMoved, below[i].Number, h.Hash)
			}
			h = below[i]
			number--
			hashes[number-final] = h.Hash
			empty = number
		}
		if empty-number > maxEmptyHeights {
			return nil, false, n.Errorf("%w: the %d blocks below %d are missing", errMoved, empty-number, empty)
		}
	}
}
