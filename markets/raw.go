package markets

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Raw is one event as its chain gave it, before it is decoded. Which of the two
// forms it has depends on the chain's kind.
type Raw struct {
	Position    Position
	Seq         int64  // within the stream
	Block       string // block hash on EVM chains
	Transaction string // transaction hash
	Time        time.Time
	// Fault is what is wrong with the event as it came, if it cannot be read whole: it
	// becomes a dead letter.
	Fault error `json:"-"`

	// EVM
	Address [20]byte
	Topics  [][32]byte
	Data    []byte
	// ReceiptLogs is all logs of the event's transaction, in order, shared by all of its
	// events; only of streams whose source asks for it.
	ReceiptLogs []Log

	// Aptos
	Type string          // the event's Move type, its address in 64 digits
	JSON json.RawMessage // the event's data
	// Handle is which handle the event is of, its account in 64 digits and its number in
	// that: only of events that were not read by handles.
	Handle string `json:"-"`
	// Ledger is the transaction around an Aptos event, shared by all of its events.
	Ledger *AptosTransaction

	// Left is how many bytes a dead letter's raw form has left out of the event's data
	// and of what is around it, and so cannot be decoded.
	Left int
}

// Cut returns the event with at most n bytes of its data, and nothing around it.
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

// Log is an EVM log beside an event in its transaction.
type Log struct {
	Index   int32 // as in Position.Log
	Address [20]byte
	Topics  [][32]byte
	Data    []byte
}

// AptosTransaction is what a decoder may need of the transaction around an event.
type AptosTransaction struct {
	Version int64  `json:"version"`
	Sender  string `json:"sender"`
	// Resources are the resources that the transaction wrote.
	Resources []AptosResource `json:"resources,omitempty"`
}

// AptosResource is one resource as a transaction left it.
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
	// ReceiptLogs says that each event comes with all logs of its transaction (Raw.ReceiptLogs):
	// some markets' events do not tell which token was sold.
	ReceiptLogs bool
	// Aptos: the event handle Field of the resource Handle under Account.
	Account string
	Handle  string
	Field   string
	// From is, of a handle, the ledger version from which on its events are wanted.
	From int64
	// Aptos, instead: events of these types, which need no handle. Their addresses have
	// 64 digits, and they are without type parameters. Their seq is the ledger version.
	Types []string
}

// StartAt makes a block, or ledger version, the first whose events are wanted, and
// returns the place before them, at which a stream of the source starts.
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
		return true // by the handle: events do not name it
	case len(s.Types) > 0:
		name, _, _ := strings.Cut(raw.Type, "<")
		return slices.Contains(s.Types, name)
	}
	return (len(s.Addresses) == 0 || slices.ContainsFunc(s.Addresses, func(a string) bool { return strings.EqualFold(a, hexOf(raw.Address[:])) })) &&
		len(raw.Topics) > 0 && slices.Contains(s.Topics, hexOf(raw.Topics[0][:]))
}
