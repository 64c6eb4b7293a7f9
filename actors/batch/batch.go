// Package batch makes batches of a chain's raw events.
//
// A stream's raw events become market events where they can be decoded and dead letters
// where they cannot, both in the order of their positions. Of a transaction with logs 0
// (a sale), 1 (a sale with 9 MB of data) and 2 (of a contract that has changed), the batch
// has one event and two dead letters: 1 with the first megabyte of its data, never decoded
// from that, and 2 with all that fits of the transaction, to be decoded by a later version.
//
// Guaranteed:
//   - every raw event is in the batch, as events or as a dead letter;
//   - a dead letter fits a document of any store, and all of one transaction together are
//     bounded, whatever anybody logs;
//   - a dead letter that is not whole is never decoded.
package batch

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/imart/event-worker/markets"
)

// maxData is how many bytes of data an event may have to be decoded. No market's have
// nearly as many, but anybody may log them where a market watches any contract.
const maxData = 1 << 20

// maxDeadLetter is how many bytes of raw events a dead letter holds at most: a document of
// MongoDB takes 16 MB. maxPerTransaction bounds all dead letters of one transaction.
const (
	maxDeadLetter     = 4 << 20
	maxPerTransaction = 16 << 20
)

// Decode makes a batch of a stream's raw events.
func Decode(chain, market string, s markets.Stream, raws []markets.Raw) *markets.Batch {
	fit, failures := withoutLarge(raws)
	events, undecodable := s.DecodeAll(fit)
	failures = append(failures, undecodable...)
	slices.SortStableFunc(failures, func(a, b markets.Failure) int { return a.Raw.Position.Compare(b.Raw.Position) })
	b := &markets.Batch{Events: events}
	for i, raw := range rawForms(failures) {
		f := failures[i]
		b.DeadLetters = append(b.DeadLetters, markets.DeadLetter{
			Chain: chain, Market: market, Stream: s.Name,
			Seq: f.Raw.Seq, Position: f.Raw.Position, Block: f.Raw.Block, Transaction: f.Raw.Transaction, Time: f.Raw.Time.Truncate(markets.Precision),
			Reason: f.Reason.Error(), Raw: raw,
		})
	}
	return b
}

// withoutLarge sorts out the events that have too much data to be decoded.
func withoutLarge(raws []markets.Raw) (fit []markets.Raw, large []markets.Failure) {
	if !slices.ContainsFunc(raws, isLarge) {
		return raws, nil
	}
	for _, raw := range raws {
		if isLarge(raw) {
			large = append(large, markets.Failure{
				Raw: raw, Transaction: []markets.Raw{raw},
				Reason: fmt.Errorf("%d bytes of data, more than the %d that are decoded", dataOf(&raw), maxData),
			})
		} else {
			fit = append(fit, raw)
		}
	}
	return fit, large
}

func isLarge(raw markets.Raw) bool { return dataOf(&raw) > maxData }

// rawForms are the raw forms of failures, in their order: the transaction's raw events,
// or the event itself where these are too much for a document, or what fits of it.
func rawForms(failures []markets.Failure) []json.RawMessage {
	forms := make([]json.RawMessage, len(failures))
	for i := 0; i < len(failures); {
		n := 1 // failures of one transaction stand together
		for i+n < len(failures) && sameTransaction(failures[i], failures[i+n]) {
			n++
		}
		whole := wholeForm(failures[i].Transaction, n)
		for j := i; j < i+n; j++ {
			if forms[j] = whole; whole == nil {
				forms[j] = ownForm(failures[j], maxPerTransaction/int64(n))
			}
		}
		i += n
	}
	return forms
}

func sameTransaction(a, b markets.Failure) bool {
	return len(a.Transaction) == len(b.Transaction) && &a.Transaction[0] == &b.Transaction[0]
}

// wholeForm is the raw form of a transaction for n dead letters; nil if it is too much.
func wholeForm(transaction []markets.Raw, n int) json.RawMessage {
	if 2*SizeOfRaws(transaction) > min(maxDeadLetter, maxPerTransaction/int64(n)) { // in hex
		return nil
	}
	return marshal(transaction)
}

// ownForm is the raw form of one event, cut down to what there is room for.
func ownForm(f markets.Failure, room int64) json.RawMessage {
	raw := f.Raw
	for i := range f.Transaction {
		if f.Transaction[i].Position != raw.Position {
			raw.Left += int(dataOf(&f.Transaction[i]))
		}
	}
	if 2*(dataOf(&raw)+contextOf(&raw)) > min(room, maxDeadLetter) {
		raw = raw.Cut(maxData)
	}
	return marshal([]markets.Raw{raw})
}

func marshal(raws []markets.Raw) json.RawMessage {
	form, err := json.Marshal(raws)
	if err != nil {
		form, _ = json.Marshal(err.Error())
	}
	return form
}

// DecodeAgain decodes the transaction of a dead letter as a whole, and returns the events
// that the dead letter itself has become.
func DecodeAgain(s markets.Stream, dead markets.DeadLetter) ([]markets.Event, error) {
	var transaction []markets.Raw
	if err := json.Unmarshal(dead.Raw, &transaction); err != nil {
		return nil, err
	}
	for _, raw := range transaction {
		if raw.Left > 0 {
			return nil, fmt.Errorf("its raw form is not whole: %d bytes are left out", raw.Left)
		}
	}
	events, failures := s.DecodeAll(transaction)
	for _, f := range failures {
		if f.Raw.Position == dead.Position {
			return nil, f.Reason
		}
	}
	var own []markets.Event
	for _, e := range events {
		p := e.Position
		p.Sub = dead.Position.Sub
		if p == dead.Position {
			own = append(own, e)
		}
	}
	return own, nil
}
