package backfill

import (
	"context"
	"fmt"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// windowEnds are the last blocks of windows fetched lately, kept or not, and places within
// windows that were asked for.
type windowEnds map[markets.Place]windowEnd

type windowEnd struct {
	from    *endpoint.Endpoint
	started time.Time
}

const endsKept = 1000

func (e windowEnds) add(at markets.Place, of windowEnd) {
	if len(e) >= endsKept {
		clear(e)
	}
	e[at] = of
}

// link checks that a window continues the branch of the place that a stream has reached, and
// that it ends on the view's branch. Consecutive windows from one endpoint are taken to be of
// one branch.
func (b *Windows) link(ctx context.Context, view *chains.View, w *window, after markets.Place) error {
	if w.last == view.Final.Seq && view.Final.Hash != "" && w.hash != view.Final.Hash {
		return fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, w.last, view.Final.Hash)
	}
	if after.Hash == "" || b.isLinked(w, after) {
		return nil
	}
	start, end, err := b.source.Headers(ctx, after.Seq, w.last)
	switch {
	case err != nil:
		return err
	case start.Hash != "" && start.Hash != after.Hash:
		return fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, after.Seq, after.Hash)
	case end.Hash != "" && end.Hash != w.hash:
		return fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, w.last, w.hash)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.linked) > 1000 {
		clear(b.linked)
	}
	b.linked[after] = true
	return nil
}

// maxLinkAge is how far apart in time two windows of one endpoint may be fetched to be taken
// as one branch.
const maxLinkAge = time.Minute

func (b *Windows) isLinked(w *window, after markets.Place) bool {
	if b.source.FinalityInDoubt() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.linked[after] {
		return true
	}
	if other, ok := b.ends[after]; ok && other.from != nil && other.from == w.from {
		return w.started.Sub(other.started).Abs() < maxLinkAge
	}
	// Within a window, after a block whose logs it has.
	for i := range w.raws {
		if w.raws[i].Seq == after.Seq {
			return w.raws[i].Block == after.Hash
		}
	}
	return false
}
