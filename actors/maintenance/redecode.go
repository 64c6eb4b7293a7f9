package maintenance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/factories"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// maxRaw is how many bytes of raw events Redecode keeps in memory.
const maxRaw = 1 << 30

// rawsPerBatch is how many raw events a batch of Redecode has, about.
const rawsPerBatch = 1000

// ErrNoRaw means that the log lacks raw events that are needed to decode a stream again.
var ErrNoRaw = errors.New("cannot be decoded from its log")

// Redecode takes a chain over and decodes a stream's events again.
func Redecode(ctx context.Context, store persistence.Store, node string, kind markets.ChainKind, chain, market string, s markets.Stream, height int64) (int, error) {
	m, err := TakeOver(ctx, store, node, chain)
	if err != nil {
		return 0, err
	}
	return m.Redecode(ctx, kind, market, s, height)
}

// Redecode decodes a stream's events beyond a height again, from the raw events that its
// activities and dead letters have: the stream is rolled back to the newest place of its
// trail at or below the height, and comes forward again over the same events. Raw events
// that had become nothing are in neither, and stay nothing. Once all of a stream is decoded
// again, its definition no longer counts as changed. Interrupted, Redecode leaves the stream at
// an earlier place, from which the node reads on. It returns the number of raw events. The
// errors are ErrNoRaw, with which nothing has changed, ErrNotYet if nothing was read
// of the stream, and those of the store.
func (m *Maintainer) Redecode(ctx context.Context, kind markets.ChainKind, market string, s markets.Stream, height int64) (int, error) {
	id := m.chain + "/" + market + "/" + s.Name
	if !s.Separable {
		return 0, fmt.Errorf("%s %w: its decoder needs events that became no activities; rewind the stream instead", id, ErrNoRaw)
	}
	r := m.redecoder(kind, market, s)
	if err := r.findObservers(ctx); err != nil {
		return 0, fmt.Errorf("%s: %w", id, err)
	}
	from, ok := r.log.Trail.AtOrBelow(height)
	if !ok || from == r.log.Place {
		return 0, nil
	}
	if err := r.read(ctx, from.Seq); err != nil {
		return 0, fmt.Errorf("%s %w", id, err)
	}
	renews, err := r.renews(ctx, from)
	if err == nil {
		err = r.again(ctx, from, renews)
	}
	if err != nil {
		return 0, fmt.Errorf("decoding %s again: %w", id, err)
	}
	return len(r.raws), nil
}

// redecoder decodes a stream again.
type redecoder struct {
	*Maintainer
	market    string
	stream    markets.Stream
	log       persistence.Actor
	documents *persistence.Actor
	raws      []markets.Raw        // by position
	lost      []markets.DeadLetter // that are not whole, and stay as they are
	completer *currencies.Completer
	open      map[string]bool // currencies in the log of which the chain told nothing
}

func (m *Maintainer) redecoder(kind markets.ChainKind, market string, s markets.Stream) *redecoder {
	return &redecoder{Maintainer: m, market: market, stream: s, completer: currencies.New(m.chain, kind, nil, m.store), open: map[string]bool{}}
}

func (r *redecoder) findObservers(ctx context.Context) error {
	observers, err := r.observers(ctx, Scope{r.market, r.stream.Name})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(observers, func(a persistence.Actor) bool { return !a.Documents })
	if i < 0 {
		return fmt.Errorf("nothing was read of it: %w", ErrNotYet)
	}
	r.log, r.documents = observers[i], documentsOf(observers, observers[i])
	return r.align(ctx, &r.log, r.documents)
}

// read reads the raw events beyond a seq.
func (r *redecoder) read(ctx context.Context, after int64) error {
	found := map[markets.Position]markets.Raw{}
	missing := map[markets.Position]bool{}
	entries, room := Scope{r.market, r.stream.Name}.filter(r.chain), maxRaw
	var announced []markets.Announcement
	add := func(text json.RawMessage, raws ...markets.Raw) error {
		if room -= len(text); room < 0 {
			return fmt.Errorf("%w: more than %d bytes; name a greater height, or rewind the stream", ErrNoRaw, maxRaw)
		}
		for _, raw := range raws {
			found[raw.Position] = raw
		}
		return nil
	}
	err := each(ctx, r.store, persistence.Activities, entries, func(a markets.Activity) error {
		p := a.Position
		p.Sub = 0
		if a.Seq <= after {
			if a.Kind == markets.ContractCreated {
				announced = append(announced, a.Announcement())
			}
			return nil
		}
		for _, address := range r.completer.Open([]markets.Event{a.Event}) {
			r.open[address] = true
		}
		var raw markets.Raw
		if len(a.Raw) == 0 || json.Unmarshal(a.Raw, &raw) != nil || raw.Left > 0 {
			missing[p] = true
			return nil
		}
		return add(a.Raw, raw)
	})
	if err != nil {
		return err
	}
	err = each(ctx, r.store, persistence.DeadLetters, entries, func(d markets.DeadLetter) error {
		if d.Seq <= after {
			return nil
		}
		var transaction []markets.Raw
		whole := json.Unmarshal(d.Raw, &transaction) == nil
		i := slices.IndexFunc(transaction, func(raw markets.Raw) bool { return raw.Position == d.Position && raw.Left == 0 })
		if !whole || i < 0 {
			r.lost = append(r.lost, d)
			return nil
		}
		return add(d.Raw, transaction[i])
	})
	if err != nil {
		return err
	}
	for p := range missing { // of a raw event's activities only the first may have it
		if _, ok := found[p]; !ok {
			return fmt.Errorf("%w: the activity at %d.%d.%d has no whole raw event; name a height behind it", ErrNoRaw, p.Height, p.Transaction, p.Log)
		}
	}
	for _, raw := range found {
		r.raws = append(r.raws, raw)
	}
	slices.SortFunc(r.raws, func(a, b markets.Raw) int { return a.Position.Compare(b.Position) })
	if f := r.stream.Source.Factories; f != nil {
		r.raws, _ = factories.Filter(f, factories.Contracts{}.With(announced...), r.raws)
	}
	slices.SortFunc(r.lost, func(a, b markets.DeadLetter) int { return a.Position.Compare(b.Position) })
	return nil
}

