package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
)

// Verdict is what one source of a definition makes of a raw event, for people.
type Verdict struct {
	Stream string
	Line   int    // of the source in the definition's file
	Event  string // the name of the source's event
	Events []markets.Event
	Reason string // why there are no Events
	Failed bool   // the event cannot be decoded
	// Given is what the verdict takes for granted, as the transaction does not tell it: that the
	// event's contract was announced before.
	Given string
}

// Explain says what the definition's streams make of the i-th raw event of a
// transaction. There are no verdicts if no stream reads events like it.
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
		if reads(s.Source, &transaction[i]) {
			verdicts = append(verdicts, d.explain(st, s, at, transaction, i)...)
		}
	}
	return verdicts, nil
}

// reads says whether a stream reads a raw event, as far as is known.
func reads(s markets.Source, raw *markets.Raw) bool {
	return s.Matches(raw) && isOfHandle(s, raw) != no
}

func (d *Definition) explain(st *stream, s markets.Stream, at *place, transaction []markets.Raw, i int) (verdicts []Verdict) {
	transaction = assumeAnnounced(st, transaction)
	raw := transaction[i]
	var read []markets.Raw // decoders may need all that the stream reads of the transaction
	for _, r := range transaction {
		if reads(s.Source, &r) {
			read = append(read, r)
		}
	}
	for _, src := range st.allSources() {
		one := markets.Stream{Name: st.name, Decode: s.Decode}
		if src.decoder == nil {
			// Of a known handle, an event of another type is one that cannot be decoded.
			ofHandle := isOfHandle(s.Source, &raw) == yes
			if (d.Kind == markets.Aptos || len(st.allSources()) > 1) && !ofHandle && d.boundSource(src, at).match(&raw) != nil {
				continue
			}
			one.Decode = d.decoder(&stream{name: st.name, sources: []*source{src}}, at)
		}
		events, failures := one.DecodeAll(read)
		v := Verdict{Stream: st.name, Line: src.line, Event: src.title(), Events: eventsOf(raw, events), Given: d.given(src, at, raw)}
		v.Reason, v.Failed = reasonOf(v, failures, raw)
		if all, _ := s.DecodeAll(read); len(v.Events) > 0 && len(eventsOf(raw, all)) == 0 {
			v.Events, v.Reason = nil, "an event of another type has reported it already"
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// assumeAnnounced are the events of a transaction as if all contracts had been announced.
func assumeAnnounced(st *stream, transaction []markets.Raw) []markets.Raw {
	names := namesOf(st.factories())
	if len(names) == 0 {
		return transaction
	}
	out := slices.Clone(transaction)
	for i := range out {
		out[i].Announced = names
	}
	return out
}

// given is what makes a source read an event, unless its contract has a fixed address.
func (d *Definition) given(src *source, at *place, raw markets.Raw) string {
	raw.Announced = nil
	if len(src.factories) == 0 || d.boundSource(src, at).isOf(&raw) {
		return ""
	}
	return fmt.Sprintf("0x%x was announced before by an event of %s", raw.Address, strings.Join(namesOf(src.factories), " or "))
}

// eventsOf are the market events that a raw event became.
func eventsOf(raw markets.Raw, events []markets.Event) (out []markets.Event) {
	for _, e := range events {
		if p := e.Position; p.Height == raw.Position.Height && p.Transaction == raw.Position.Transaction && p.Log == raw.Position.Log {
			out = append(out, e)
		}
	}
	return out
}

// reasonOf is why a raw event became nothing, and whether that is because it cannot be decoded.
func reasonOf(v Verdict, failures []markets.Failure, raw markets.Raw) (reason string, failed bool) {
	for _, f := range failures {
		if f.Raw.Position == raw.Position {
			return "it cannot be decoded: " + f.Reason.Error(), true
		}
	}
	if len(v.Events) == 0 {
		return "no condition (when) holds", false
	}
	return "", false
}

// answer is whether something is so, as far as is known.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// isOfHandle says whether an event is one of a source's handle. A transaction that logs an
// event by a handle writes the resource that holds the handle, with the handle's number.
func isOfHandle(s markets.Source, raw *markets.Raw) answer {
	if s.Handle == "" || raw.Handle == "" || raw.Ledger == nil {
		return unknown
	}
	for _, r := range raw.Ledger.Resources {
		if r.Address != longAddress(s.Account) || qualified("", r.Type) != s.Handle {
			continue
		}
		handle, ok := handleIn(r.Data, s.Field)
		switch {
		case !ok:
			return unknown
		case handle == raw.Handle:
			return yes
		}
		return no
	}
	return unknown
}

// handleIn is the event handle in a resource's field, as Raw.Handle has it.
func handleIn(resource json.RawMessage, field string) (string, bool) {
	var fields map[string]json.RawMessage
	var handle struct {
		GUID struct {
			ID struct {
				Address  string `json:"addr"`
				Creation string `json:"creation_num"`
			} `json:"id"`
		} `json:"guid"`
	}
	if json.Unmarshal(resource, &fields) != nil || json.Unmarshal(fields[field], &handle) != nil {
		return "", false
	}
	return longAddress(handle.GUID.ID.Address) + "/" + handle.GUID.ID.Creation, true
}

// longAddress is an address in 64 digits; a text that is not an address stays as it is.
func longAddress(text string) string {
	if long, err := address.Aptos(text); err == nil {
		return long
	}
	return text
}
