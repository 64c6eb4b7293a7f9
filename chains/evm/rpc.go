package evm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// client is the JSON-RPC client of one endpoint. It scans answers once instead of
// decoding them by reflection, which costs more than a node takes to answer.
type client struct {
	*endpoint.Endpoint
}

// call is one call and what becomes of it.
type call struct {
	method string
	params []any
	result func(*jlexer.Lexer) // scans the result, null included
	err    error               // the node's answer, if that is an error
}

// rpcError is a node's answer that is an error.
type rpcError struct {
	Code    int64
	Message string
}

func (e *rpcError) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// Class is the class that the error is counted in, see chains.Class.
func (e *rpcError) Class() string {
	switch {
	case isRate(e.Message):
		return endpoint.RateLimited
	case isTooMany(e):
		return endpoint.RangeTooLarge
	}
	return endpoint.RPC
}

// do sends calls in one request. Its error is the first that any of them has.
func (c client) do(ctx context.Context, calls ...*call) error {
	if err := c.send(ctx, calls...); err != nil {
		return err
	}
	return firstError(calls)
}

func firstError(calls []*call) error {
	for _, call := range calls {
		if call.err != nil {
			return call.err
		}
	}
	return nil
}

// send sends calls in one request, a batch if there are several, and leaves the
// errors of single calls with them.
func (c client) send(ctx context.Context, calls ...*call) error {
	body, err := encode(calls)
	if err != nil {
		return err
	}
	answer, err := c.Post(ctx, body)
	if err != nil {
		return err
	}
	defer answer.Release() // results copy what they keep
	return c.scan(answer.Body(), calls)
}

func encode(calls []*call) ([]byte, error) {
	type request struct {
		Version string `json:"jsonrpc"`
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}
	requests := make([]request, len(calls))
	for i, call := range calls {
		requests[i] = request{"2.0", i, call.method, call.params}
		if call.params == nil {
			requests[i].Params = []any{}
		}
	}
	if len(requests) == 1 {
		return json.Marshal(requests[0])
	}
	return json.Marshal(requests)
}

// scan hands every answer to its call.
func (c client) scan(body []byte, calls []*call) error {
	l := &jlexer.Lexer{Data: body}
	answered := make([]bool, len(calls))
	if !l.IsDelim('[') { // a single answer, or one error for the whole batch
		if err := c.scanAnswer(l, calls, answered); err != nil && len(calls) > 1 && l.Ok() {
			return err
		}
	} else {
		l.Delim('[')
		for !l.IsDelim(']') {
			c.scanAnswer(l, calls, answered)
			l.WantComma()
		}
		l.Delim(']')
	}
	l.Consumed()
	if err := l.Error(); err != nil {
		return c.Errorf("answer to %s: %w", calls[0].method, err)
	}
	for i, call := range calls {
		if !answered[i] {
			return c.Errorf("%s: not answered", call.method)
		}
	}
	return nil
}

// scanAnswer scans one answer, wherever in it the id stands, and returns the
// error that it carries.
func (c client) scanAnswer(l *jlexer.Lexer, calls []*call, answered []bool) error {
	id := -1
	if len(calls) == 1 {
		id = 0
	}
	var early []byte // a result that came before its id
	var scanned bool
	var failure *rpcError
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch {
		case key == "id" && !l.IsNull():
			id = l.Int()
			if id < 0 || id >= len(calls) || answered[id] {
				l.AddError(fmt.Errorf("answer with id %d, which was not asked for or is answered", id))
				return nil
			}
		case key == "result" && id >= 0:
			calls[id].result(l)
			scanned = true
		case key == "result":
			early = l.Raw()
		case key == "error" && !l.IsNull():
			failure = c.scanError(l)
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	switch {
	case !l.Ok():
		return nil
	case id < 0 && failure != nil:
		return c.Errorf("%w", failure)
	case id < 0:
		l.AddError(fmt.Errorf("answer without an id"))
		return nil
	}
	answered[id] = true
	call := calls[id]
	switch {
	case failure != nil:
		call.err = c.Errorf("%s: %w", call.method, failure)
	case early != nil:
		inner := &jlexer.Lexer{Data: early}
		call.result(inner)
		l.AddError(inner.Error())
	case !scanned:
		l.AddError(fmt.Errorf("answer to %s with neither result nor error", call.method))
	}
	return call.err
}

func (c client) scanError(l *jlexer.Lexer) *rpcError {
	var e rpcError
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch {
		case key == "code" && !l.IsNull():
			e.Code = l.Int64()
		case key == "message" && !l.IsNull():
			e.Message = c.Redact(strings.Clone(l.UnsafeString()))
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	return &e
}
