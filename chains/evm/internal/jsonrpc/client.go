// Package jsonrpc calls an EVM endpoint: several calls in one batch, each answered, refused or
// left without an answer on its own.
//
// It guarantees:
//   - An answer is matched to its call by id, whatever the order; one that no call asked for,
//     or a second one to the same call, is an error.
//   - Bytes are bounded before they are read, and values are scanned without an intermediate
//     tree.
//   - Errors name the endpoint's host and method, never its URL.
package jsonrpc

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// Client is the JSON-RPC client of one endpoint. It scans responses instead of decoding them
// by reflection, which would take longer than the node takes to answer.
type Client struct {
	*endpoint.Endpoint
	MaxBatch    int           // the most calls in one request
	RateRetries int           // how often in a row to wait where all calls are refused for their rate
	IDs         *atomic.Int64 // of calls, where connections are kept; nil where each answer belongs to its request
}

// Call is one call and what becomes of it.
type Call struct {
	Method string
	Params []any
	Result func(*jlexer.Lexer) // scans the result, null included; it may be called again

	Answered bool
	Err      error // the node's answer, if that is an error
}

// Do sends calls. It returns the error of the request, or else the first error of a call.
func (c Client) Do(ctx context.Context, calls ...*Call) error {
	if err := c.Send(ctx, calls...); err != nil {
		return err
	}
	return FirstError(calls)
}

func FirstError(calls []*Call) error {
	for _, call := range calls {
		if call.Err != nil {
			return call.Err
		}
	}
	return nil
}

func Unanswered(calls []*Call) []*Call {
	var open []*Call
	for _, call := range calls {
		if !call.Answered {
			open = append(open, call)
		}
	}
	return open
}

// Send sends calls in as few requests as the endpoint takes, and leaves the errors of single
// calls with them. Only calls that were not answered are sent again.
func (c Client) Send(ctx context.Context, calls ...*Call) error {
	fruitless := 0
	for open := Unanswered(calls); len(open) > 0; {
		n := min(c.Limits.Batch(c.MaxBatch), len(open))
		if err := c.sendOrSplit(ctx, open[:n]); err != nil {
			return err
		}
		left := Unanswered(calls)
		if fruitless++; len(left) < len(open) {
			fruitless = 0
		}
		if fruitless > c.RateRetries { // all were refused for their rate
			return FirstError(left)
		}
		open = left
	}
	return nil
}

// sendOrSplit sends calls in one request. If it fails as a whole and a smaller one may not, it
// sends the halves: this tells a batch that is too large from a call that cannot be answered.
func (c Client) sendOrSplit(ctx context.Context, calls []*Call) error {
	calls = Unanswered(calls)
	if len(calls) == 0 {
		return nil
	}
	err := c.request(ctx, calls)
	if err == nil {
		c.Limits.BatchAnswered(len(calls))
		return nil
	}
	refusal := endpoint.RefusalOf(err)
	if len(calls) == 1 || ctx.Err() != nil || !worthSplitting(refusal) {
		return err
	}
	switch refusal.Class {
	case endpoint.BatchTooLarge:
		c.Limits.BatchRefused(len(calls), refusal.Limit)
		return c.sendInBatches(ctx, calls)
	case endpoint.Timeout: // the first call shows whether the endpoint is alive; the others could take as long
		if c.sendOrSplit(ctx, calls[:1]) == nil {
			c.Limits.BatchSuspected(len(calls))
		}
		return err
	}
	half := len(calls) / 2
	if err := c.sendOrSplit(ctx, calls[:half]); err != nil {
		return err
	}
	if err := c.sendOrSplit(ctx, calls[half:]); err != nil {
		return err
	}
	c.Limits.BatchSuspected(len(calls))
	return nil
}

// worthSplitting says whether calls that failed with a refusal may succeed in smaller
// requests.
func worthSplitting(r endpoint.Refusal) bool {
	return !r.IsRate() && r.Class != endpoint.Transport && r.Class != endpoint.Unauthorized && r.Class != endpoint.Other
}

// sendInBatches sends calls in requests as large as the endpoint takes by now.
func (c Client) sendInBatches(ctx context.Context, calls []*Call) error {
	for len(calls) > 0 {
		n := min(c.Limits.Batch(c.MaxBatch), len(calls))
		if err := c.sendOrSplit(ctx, calls[:n]); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// request sends calls in one request, a batch if there are several.
func (c Client) request(ctx context.Context, calls []*Call) error {
	var first int64
	if c.IDs != nil {
		first = c.IDs.Add(int64(len(calls))) - int64(len(calls))
	}
	body, err := encode(calls, first)
	if err != nil {
		return err
	}
	answer, err := c.PostCalls(ctx, len(calls), body)
	if err != nil {
		return err
	}
	defer answer.Release() // results copy what they keep
	return c.scan(answer.Body(), calls, first)
}

func encode(calls []*Call, first int64) ([]byte, error) {
	type request struct {
		Version string `json:"jsonrpc"`
		ID      int64  `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}
	requests := make([]request, len(calls))
	for i, call := range calls {
		requests[i] = request{"2.0", first + int64(i), call.Method, call.Params}
		if call.Params == nil {
			requests[i].Params = []any{}
		}
	}
	if len(requests) == 1 {
		return json.Marshal(requests[0])
	}
	return json.Marshal(requests)
}
