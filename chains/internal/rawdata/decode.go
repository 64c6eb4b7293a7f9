package rawdata

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of what is read of one message.
const (
	maxTransactions = 10_000 // servers give 1,000 at most
	maxParts        = 1 << 18
)

var errMany = errors.New("too many elements in one message")

// field is one field of a message.
type field struct {
	number protowire.Number
	wire   protowire.Type
	bytes  []byte // of a length-delimited one
	value  uint64 // of a varint
}

// fields calls f with each field of a message that is a varint or length-delimited.
func fields(message []byte, f func(field) error) error {
	for len(message) > 0 {
		number, wire, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		at := field{number: number, wire: wire}
		switch wire {
		case protowire.BytesType:
			at.bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			at.value, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, wire, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if wire == protowire.BytesType || wire == protowire.VarintType {
			if err := f(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// message says whether the field is a message, text or bytes of a number.
func (f field) message(number protowire.Number) bool {
	return f.number == number && f.wire == protowire.BytesType
}

func (f field) varint(number protowire.Number) bool {
	return f.number == number && f.wire == protowire.VarintType
}

// Read reads a GetTransactionsRequest.
func (r *Request) Read(message []byte) error {
	*r = Request{}
	return fields(message, func(f field) error {
		switch {
		case f.varint(1):
			r.Start = f.value
		case f.varint(2):
			r.Count = f.value
		case f.varint(3):
			r.Batch = f.value
		}
		return nil
	})
}

// Read reads a TransactionsResponse. Its transactions belong to the message.
func (r *Response) Read(message []byte) error {
	r.ChainID, r.Transactions = 0, r.Transactions[:0]
	return fields(message, func(f field) error {
		switch {
		case f.message(1):
			if len(r.Transactions) == maxTransactions {
				return errMany
			}
			r.Transactions = append(r.Transactions, f.bytes)
		case f.varint(2):
			r.ChainID = f.value
		}
		return nil
	})
}

// events are the numbers of the kinds of transactions that have events, and of the
// events within them.
var events = map[protowire.Number]protowire.Number{
	7:  3, // block_metadata
	8:  2, // genesis
	10: 2, // user
	21: 3, // validator
	24: 6, // scheduled_transaction
}

const user, scheduled = 10, 24

// Read reads a transaction. Its texts belong to the message.
func (t *Transaction) Read(message []byte) error {
	*t = Transaction{Events: t.Events[:0], Resources: t.Resources[:0]}
	return fields(message, func(f field) (err error) {
		switch inner, eventful := events[f.number]; {
		case f.message(1):
			t.Micros, err = micros(f.bytes)
		case f.varint(2):
			t.Version, err = signed(f.value)
		case f.message(3):
			err = t.info(f.bytes)
		case eventful && f.wire == protowire.BytesType:
			err = t.content(f.number, inner, f.bytes)
		}
		return err
	})
}

// info reads a TransactionInfo.
func (t *Transaction) info(message []byte) error {
	return fields(message, func(f field) error {
		switch {
		case f.message(1):
			t.Hash = f.bytes
		case f.message(9):
			return fields(f.bytes, func(f field) error {
				if !f.message(6) { // write_resource
					return nil
				}
				if len(t.Resources) == maxParts {
					return errMany
				}
				t.Resources = append(t.Resources, f.bytes)
				return nil
			})
		}
		return nil
	})
}

// content reads what a kind of transactions has: events, and a sender.
func (t *Transaction) content(kind, inner protowire.Number, message []byte) error {
	return fields(message, func(f field) error {
		switch {
		case f.message(inner):
			if len(t.Events) == maxParts {
				return errMany
			}
			var e Event
			if err := e.read(f.bytes); err != nil {
				return fmt.Errorf("event %d: %w", len(t.Events), err)
			}
			t.Events = append(t.Events, e)
		case f.message(1) && kind == scheduled:
			t.Sender = f.bytes
		case f.message(1) && kind == user: // the request
			return fields(f.bytes, func(f field) error {
				if f.message(1) {
					t.Sender = f.bytes
				}
				return nil
			})
		}
		return nil
	})
}

func (e *Event) read(message []byte) error {
	return fields(message, func(f field) (err error) {
		switch {
		case f.message(1):
			err = fields(f.bytes, func(f field) error {
				switch {
				case f.varint(1):
					e.Creation = f.value
				case f.message(2):
					e.Account = f.bytes
				}
				return nil
			})
		case f.varint(2):
			e.Sequence, err = signed(f.value)
		case f.message(5):
			e.Type = f.bytes
		case f.message(4):
			e.Data = f.bytes
		}
		return err
	})
}

// Read reads a resource. Its data belong to the message.
func (r *Resource) Read(message []byte) error {
	*r = Resource{}
	return fields(message, func(f field) error {
		switch {
		case f.message(1):
			r.Address = string(f.bytes)
		case f.message(4):
			r.Type = string(f.bytes)
		case f.message(5):
			r.Data = f.bytes
		}
		return nil
	})
}

// micros reads a timestamp.
func micros(message []byte) (int64, error) {
	var seconds, nanos int64
	err := fields(message, func(f field) error {
		switch {
		case f.varint(1):
			seconds = int64(f.value)
		case f.varint(2):
			nanos = int64(f.value)
		}
		return nil
	})
	const most = 253402300799 // the end of the year 9999
	if err == nil && (seconds < 0 || seconds > most || nanos < 0 || nanos > 999_999_999) {
		err = fmt.Errorf("timestamp of %d s and %d ns", seconds, nanos)
	}
	return seconds*1_000_000 + nanos/1000, err
}

// signed is a number that fits 63 bits, as all of ours do.
func signed(v uint64) (int64, error) {
	if v > math.MaxInt64 {
		return 0, fmt.Errorf("number %d is too large", v)
	}
	return int64(v), nil
}
