package backfill

import (
	"context"
	"fmt"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// placeAt returns the place at a block within a window, asked for once for all streams.
// Streams advance by halves of the way to the head, so the places at which they will stop next
// come in the same request.
func (b *Windows) placeAt(ctx context.Context, view *chains.View, w *window, number int64) (markets.Place, error) {
	if place, ok := b.knownPlace(w, number); ok {
		return place, nil
	}
	flight := b.flights.DoChan(fmt.Sprint("place ", number), func() (any, error) {
		if place, ok := b.knownPlace(w, number); ok { // by the previous flight
			return place, nil
		}
		return b.fetchPlaces(b.ctx, view.Head.Seq, w, number)
	})
	select {
	case <-ctx.Done():
		return markets.Place{}, context.Cause(ctx)
	case result := <-flight:
		place, _ := result.Val.(markets.Place)
		return place, result.Err
	}
}

func (b *Windows) knownPlace(w *window, number int64) (markets.Place, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	place, ok := w.places[number]
	return place, ok
}

// fetchPlaces asks for the place at a block and for those that follow it by halves, together
// with the window's last block: so they are on the branch of the window's logs.
func (b *Windows) fetchPlaces(ctx context.Context, head int64, w *window, number int64) (place markets.Place, err error) {
	numbers := []int64{number}
	for next := number; next < w.last; next += max(1, (head-next)/2) {
		if next > number {
			numbers = append(numbers, next)
		}
	}
	headers, from, err := b.source.HeadersBelow(ctx, markets.Place{Seq: w.last, Hash: w.hash}, numbers)
	if err != nil {
		return markets.Place{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.places == nil {
		w.places = map[int64]markets.Place{}
	}
	for i, h := range headers {
		if h.Hash == "" { // a height without a block
			continue
		}
		place := markets.Place{Seq: numbers[i], Hash: h.Hash}
		w.places[numbers[i]] = place
		b.ends.add(place, windowEnd{from, time.Now()})
	}
	return w.places[number], nil
}
