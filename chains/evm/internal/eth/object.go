package eth

import "github.com/mailru/easyjson/jlexer"

// scanObject scans an object: member scans the value of a key, or returns false, and then the
// value is skipped.
func scanObject(l *jlexer.Lexer, member func(key string) (scanned bool)) {
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		if !member(key) {
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
}

// scanArray scans an array, each of its items by a call.
func scanArray(l *jlexer.Lexer, item func()) {
	l.Delim('[')
	for !l.IsDelim(']') {
		item()
		l.WantComma()
	}
	l.Delim(']')
}

// scanNull scans a null; false if there is another value.
func scanNull(l *jlexer.Lexer) bool {
	if l.IsNull() {
		l.Null()
		return true
	}
	return false
}
