package evm

import (
	"context"
	"fmt"
	"time"

	"github.com/imart/event-worker/chains"
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

// placeIn is the place at a block of a window, asked for once for all streams. Streams
// read by halves of the way to the head: the places at which they will stop next come in
// the same request.
func (b *backfill) placeIn(ctx context.Context, view *chains.View, w *window, number int64) (markets.Place, error) {
	if place, ok := b.known(w, number); ok {
		return place, nil
	}
	flight := b.chain.flights.DoChan(fmt.Sprint("place ", number), func() (any, error) {
		if place, ok := b.known(w, number); ok { // by the flight before
			return place, nil
		}
		return b.placesFrom(b.chain.life, view.Head.Seq, w, number)
	})
	select {
	case <-ctx.Done():
		return markets.Place{}, context.Cause(ctx)
	case result := <-flight:
		place, _ := result.Val.(markets.Place)
		return place, result.Err
	}
}

func (b *backfill) known(w *window, number int64) (markets.Place, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	place, ok := w.places[number]
	return place, ok
}

// placesFrom asks for the place at a block and for those that follow it by halves.
func (b *backfill) placesFrom(ctx context.Context, head int64, w *window, number int64) (place markets.Place, err error) {
	numbers := []int64{number}
	for next := number; next < w.last; next += max(1, (head-next)/2) {
		if next > number {
			numbers = append(numbers, next)
		}
	}
	headers := make([]header, len(numbers))
	calls := make([]*call, len(numbers))
	for i := range calls {
		calls[i] = blockByNumber(quantity(numbers[i]), &headers[i])
	}
	var from *endpoint.Endpoint
	err = b.chain.use(ctx, reaching(w.last), func(ctx context.Context, n client) error {
		from = n.Endpoint
		if err := n.do(ctx, calls...); err != nil || headers[0].hash != "" {
			return err
		}
		below, err := b.chain.atOrBelow(ctx, n, number)
		headers[0] = below
		return err
	})
	if err != nil {
		return markets.Place{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.places == nil {
		w.places = map[int64]markets.Place{}
	}
	for i, h := range headers {
		if h.hash == "" { // a height without a block
			continue
		}
		place := markets.Place{Seq: numbers[i], Hash: h.hash}
		w.places[numbers[i]] = place
		b.ends.add(place, end{from, time.Now()})
	}
	return w.places[number], nil
}
