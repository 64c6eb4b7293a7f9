package definition

import (
	"errors"
	"fmt"
	"sync"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// workspace is what a goroutine decodes with.
type workspace struct {
	evaluator *expression.Evaluator
	checksums address.Checksums
	values    expression.Values // of one raw event at a time

	ledger    *markets.AptosTransaction // the transaction of
	resources map[string]map[string]any // those read so far, by type and address
}

// decoder decodes a stream's raw events, each by itself.
func (d *Definition) decoder(st *stream, at *place) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
	var sources []*boundSource
	for _, src := range st.allSources() {
		sources = append(sources, d.boundSource(src, at))
	}
	return d.decoderOf(sources)
}

func (d *Definition) decoderOf(sources []*boundSource) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
	workspaces := sync.Pool{New: func() any {
		return &workspace{evaluator: expression.NewEvaluator(), checksums: address.Checksums{}, values: expression.Values{}}
	}}
	return func(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
		w := workspaces.Get().(*workspace)
		defer func() {
			w.ledger, w.resources = nil, nil
			workspaces.Put(w)
		}()
		for i := range transaction {
			found, err := decodeRaw(sources, w, &transaction[i])
			if err != nil {
				failures = append(failures, markets.Failure{Raw: transaction[i], Reason: err})
				continue
			}
			events = append(events, found...)
		}
		if d.Kind == markets.Aptos && len(sources) > 1 {
			events = withoutRepeats(transaction, events)
			return withDoubtful(transaction, events, failures)
		}
		return events, failures
	}
}

// decodeRaw is what all sources make of a raw event. That it is not as a source declares
// it is an error only if it is no other source's either.
func decodeRaw(sources []*boundSource, w *workspace, raw *markets.Raw) (events []markets.Event, err error) {
	matched := false
	var mismatch error
	for _, b := range sources {
		switch err := b.match(raw); {
		case errors.Is(err, errNotOurs):
			continue
		case err != nil:
			mismatch = err
			continue
		}
		matched = true
		if events, err = b.decode(w, raw, events); err != nil {
			return nil, err
		}
	}
	if !matched && mismatch != nil {
		return nil, mismatch
	}
	return events, nil
}

// decode appends what the source makes of one of its raw events.
func (b *boundSource) decode(w *workspace, raw *markets.Raw, events []markets.Event) ([]markets.Event, error) {
	v := w.values
	clear(v)
	if err := b.read(w, raw, v); err != nil {
		return nil, err
	}
	for _, let := range b.lets {
		value, err := w.evaluator.Evaluate(let.value, v)
		if err != nil {
			return nil, fmt.Errorf("let %s: %w", let.name, err)
		}
		v[let.name] = value
	}
	err := b.source.condition.forEach(w, v, func() error {
		for _, o := range b.outcomes {
			err := o.condition.forEach(w, v, func() error {
				if len(events) >= expression.MaxValues {
					return expression.ErrTooManyValues
				}
				e, err := b.marketEvent(w, v, o, raw)
				if err != nil {
					return fmt.Errorf("%v: %w", o, err)
				}
				e.Position.Sub = int32(len(events))
				events = append(events, e)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return events, err
}

// forEach calls f for each element of the condition's list for which it holds; once, if the
// condition holds, where there is no list.
func (c *condition) forEach(w *workspace, v expression.Values, f func() error) error {
	if c.each == nil {
		return c.once(w, v, f)
	}
	value, err := w.evaluator.Evaluate(c.each, v)
	if err != nil {
		return fmt.Errorf("for: %w", err)
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("for: is a %s, not a list", expression.KindOfValue(value))
	}
	if len(list) > expression.MaxValues {
		return fmt.Errorf("for: %w", expression.ErrTooManyValues)
	}
	for i, item := range list {
		v["item"], v["index"] = item, i
		if err := c.once(w, v, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *condition) once(w *workspace, v expression.Values, f func() error) error {
	if c.when != nil {
		value, err := w.evaluator.Evaluate(c.when, v)
		if err != nil {
			return fmt.Errorf("when: %w", err)
		}
		if holds, ok := value.(bool); !ok || !holds {
			return nil
		}
	}
	return f()
}