// renews reports whether decoding the log again from a place makes all of it what the changed
// definition would have made.
func (r *redecoder) renews(ctx context.Context, from markets.Place) (bool, error) {
	meaning := r.log.Under(r.stream.Meaning)
	if from != r.log.Trail[0] || meaning == nil || len(meaning.Changed) == 0 || r.keepsAll(meaning.Changed) != nil {
		return false, nil
	}
	err := r.decodable(ctx)
	if errors.Is(err, ErrNoRaw) {
		return false, nil
	}
	return err == nil, err
}

// again rolls the stream back to a place and brings it forward to where it was. A log at its
// start can take on the present meaning.
func (r *redecoder) again(ctx context.Context, from markets.Place, renews bool) (err error) {
	was := r.log
	for _, a := range []*persistence.Actor{r.documents, &r.log} {
		if a == nil {
			continue
		}
		back := markets.Transition{Kind: markets.RollbackTransition, Chain: r.chain, Market: r.market, Stream: r.stream.Name, From: a.Place, To: from}
		if err := r.execute(ctx, a, back); err != nil {
			return err
		}
	}
	if renews {
		if r.log, err = r.claimUnder(ctx, r.log, r.stream.Meaning); err != nil {
			return err
		}
	}
	return r.onward(ctx, was)
}

// onward brings the stream forward to where its log was, over the raw events.
func (r *redecoder) onward(ctx context.Context, was persistence.Actor) error {
	for rest, from := r.raws, r.log.Place; from != was.Place; {
		r.progress("decoding raw events", len(r.raws)-len(rest), len(r.raws))
		n := r.next(rest)
		to := was.Place
		if n < len(rest) {
			to = markets.Place{Seq: rest[n-1].Seq, Hash: rest[n-1].Block}
		}
		b := batch.Decode(r.chain, r.market, r.stream, rest[:n])
		if err := r.completer.Complete(ctx, nil, b.Events); err != nil { // the chain cannot be asked
			return err
		}
		for len(r.lost) > 0 && r.lost[0].Seq <= to.Seq {
			b.DeadLetters, r.lost = append(b.DeadLetters, r.lost[0]), r.lost[1:]
		}
		slices.SortStableFunc(b.DeadLetters, func(x, y markets.DeadLetter) int { return cmp.Compare(x.Seq, y.Seq) })
		t := markets.Transition{Kind: markets.BatchTransition, Chain: r.chain, Market: r.market, Stream: r.stream.Name, From: from, To: to, Batch: b}
		if err := r.forward(ctx, t, was); err != nil {
			return err
		}
		rest, from = rest[n:], to
	}
	return nil
}

// next is how many raw events the next batch has: it ends with a block. The places of a
// handle's events are not known, but for the last.
func (r *redecoder) next(rest []markets.Raw) int {
	if r.stream.Source.Handle != "" || len(rest) <= rawsPerBatch {
		return len(rest)
	}
	n := rawsPerBatch
	for n < len(rest) && rest[n].Seq == rest[n-1].Seq {
		n++
	}
	return n
}

// forward executes a batch for the log, and then for the documents. At its end they are at
// the log's earlier place, with its trail and finality.
func (r *redecoder) forward(ctx context.Context, t markets.Transition, was persistence.Actor) error {
	for _, a := range []*persistence.Actor{&r.log, r.documents} {
		if a == nil {
			continue
		}
		if a.Documents {
			t = r.stream.OfDocuments(t)
		}
		e := projection.Execute(t, a.Ref(), a.Trail, a.Report)
		if e.To == was.Place {
			e.Trail, e.Report = was.Trail, was.Report
		}
		if err := r.commit(ctx, a, e, projection.Log{Own: r.stream.Own, Notifies: r.stream.Notifies, Portion: r.portion()}); err != nil {
			return err
		}
	}
	return nil
}
