package markets

import (
	"fmt"
	"slices"
	"time"
)

// ChainKind is the family a chain belongs to.
type ChainKind string

// The kinds of chains.
const (
	EVM   ChainKind = "evm"
	Aptos ChainKind = "aptos"
)

// Market is one marketplace on one chain: its streams, and how their raw events become
// market events.
type Market struct {
	Name    string
	Kind    ChainKind
	Streams []Stream
}

// Stream is one kind of event of one market.
type Stream struct {
	Name string // list, buy…
	// Observer is the name of the observer that folds the stream into documents: order-list,
	// order-buy, record-gallery… A stream without one is only logged.
	Observer string
	Source   Source
	// Notifies says whether the stream's activities make Notifications.
	Notifies bool
	// KeepRaw says whether the stream's activities keep their raw events (Event.Raw).
	KeepRaw bool
	// Separable says that Decode takes each raw event by itself: what it becomes does not
	// depend on the others of its transaction.
	Separable bool
	// Own, if set, says which of the stream's events are the market's: its contract has orders
	// of other markets too. If nil, all of them are.
	Own *Own
	// Start is the first seq worth reading, such as the block that the contract was
	// deployed in; -1 if that is not known.
	Start int64
	// Meaning tells whether the stream's definition has changed; zero if that is not tracked.
	Meaning Meaning
	// Decode turns the stream's raw events of one transaction, in order, into market events.
	// An event that cannot be decoded is returned as a failure; the others are decoded all
	// the same. Decode sets what the raw events themselves say; DecodeAll adds the stream,
	// seq, block and transaction, and the time unless it is set.
	Decode func(transaction []Raw) ([]Event, []Failure)
}

// Precision is the precision of all times: that of BSON dates.
const Precision = time.Millisecond

// Failure is a raw event that could not be decoded, and why.
type Failure struct {
	Raw    Raw
	Reason error
	// Transaction is all of the stream's raw events of its transaction: to be decoded again
	// it needs them. DecodeAll sets it.
	Transaction []Raw
}

// DecodeAll decodes raw events in order, transaction by transaction. It never panics: what
// cannot be decoded is a failure.
func (s Stream) DecodeAll(raws []Raw) (events []Event, failures []Failure) {
	for len(raws) > 0 {
		n := 1
		for n < len(raws) && sameTransaction(raws[0], raws[n]) {
			n++
		}
		whole, faulty := withoutFaults(raws[:n:n])
		failures = append(failures, faulty...)
		if len(whole) > 0 {
			es, fs := s.decode(whole)
			events, failures = append(events, es...), append(failures, fs...)
		}
		raws = raws[n:]
	}
	return events, failures
}

// withoutFaults separates a transaction's events from those with a Fault, which are
// failures.
func withoutFaults(transaction []Raw) (whole []Raw, failures []Failure) {
	if !slices.ContainsFunc(transaction, func(r Raw) bool { return r.Fault != nil }) {
		return transaction, nil
	}
	for _, raw := range transaction {
		if raw.Fault != nil {
			failures = append(failures, Failure{Raw: raw, Reason: raw.Fault, Transaction: []Raw{raw}})
		} else {
			whole = append(whole, raw)
		}
	}
	return whole, failures
}

func sameTransaction(a, b Raw) bool {
	return a.Position.Height == b.Position.Height && a.Transaction == b.Transaction
}

// decode decodes one transaction, and sets what every event takes from its raw event. If
// the decoder panics, on data that its author did not foresee, all events are failures.
func (s Stream) decode(transaction []Raw) (events []Event, failures []Failure) {
	defer func() {
		if reason := recover(); reason != nil {
			events, failures = nil, nil
			for _, raw := range transaction {
				failures = append(failures, Failure{Raw: raw, Reason: fmt.Errorf("decoder panicked: %v", reason)})
			}
		}
		for i := range failures {
			failures[i].Transaction = transaction
		}
	}()
	events, failures = s.Decode(transaction)
	for i := range events {
		e := &events[i]
		raw := rawOf(transaction, e.Position)
		e.Stream, e.Seq = s.Name, raw.Seq
		e.Block, e.Transaction = raw.Block, raw.Transaction
		if e.Time.IsZero() {
			e.Time = raw.Time
		}
		e.Time = e.Time.Truncate(Precision)
		for _, at := range []**time.Time{&e.StartsAt, &e.ExpiresAt} {
			if *at != nil {
				*at = new((*at).Truncate(Precision))
			}
		}
	}
	if s.KeepRaw {
		keepRaw(events, transaction)
	}
	return events, failures
}

// rawOf is the raw event that an event was decoded from: the one at its position, Sub
// aside.
func rawOf(transaction []Raw, p Position) Raw {
	for _, raw := range transaction {
		q := raw.Position
		if q.Height == p.Height && q.Transaction == p.Transaction && q.Log == p.Log {
			return raw
		}
	}
	return transaction[0]
}
