// Package rawdata is the part of Aptos' transaction stream that is read here:
// aptos.indexer.v1.RawData/GetTransactions. Messages are encoded and decoded field by field;
// unknown fields are skipped. The schema is aptos-labs/aptos-core's (Apache-2.0) at a58bc0561486
// and 1ffb127c7edb, protos/proto/aptos: indexer/v1/raw_data.proto,
// transaction/v1/transaction.proto and util/timestamp/timestamp.proto.
package rawdata

import (
	"fmt"

	"google.golang.org/grpc/mem"
)

// The service and its method.
const (
	Service = "aptos.indexer.v1.RawData"
	Method  = "GetTransactions"
)

// Request is a GetTransactionsRequest.
type Request struct {
	Start uint64 // the version of the first transaction
	Count uint64 // of transactions; 0: the stream goes on with the chain
	Batch uint64 // transactions in a response; 0: as many as the server likes
}

// Response is a TransactionsResponse. Its transactions are yet to be read.
type Response struct {
	ChainID      uint64
	Transactions [][]byte
}

// Transaction is what is read of a transaction.
type Transaction struct {
	Version   int64
	Micros    int64  // Unix time in microseconds
	Hash      []byte // 32 bytes
	Sender    []byte // text; of user transactions
	Events    []Event
	Resources [][]byte // that were written, yet to be read
}

// Event is an event. Its texts are those of the message it was read from.
type Event struct {
	Account  []byte // of its handle
	Creation uint64
	Sequence int64
	Type     []byte
	Data     []byte // JSON
}

// Resource is a resource that a transaction wrote.
type Resource struct {
	Address, Type string
	Data          []byte // JSON
}

// Frame is an encoded message.
type Frame struct{ Bytes []byte }

// Codec passes frames on as they are, without protobuf.
type Codec struct{}

// Marshal implements encoding.CodecV2.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*Frame)
	if !ok {
		return nil, fmt.Errorf("message %T is not a frame", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(f.Bytes)}, nil
}

// maxKept bounds the memory that a frame keeps for the next message.
const maxKept = 4 << 20

// Unmarshal implements encoding.CodecV2. The frame's memory is reused.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*Frame)
	if !ok {
		return fmt.Errorf("message %T is not a frame", v)
	}
	n := data.Len()
	if cap(f.Bytes) < n || cap(f.Bytes) > max(maxKept, n) {
		f.Bytes = make([]byte, n)
	}
	f.Bytes = f.Bytes[:n]
	data.CopyTo(f.Bytes)
	return nil
}

// Name implements encoding.CodecV2.
func (Codec) Name() string { return "proto" }
