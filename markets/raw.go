package markets

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Raw is one event as its chain returned it, before it is decoded. It has the fields of
// its kind of chain.
type Raw struct {
	Position    Position
	Seq         int64  // within the stream
	Block       string // block hash on EVM chains
	Transaction string // transaction hash
	Time        time.Time
	// Fault is why the event could not be read whole; nil if it could. With a Fault it
	// becomes a dead letter.
	Fault error `json:"-"`

	// EVM
	Address [20]byte
	Topics  [][32]byte
	Data    []byte
	// ReceiptLogs are all logs of the event's transaction, in order, shared by its events.
	// They are nil unless the stream's source asks for them.
	ReceiptLogs []Log
	// Announced are the names of the factories that announced the event's contract before the
	// event, in streams whose source has Factories.
	Announced []string
	// Envelope is the event's transaction itself, shared by its events. It is nil unless the
	// stream's source asks for it.
	Envelope *Envelope

	// Aptos
	Type string          // the event's Move type, its address in 64 digits
	JSON json.RawMessage // the event's data
	// Handle is the event's handle: its account in 64 digits, "/" and its creation number.
	// It is empty for events that were read by their handle.
	Handle string `json:"-"`
	// Ledger is the event's transaction, shared by its events.
	Ledger *AptosTransaction

	// Left is how many bytes a dead letter has left out of the event's data and of its
	// transaction. If it is not 0 the event cannot be decoded.
	Left int
}

// Cut returns the event with at most n bytes of its data, and without the receipt logs and
// resources of its transaction.
func (r Raw) Cut(n int) Raw {
	for _, l := range r.ReceiptLogs {
		r.Left += 32*len(l.Topics) + len(l.Data)
	}
	if r.Ledger != nil {
		for _, resource := range r.Ledger.Resources {
			r.Left += len(resource.Data)
		}
		r.Ledger = &AptosTransaction{Version: r.Ledger.Version, Sender: r.Ledger.Sender}
	}
	r.ReceiptLogs = nil
	r.Left += max(len(r.Data)-n, 0) + max(len(r.JSON)-n, 0)
	r.Data, r.JSON = r.Data[:min(n, len(r.Data))], r.JSON[:min(n, len(r.JSON))]
	return r
}

// Log is a log among the receipt logs of an event.
type Log struct {
	Index   int32 // as in Position.Log
	Address [20]byte
	Topics  [][32]byte
	Data    []byte
}

// Envelope is who sent a transaction of an EVM chain, and with how much of the chain's coin. A
// transaction of the chain itself has the zero address and 0.
type Envelope struct {
	Sender [20]byte
	Value  Amount // in wei
}

// AptosTransaction is what a decoder may need of an event's transaction.
type AptosTransaction struct {
	Version int64  `json:"version"`
	Sender  string `json:"sender"`
	// Resources are the resources that the transaction wrote.
	Resources []AptosResource `json:"resources,omitempty"`
}

// AptosResource is a resource as a transaction wrote it.
type AptosResource struct {
	Address string // 64 digits
	Type    string
	Data    json.RawMessage
}

// Source says where a stream's raw events come from.
type Source struct {
	// EVM: logs of these contracts whose first topic is one of these. Addresses in
	// EIP-55, topics in lower-case hex.
	Addresses []string
	Topics    []string
	// ReceiptLogs asks for all logs of each event's transaction (Raw.ReceiptLogs): the events
	// of some markets do not say which token was sold.
	ReceiptLogs bool
	// Envelope asks for the sender and the value of each event's transaction (Raw.Envelope).
	Envelope bool
	// Aptos: the event handle Field of the resource Handle under Account.
	Account string
	Handle  string
	Field   string
	// From is the first ledger version whose events of the handle are wanted.
	From int64
	// Types asks, instead of a handle, for events of these types: with addresses of 64
	// digits, without type arguments. Their seq is the ledger version.
	Types []string
	// Factories, if it is not nil, restricts the logs to those that it reads.
	Factories *Factories
	// Facts, instead of all others, asks for what contracts say of the open orders of this
	// market: they are read by package facts and not by the chain.
	Facts string
}

// StartAt makes a height the first whose events are wanted, and returns the place before
// it, at which a stream of the source starts.
func (s *Source) StartAt(height int64) Place {
	if s.Handle == "" {
		return Place{Seq: height - 1}
	}
	s.From = height
	return Place{Seq: -1, Through: max(height-1, 0)}
}

// Matches says whether a raw event is one of the source's.
func (s Source) Matches(raw *Raw) bool {
	switch {
	case s.Handle != "":
		return true // they were read by the handle, which events do not name
	case len(s.Types) > 0:
		name, _, _ := strings.Cut(raw.Type, "<")
		return slices.Contains(s.Types, name)
	}
	return (len(s.Addresses) == 0 || slices.ContainsFunc(s.Addresses, func(a string) bool { return strings.EqualFold(a, hexOf(raw.Address[:])) })) &&
		len(raw.Topics) > 0 && slices.Contains(s.Topics, hexOf(raw.Topics[0][:]))
}
