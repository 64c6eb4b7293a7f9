package eth

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/mailru/easyjson/jlexer"
)

// scanHex scans a string that begins with 0x and returns its digits.
func scanHex(l *jlexer.Lexer) []byte {
	text := l.UnsafeBytes()
	if len(text) < 2 || text[0] != '0' || text[1] != 'x' {
		if l.Ok() {
			l.AddError(fmt.Errorf("%.80q does not begin with 0x", text))
		}
		return nil
	}
	return text[2:]
}

func scanBytes(l *jlexer.Lexer, into []byte) { decodeHex(l, into, scanHex(l)) }

func decodeHex(l *jlexer.Lexer, into, digits []byte) {
	if !l.Ok() {
		return
	}
	if len(digits) != 2*len(into) {
		l.AddError(fmt.Errorf("got %d hex digits, want %d", len(digits), 2*len(into)))
		return
	}
	if _, err := hex.Decode(into, digits); err != nil {
		l.AddError(err)
	}
}

// scanHash scans a hash of 32 bytes; one equal to before shares its memory.
func scanHash(l *jlexer.Lexer, before string) string {
	text := l.UnsafeBytes()
	if string(text) == before && before != "" {
		return before
	}
	if !l.Ok() {
		return ""
	}
	if !isHash(text) {
		l.AddError(fmt.Errorf("%.80q is not a hash", text))
		return ""
	}
	return string(text)
}

// isHash says whether text is a hash in lower case: hashes are compared as text.
func isHash[T []byte | string](text T) bool {
	if len(text) != 66 || text[0] != '0' || text[1] != 'x' {
		return false
	}
	for i := 2; i < len(text); i++ {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// ScanInt scans a quantity of at most 63 bits, which some nodes write as a number.
func ScanInt(l *jlexer.Lexer) int64 {
	var v uint64
	var err error
	text := l.Raw()
	switch digits, quoted := unquoted(text); {
	case !l.Ok():
		return 0
	case quoted && bytes.HasPrefix(digits, []byte("0x")):
		v, err = strconv.ParseUint(string(digits[2:]), 16, 63)
	default:
		v, err = strconv.ParseUint(string(digits), 10, 63)
	}
	if err != nil {
		l.AddError(fmt.Errorf("%.80q is not a quantity of at most 63 bits", text))
	}
	return int64(v)
}

func unquoted(text []byte) ([]byte, bool) {
	if len(text) >= 2 && text[0] == '"' {
		return text[1 : len(text)-1], true
	}
	return text, false
}

func scanBool(l *jlexer.Lexer) bool {
	if scanNull(l) {
		return false
	}
	return l.Bool()
}

func scanIndex(l *jlexer.Lexer) int32 {
	v := ScanInt(l)
	if v != int64(int32(v)) {
		l.AddError(fmt.Errorf("index %d is too large", v))
	}
	return int32(v)
}

// scanTime scans a time in Unix seconds. Null and zero, which some nodes write for an unknown
// time, are the zero time.
func scanTime(l *jlexer.Lexer) time.Time {
	if scanNull(l) {
		return time.Time{}
	}
	seconds := ScanInt(l)
	if seconds == 0 {
		return time.Time{}
	}
	return unixTime(l, seconds)
}

// unixTime is a time that documents can have.
func unixTime(l *jlexer.Lexer, seconds int64) time.Time {
	at := time.Unix(seconds, 0).UTC()
	if seconds > 1<<40 || at.Year() > 9999 { // years overflow
		l.AddError(fmt.Errorf("timestamp %d is after the year 9999", seconds))
	}
	return at
}
