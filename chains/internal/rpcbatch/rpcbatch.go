// Package rpcbatch splits batches of JSON-RPC that clients send.
package rpcbatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// ErrSize means that a batch has no calls, or too many.
var ErrSize = errors.New("empty batch, or batch too large")

// Split returns the calls of a batch, a JSON array. Those of one with more than most are
// not kept: a body of a megabyte can have half a million.
func Split(body []byte, most int) (calls []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		if len(calls) == most {
			return nil, ErrSize
		}
		var call json.RawMessage
		if err := d.Decode(&call); err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	switch _, err := d.Token(); {
	case !errors.Is(err, io.EOF):
		return nil, errors.New("more follows on the batch")
	case len(calls) == 0:
		return nil, ErrSize
	}
	return calls, nil
}
