package definition

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
)

// Verdict is what one source of a definition makes of a raw event, for people.
type Verdict struct {
	Stream string
	Line   int
	Event  string // the name of the source's event
	Events []markets.Event
	Reason string // why there are none
}

// Explain says what the definition's streams make of the i-th raw event of a
// transaction: nothing if none of them reads events like it.
func (d *Definition) Explain(site Site, transaction []markets.Raw, i int) ([]Verdict, error) {
	at, err := d.place(site)
	if err != nil {
		return nil, err
	}
	var verdicts []Verdict
	for _, st := range d.streams {
		s, err := d.bind(st, at)
		if errors.Is(err, errNowhere) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", st.name, err)
		}
		if !s.Source.Matches(&transaction[i]) || isOf(s.Source, &transaction[i]) == no {
			continue
		}
		verdicts = append(verdicts, d.explain(st, s, at, transaction, i)...)
	}
	return verdicts, nil
}

func (d *Definition) explain(st *stream, s markets.Stream, at *place, transaction []markets.Raw, i int) (verdicts []Verdict) {
	raw := transaction[i]
	for _, src := range st.sources {
		v := Verdict{Stream: st.name, Line: src.line, Event: src.title()}
		if src.decoder == nil {
			v.Line = src.line
			told := isOf(s.Source, &raw) == yes // an event of another type is then one that cannot be decoded
			if (d.Kind == markets.Aptos || len(st.sources) > 1) && !told && d.boundSource(src, at).match(&raw) != nil {
				continue
			}
		}
		var own []markets.Raw // what the stream reads of the transaction: decoders may need it all
		for _, r := range transaction {
			if s.Source.Matches(&r) && isOf(s.Source, &r) != no {
				own = append(own, r)
			}
		}
		one := markets.Stream{Name: st.name, Decode: s.Decode}
		if src.decoder == nil {
			one.Decode = d.decoder(&stream{name: st.name, sources: []*source{src}}, at)
		}
		events, failures := one.DecodeAll(own)
		v.Events = from(raw, events)
		v.Reason = reason(v, failures, raw)
		if all, _ := s.DecodeAll(own); len(v.Events) > 0 && len(from(raw, all)) == 0 {
			v.Events, v.Reason = nil, "an event of another type has reported it already"
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// from are the events that a raw event became.
func from(raw markets.Raw, events []markets.Event) (out []markets.Event) {
	for _, e := range events {
		if p := e.Position; p.Height == raw.Position.Height && p.Transaction == raw.Position.Transaction && p.Log == raw.Position.Log {
			out = append(out, e)
		}
	}
	return out
}

func reason(v Verdict, failures []markets.Failure, raw markets.Raw) string {
	for _, f := range failures {
		if f.Raw.Position == raw.Position {
			return "it cannot be decoded: " + f.Reason.Error()
		}
	}
	if len(v.Events) == 0 {
		return "no condition (when) holds"
	}
	return ""
}

// answer is whether something is so, as far as is known.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// isOf says whether an event is of a source's handle. A transaction that logs an event
// by a handle writes the resource that holds the handle: it names the handle.
func isOf(s markets.Source, raw *markets.Raw) answer {
	if s.Handle == "" || raw.Handle == "" || raw.Ledger == nil {
		return unknown
	}
	for _, r := range raw.Ledger.Resources {
		if r.Address != qualifiedAddress(s.Account) || qualified("", r.Type) != s.Handle {
			continue
		}
		var handles map[string]json.RawMessage
		var handle struct {
			GUID struct {
				ID struct {
					Address  string `json:"addr"`
					Creation string `json:"creation_num"`
				} `json:"id"`
			} `json:"guid"`
		}
		if json.Unmarshal(r.Data, &handles) != nil || json.Unmarshal(handles[s.Field], &handle) != nil {
			return unknown
		}
		if qualifiedAddress(handle.GUID.ID.Address)+"/"+handle.GUID.ID.Creation == raw.Handle {
			return yes
		}
		return no
	}
	return unknown
}

// qualifiedAddress is an address in 64 digits; a text that is not an address stays as it is.
func qualifiedAddress(text string) string {
	if long, err := address.Aptos(text); err == nil {
		return long
	}
	return text
}
