package evm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// client is the JSON-RPC client of one endpoint. It scans answers once instead of
// decoding them by reflection, which costs more than a node takes to answer.
type client struct {
	*endpoint.Endpoint
	batch       int           // the most calls in one request
	rateRetries int           // how often in a row to wait where all calls are refused for their rate
	ids         *atomic.Int64 // of calls, where connections are kept; nil where each answer belongs to its request
}

// call is one call and what becomes of it.
type call struct {
	method string
	params []any
	result func(*jlexer.Lexer) // scans the result, null included; it may be called again

	answered bool
	err      error // the node's answer, if that is an error
}

// rpcError is a node's answer that is an error.
type rpcError struct {
	Code    int64
	Message string // for people: shortened and without secrets
	refusal endpoint.Refusal
}

func (e *rpcError) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// Refusal is what the node means.
func (e *rpcError) Refusal() endpoint.Refusal { return e.refusal }

// do sends calls. Its error is the first that any of them has.
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

func unanswered(calls []*call) []*call {
	var open []*call
	for _, call := range calls {
		if !call.answered {
			open = append(open, call)
		}
	}
	return open
}

// send sends calls in as few requests as the endpoint takes, and leaves the errors of
// single calls with them. What was answered is kept: calls that are sent again are
// those that were not.
func (c client) send(ctx context.Context, calls ...*call) error {
	fruitless := 0
	for open := unanswered(calls); len(open) > 0; {
		n := min(c.Limits.Batch(c.batch), len(open))
		if err := c.sendOrSplit(ctx, open[:n]); err != nil {
			return err
		}
		left := unanswered(calls)
		if fruitless++; len(left) < len(open) {
			fruitless = 0
		}
		if fruitless > c.rateRetries { // all were refused for their rate
			return firstError(left)
		}
		open = left
	}
	return nil
}

// sendOrSplit sends calls in one request. Where the request fails as a whole, and a
// smaller one may not, it sends the halves: so a batch that is too large is told from
// a call that cannot be answered.
func (c client) sendOrSplit(ctx context.Context, calls []*call) error {
	calls = unanswered(calls)
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
	case endpoint.Timeout: // the first call tells whether the endpoint lives; the others could take as long again
		if c.sendOrSplit(ctx, calls[:1]) == nil {
			c.Limits.BatchDoubted(len(calls))
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
	c.Limits.BatchDoubted(len(calls))
	return nil
}

// worthSplitting says whether the calls of a request that failed so may do better apart.
func worthSplitting(r endpoint.Refusal) bool {
	return !r.IsRate() && r.Class != endpoint.Transport && r.Class != endpoint.Unauthorized && r.Class != endpoint.Other
}

// sendInBatches sends calls in requests as large as the endpoint takes by now.
func (c client) sendInBatches(ctx context.Context, calls []*call) error {
	for len(calls) > 0 {
		n := min(c.Limits.Batch(c.batch), len(calls))
		if err := c.sendOrSplit(ctx, calls[:n]); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// request sends calls in one request, a batch if there are several.
func (c client) request(ctx context.Context, calls []*call) error {
	var first int64
	if c.ids != nil {
		first = c.ids.Add(int64(len(calls))) - int64(len(calls))
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

func encode(calls []*call, first int64) ([]byte, error) {
	type request struct {
		Version string `json:"jsonrpc"`
		ID      int64  `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}
	requests := make([]request, len(calls))
	for i, call := range calls {
		requests[i] = request{"2.0", first + int64(i), call.method, call.params}
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
func (c client) scan(body []byte, calls []*call, first int64) error {
	l := &jlexer.Lexer{Data: body}
	s := responseScanner{client: c, calls: calls, first: first, seen: make([]bool, len(calls))}
	if !l.IsDelim('[') { // a single answer, or one error for the whole batch
		if err := s.scanResponse(l); err != nil && len(calls) > 1 && l.Ok() {
			return err
		}
	} else {
		l.Delim('[')
		for !l.IsDelim(']') {
			s.scanResponse(l)
			l.WantComma()
		}
		l.Delim(']')
	}
	l.Consumed()
	c.noteRates(calls)
	if err := l.Error(); err != nil {
		return c.Malformed("answer to %s: %w", calls[0].method, err)
	}
	for i, call := range calls {
		if !s.seen[i] {
			return c.Malformed("%s: not answered", call.method)
		}
	}
	return nil
}

// noteRates notes how many calls were answered and how many were refused for their rate.
func (c client) noteRates(calls []*call) {
	answered, refused := 0, 0
	var why error
	for _, call := range calls {
		switch {
		case call.answered:
			answered++
		case call.err != nil:
			refused, why = refused+1, call.err
		}
	}
	c.NoteAnswers(answered)
	if refused > 0 {
		c.NoteRefused(refused, why)
	}
}

// responseScanner scans the answers of one request.
type responseScanner struct {
	client
	calls []*call
	first int64  // the first call's id
	seen  []bool // whose answers were scanned
}

// scanResponse scans one answer, wherever in it the id stands, and returns the error that
// it carries.
func (s responseScanner) scanResponse(l *jlexer.Lexer) error {
	id := -1
	if len(s.calls) == 1 {
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
			given := l.Int64()
			id = int(given - s.first)
			if id < 0 || id >= len(s.calls) || s.seen[id] {
				l.AddError(fmt.Errorf("answer with id %d, which was not asked for or is answered", given))
				return nil
			}
		case key == "result" && id >= 0:
			s.calls[id].result(l)
			scanned = true
		case key == "result":
			early = l.Raw()
		case key == "error" && !l.IsNull():
			failure = s.scanError(l)
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
		return s.Errorf("%w", failure)
	case id < 0:
		l.AddError(fmt.Errorf("answer without an id"))
		return nil
	}
	s.seen[id] = true
	call := s.calls[id]
	call.err = nil
	switch {
	case failure != nil:
		call.err = s.Errorf("%s: %w", call.method, failure)
		s.NoteCall(call.err)
		if failure.Refusal().IsRate() { // to be asked again
			return call.err
		}
	case early != nil:
		inner := &jlexer.Lexer{Data: early}
		call.result(inner)
		l.AddError(inner.Error())
	case !scanned:
		l.AddError(fmt.Errorf("answer to %s with neither result nor error", call.method))
	}
	call.answered = l.Ok()
	return call.err
}

func (s responseScanner) scanError(l *jlexer.Lexer) *rpcError {
	code, text := scanErrorObject(l)
	return &rpcError{code, s.Redact(text), endpoint.Classify(0, code, text)}
}

// maxErrorText bounds what is read of an error's texts, in bytes.
const maxErrorText = 4 << 10

// scanErrorObject scans an error and returns its code and texts.
func scanErrorObject(l *jlexer.Lexer) (code int64, text string) {
	short := func(b []byte) string { return string(b[:min(len(b), maxErrorText)]) }
	if !l.IsDelim('{') { // some proxies answer with a text
		return 0, short(l.Raw())
	}
	var data string
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch {
		case key == "code" && !l.IsNull():
			code = scanErrorCode(l)
		case key == "message" && !l.IsNull():
			text = short(l.UnsafeBytes())
		case key == "data" && !l.IsNull() && !l.IsDelim('{') && !l.IsDelim('['):
			data = " " + short(l.Raw())
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	return code, text + data
}

// scanErrorCode scans the code of an error, which some proxies write as a text.
func scanErrorCode(l *jlexer.Lexer) int64 {
	number := strings.Trim(string(l.Raw()), `"`)
	var code int64
	_, _ = fmt.Sscan(number, &code)
	return code
}
