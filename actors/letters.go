package actors

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

// maxData is how many bytes of data an event may have to be decoded. No market's have
// nearly as many, but anybody may log them where a market watches any contract.
const maxData = 1 << 20

// maxLetter is how many bytes of raw events a dead letter holds at most: a document of
// MongoDB takes 16 MB. maxLetters bounds those of one transaction in all.
const (
	maxLetter  = 4 << 20
	maxLetters = 16 << 20
)

// decode makes a batch of raw events.
func (s *subject) decode(raws []markets.Raw) *messages.Batch {
	fit, failures := withoutLarge(raws)
	events, undecodable := s.DecodeAll(fit)
	failures = append(failures, undecodable...)
	slices.SortStableFunc(failures, func(a, b markets.Failure) int { return a.Raw.Position.Compare(b.Raw.Position) })
	b := &messages.Batch{Events: events}
	for i, raw := range rawForms(failures) {
		f := failures[i]
		b.DeadLetters = append(b.DeadLetters, markets.DeadLetter{
			Chain: s.market.Chain, Market: s.market.Market, Stream: s.Name,
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

// rawForms are the raw forms of failures, in their order: the transaction's raw
// events, or where these are too much for a document the event itself, or what fits
// of it.
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
				forms[j] = ownForm(failures[j], maxLetters/int64(n))
			}
		}
		i += n
	}
	return forms
}

func sameTransaction(a, b markets.Failure) bool {
	return len(a.Transaction) == len(b.Transaction) && &a.Transaction[0] == &b.Transaction[0]
}

// wholeForm is the raw form of a transaction for n letters; nil if it is too much.
func wholeForm(transaction []markets.Raw, n int) json.RawMessage {
	if 2*sizeOfRaws(transaction) > min(maxLetter, maxLetters/int64(n)) { // in hex
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
	if 2*(dataOf(&raw)+aroundOf(&raw)) > min(room, maxLetter) {
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
