package jsonrpc

import (
	"fmt"
	"strings"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// scan hands each response to its call.
func (c Client) scan(body []byte, calls []*Call, first int64) error {
	l := &jlexer.Lexer{Data: body}
	s := responseScanner{Client: c, calls: calls, first: first, seen: make([]bool, len(calls))}
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
		return c.Malformed("answer to %s: %w", calls[0].Method, err)
	}
	for i, call := range calls {
		if !s.seen[i] {
			return c.Malformed("%s: not answered", call.Method)
		}
	}
	return nil
}

// noteRates records how many calls were answered and how many were refused for their rate.
func (c Client) noteRates(calls []*Call) {
	answered, refused := 0, 0
	var why error
	for _, call := range calls {
		switch {
		case call.Answered:
			answered++
		case call.Err != nil:
			refused, why = refused+1, call.Err
		}
	}
	c.NoteAnswers(answered)
	if refused > 0 {
		c.NoteRefused(refused, why)
	}
}

// responseScanner scans the responses to one request.
type responseScanner struct {
	Client
	calls []*Call
	first int64  // the first call's id
	seen  []bool // whose answers were scanned
}

// scanResponse scans one response, wherever in it the id is, and returns its error.
func (s responseScanner) scanResponse(l *jlexer.Lexer) error {
	id := -1
	if len(s.calls) == 1 {
		id = 0
	}
	var early []byte // a result that came before its id
	var scanned bool
	var failure *Error
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch {
		case key == "id" && !l.IsNull():
			given := l.Int64()
			id = int(given - s.first)
			if id < 0 || id >= len(s.calls) || s.seen[id] {
				l.AddError(fmt.Errorf("response with unexpected id %d", given))
				return nil
			}
		case key == "result" && id >= 0:
			s.calls[id].Result(l)
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
		l.AddError(fmt.Errorf("response without an id"))
		return nil
	}
	s.seen[id] = true
	call := s.calls[id]
	call.Err = nil
	switch {
	case failure != nil:
		call.Err = s.Errorf("%s: %w", call.Method, failure)
		s.NoteCall(call.Err)
		if failure.Refusal().IsRate() { // to be asked again
			return call.Err
		}
	case early != nil:
		inner := &jlexer.Lexer{Data: early}
		call.Result(inner)
		l.AddError(inner.Error())
	case !scanned:
		l.AddError(fmt.Errorf("response to %s with neither result nor error", call.Method))
	}
	call.Answered = l.Ok()
	return call.Err
}

func (s responseScanner) scanError(l *jlexer.Lexer) *Error {
	code, text := scanErrorObject(l)
	return &Error{code, s.Redact(text), endpoint.Classify(0, code, text)}
}

// maxErrorText bounds, in bytes, what is read of an error's text.
const maxErrorText = 4 << 10

// scanErrorObject scans an error and returns its code and text.
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

// scanErrorCode scans the code of an error, which some proxies write as a string.
func scanErrorCode(l *jlexer.Lexer) int64 {
	number := strings.Trim(string(l.Raw()), `"`)
	var code int64
	_, _ = fmt.Sscan(number, &code)
	return code
}

// Error is a response that is an error.
type Error struct {
	Code    int64
	Message string // for people: shortened and without secrets
	refusal endpoint.Refusal
}

func (e *Error) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// Refusal is the error's meaning.
func (e *Error) Refusal() endpoint.Refusal { return e.refusal }
