package batch

import (
	"unsafe"

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
		size += sizeOfEvent(&b.Events[i])
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

func sizeOfEvent(e *markets.Event) int64 {
	size := int64(unsafe.Sizeof(*e))
	for _, s := range []string{
		e.Block, e.Transaction, e.Order, e.Maker, e.Taker, e.From, e.To, string(e.Quantity), string(e.Price), e.Contract,
		e.Token.Collection, e.Token.ID, e.Token.Name,
	} {
		size += int64(len(s))
	}
	for i := range e.Bundle {
		item := &e.Bundle[i]
		size += int64(unsafe.Sizeof(*item)) + int64(len(item.Collection)+len(item.ID)+len(item.Name)+len(item.Quantity))
	}
	if e.Record != nil {
		size += int64(unsafe.Sizeof(*e.Record)) + sizeOfAny(e.Record.Fields) + int64(len(e.Record.Key))
		for k, v := range e.Record.Add {
			size += entrySize + int64(len(k)+len(v))
		}
	}
	return size
}

// entrySize is the size of an entry of a map or a list without its content.
const entrySize = 48

// sizeOfAny is the size of a field of a record.
func sizeOfAny(v any) (size int64) {
	switch v := v.(type) {
	case string:
		size = int64(len(v))
	case []any:
		for _, element := range v {
			size += sizeOfAny(element)
		}
	case map[string]any:
		for k, element := range v {
			size += int64(len(k)) + sizeOfAny(element)
		}
	}
	return size + entrySize
}
