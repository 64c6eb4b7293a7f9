package endpoint

import (
	"errors"

	"github.com/mailru/easyjson/jlexer"
)

var errNoIDs = errors.New("no ids")

// idsOf returns the least and the greatest id of a JSON-RPC message.
func idsOf(body []byte) (least, greatest int64, err error) {
	l := &jlexer.Lexer{Data: body}
	found := false
	one := func() {
		l.Delim('{')
		for !l.IsDelim('}') {
			key := l.UnsafeFieldName(false)
			l.WantColon()
			if key == "id" && !l.IsNull() {
				id := l.Int64()
				if !found {
					least, greatest = id, id
				}
				least, greatest, found = min(least, id), max(greatest, id), true
			} else {
				l.SkipRecursive()
			}
			l.WantComma()
		}
		l.Delim('}')
	}
	if !l.IsDelim('[') {
		one()
	} else {
		l.Delim('[')
		for !l.IsDelim(']') {
			one()
			l.WantComma()
		}
		l.Delim(']')
	}
	if err := l.Error(); err != nil {
		return 0, 0, err
	}
	if !found {
		return 0, 0, errNoIDs
	}
	return least, greatest, nil
}

// The kinds of messages without ids.
const (
	isOther = iota
	isHead
	isError
)

func kindOf(body []byte) (kind int) {
	l := &jlexer.Lexer{Data: body}
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch {
		case key == "method" && l.UnsafeString() == "eth_subscription":
			kind = isHead
		case key == "method":
		case key == "error" && !l.IsNull():
			kind = isError
			l.SkipRecursive()
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	if !l.Ok() {
		return isOther
	}
	return kind
}
