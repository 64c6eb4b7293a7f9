package jsonrpc

import "testing"

// Scan hands the responses of a body to their calls.
func (c Client) Scan(body []byte, calls []*Call, first int64) error {
	return c.scan(body, calls, first)
}

// AnswerWith returns a client whose node gives one answer to everything.
func AnswerWith(t testing.TB, answer string) Client { return answerWith(t, answer) }
