package batch

import (
	"unsafe"

	"github.com/imart/event-worker/internal/footprint"
	"github.com/imart/event-worker/markets"
)

// SizeOfRaws is the size of raw events in memory, in bytes, about. What the events of one
// transaction share counts once.
func SizeOfRaws(raws []markets.Raw) (size int64) {
	for i := range raws {
		raw := &raws[i]
		size += int64(unsafe.Sizeof(*raw)) + int64(len(raw.Block)+len(raw.Transaction)+len(raw.Type))
		size += int64(32*len(raw.Topics)) + dataOf(raw)
		if i == 0 || !sameContext(raw, &raws[i-1]) {
			size += contextOf(raw)
		}
	}
	return size
}

// dataOf is the size of an event's own data.
func dataOf(raw *markets.Raw) int64 { return int64(len(raw.Data) + len(raw.JSON)) }

// contextOf is the size of what an event shares with the others of its transaction.
func contextOf(raw *markets.Raw) (size int64) {
	for i := range raw.ReceiptLogs {
		l := &raw.ReceiptLogs[i]
		size += int64(unsafe.Sizeof(*l)) + int64(32*len(l.Topics)+len(l.Data))
	}
	if raw.Envelope != nil {
		size += int64(unsafe.Sizeof(*raw.Envelope)) + int64(len(raw.Envelope.Value))
	}
	if raw.Ledger != nil {
		for i := range raw.Ledger.Resources {
			r := &raw.Ledger.Resources[i]
			size += int64(unsafe.Sizeof(*r)) + int64(len(r.Address)+len(r.Type)+len(r.Data))
		}
	}
	return size
}

// sameContext reports whether two events share it.
func sameContext(a, b *markets.Raw) bool {
	switch {
	case len(a.ReceiptLogs) > 0:
		return len(b.ReceiptLogs) > 0 && &a.ReceiptLogs[0] == &b.ReceiptLogs[0]
	case a.Envelope != nil:
		return a.Envelope == b.Envelope
	}
	return a.Ledger != nil && a.Ledger == b.Ledger
}

// SizeOf is the size of a batch in memory, in bytes, about.
func SizeOf(b *markets.Batch) (size int64) {
	for i := range b.Events {
		size += footprint.Of(&b.Events[i])
	}
	for i := range b.DeadLetters {
		l := &b.DeadLetters[i]
		size += int64(unsafe.Sizeof(*l)) + int64(len(l.Block)+len(l.Transaction)+len(l.Reason))
		if i == 0 || len(l.Raw) == 0 || len(b.DeadLetters[i-1].Raw) == 0 || &l.Raw[0] != &b.DeadLetters[i-1].Raw[0] { // dead letters of one transaction share it
			size += int64(len(l.Raw))
		}
	}
	return size
}
