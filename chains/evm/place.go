package evm

import (
	"context"
	"time"

	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// ends are the ends of windows that were fetched lately, kept or not, and the places
// within windows that were asked for.
type ends map[markets.Place]end

type end struct {
	from  *endpoint.Endpoint
	begun time.Time
}

const endsKept = 1000

func (e ends) add(at markets.Place, of end) {
	if len(e) >= endsKept {
		clear(e)
	}
	e[at] = of
}

// placeIn is the place at a block of a window: asked for once for all streams, and of
// the endpoint that gave the window if that is there.
func (b *backfill) placeIn(ctx context.Context, w *window, number int64) (markets.Place, error) {
	w.placing.Lock()
	defer w.placing.Unlock()
	if place, ok := w.places[number]; ok {
		return place, nil
	}
	place, from, err := b.chain.placeAt(ctx, number)
	if err != nil {
		return markets.Place{}, err
	}
	if w.places == nil {
		w.places = map[int64]markets.Place{}
	}
	w.places[number] = place
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ends.add(place, end{from, time.Now()})
	return place, nil
}

// placeAt is the place at a final block, and the endpoint that tells it.
func (c *Chain) placeAt(ctx context.Context, number int64) (markets.Place, *endpoint.Endpoint, error) {
	var h header
	var from *endpoint.Endpoint
	err := c.use(ctx, reaching(number), func(ctx context.Context, n client) error {
		from = n.Endpoint
		if err := n.do(ctx, blockByNumber(quantity(number), &h)); err != nil || h.hash != "" {
			return err
		}
		below, err := c.atOrBelow(ctx, n, number)
		h = below
		return err
	})
	return markets.Place{Seq: number, Hash: h.hash}, from, err
}
