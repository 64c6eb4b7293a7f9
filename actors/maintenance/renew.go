package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Renewed is the result of renewing a stream whose documents were made with another meaning
// than its definition's.
type Renewed struct {
	Market, Stream string
	Changed        []string // aspects of the definition
	// Decoded is how many raw events of the log were decoded again, if Reread is nil.
	Decoded int
	// Reread is why the stream is at its start instead, to be read again.
	Reread error
}

// Changed are those streams of a chain's markets whose log was made, or may have been made, with
// another meaning than that of their present definition.
func Changed(ctx context.Context, docs persistence.Querier, chain string, all []markets.Market) ([]Renewed, error) {
	observers, err := observersOf(ctx, docs, chain, Scope{})
	if err != nil {
		return nil, err
	}
	var changed []Renewed
	for _, m := range all {
		for _, s := range m.Streams {
			i := slices.IndexFunc(observers, func(a persistence.Actor) bool { return a.Market == m.Name && a.Stream == s.Name && !a.Documents })
			if i < 0 {
				continue
			}
			if meaning := observers[i].Under(s.Meaning); meaning != nil && len(meaning.Changed) > 0 {
				changed = append(changed, Renewed{Market: m.Name, Stream: s.Name, Changed: meaning.Changed})
			}
		}
	}
	return changed, nil
}

// Renew takes a chain over, and makes its changed streams again.
func Renew(ctx context.Context, store persistence.Store, node, chain string, all []markets.Market) (renewed []Renewed, err error) {
	m, err := TakeOver(ctx, store, node, chain)
	if err != nil {
		return nil, err
	}
	err = m.Renew(ctx, all, func(r Renewed) error {
		renewed = append(renewed, r)
		return nil
	})
	return renewed, err
}

// Renew makes the log and documents of those streams of a chain again whose definition has
// changed: they become those of a worker that has had the definition from the beginning. A
// stream is decoded again from the raw events in its log if that has all of them; otherwise it
// is rolled back to its start, and the node reads it again. tell is called after each stream.
// Interrupted, it can be repeated, and a node that is started instead reads on from where the
// stream is.
func (m *Maintainer) Renew(ctx context.Context, all []markets.Market, tell func(Renewed) error) error {
	changed, err := Changed(ctx, m.store, m.chain, all) // under the lease, no other process changes a meaning
	if err != nil {
		return err
	}
	for _, c := range changed {
		market := all[slices.IndexFunc(all, func(m markets.Market) bool { return m.Name == c.Market })]
		stream := market.Streams[slices.IndexFunc(market.Streams, func(s markets.Stream) bool { return s.Name == c.Stream })]
		r := m.redecoder(market.Kind, c.Market, stream)
		if c.Decoded, c.Reread, err = r.renew(ctx, c.Changed); err != nil {
			return fmt.Errorf("making %s/%s/%s again: %w", m.chain, c.Market, c.Stream, err)
		}
		if err := tell(c); err != nil {
			return err
		}
	}
	return nil
}

// String describes the result in one line.
func (r Renewed) String() string {
	id := r.Market + "/" + r.Stream
	if r.Reread != nil {
		return fmt.Sprintf("%s is at its start, to be read again: it %v", id, r.Reread)
	}
	return fmt.Sprintf("%s: %d raw events decoded again", id, r.Decoded)
}

// renew makes the stream again, and says why not from its log.
func (r *redecoder) renew(ctx context.Context, changed []string) (decoded int, reread, err error) {
	if err := r.findObservers(ctx); err != nil {
		return 0, nil, err
	}
	was := r.log
	reread = r.gather(ctx, changed)
	if reread != nil && !errors.Is(reread, ErrNoRaw) {
		return 0, nil, reread
	}
	if _, err := r.rewind(ctx, &r.log, r.documents, r.log.Trail[0].Height()-1); err != nil {
		return 0, nil, err
	}
	// A log at its start takes on the present meaning.
	if r.log, err = r.claimUnder(ctx, r.log, r.stream.Meaning); err != nil || reread != nil {
		return 0, reread, err
	}
	return len(r.raws), nil, r.onward(ctx, was)
}

// gather reads the raw events of the log: ErrNoRaw if they are not, or may not be, all that the
// stream has, or cannot be decoded as the node would.
func (r *redecoder) gather(ctx context.Context, changed []string) error {
	if err := r.keepsAll(changed); err != nil {
		return err
	}
	if err := r.read(ctx, r.log.Trail[0].Seq); err != nil {
		return err
	}
	return r.decodable(ctx)
}

// keepsAll returns ErrNoRaw if the log does not have, or may not have, all raw events that the
// stream has by its present definition.
func (r *redecoder) keepsAll(changed []string) error {
	switch {
	case slices.Contains(changed, markets.SourceAspect):
		return fmt.Errorf("%w: other raw events are wanted", ErrNoRaw)
	case !r.stream.Separable:
		return fmt.Errorf("%w: its decoder needs events that became no activities", ErrNoRaw)
	case !r.log.Meaning.Total:
		return fmt.Errorf("%w: a definition left raw events out", ErrNoRaw)
	case r.documents == nil && r.stream.Observer != "", r.documents != nil && !strings.HasSuffix(r.documents.ID, "/"+r.stream.Observer):
		return fmt.Errorf("%w: its documents are of another kind", ErrNoRaw)
	}
	return nil
}

// decodable returns ErrNoRaw if the raw events cannot be decoded as the node would.
func (r *redecoder) decodable(ctx context.Context) error {
	if len(r.lost) > 0 {
		return fmt.Errorf("%w: dead letter %s is not whole", ErrNoRaw, r.lost[0].ID())
	}
	needed := r.completer.Open(batch.Decode(r.chain, r.market, r.stream, r.raws).Events)
	needed = slices.DeleteFunc(needed, func(address string) bool { return r.open[address] })
	stored, err := r.completer.Stored(ctx, needed)
	if err == nil && !stored {
		err = fmt.Errorf("%w: the chain must be asked for currencies", ErrNoRaw)
	}
	return err
}
