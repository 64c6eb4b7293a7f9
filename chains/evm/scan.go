package evm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/markets"
)

// header is what is needed of a block's header.
type header struct {
	number       int64
	hash, parent string
	time         time.Time
}

// into scans a block into h; null leaves h as it is, without a hash.
func (h *header) into(l *jlexer.Lexer) {
	if l.IsNull() {
		l.Null()
		return
	}
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(true)
		l.WantColon()
		switch key {
		case "number":
			h.number = scanInt(l)
		case "hash":
			h.hash = scanHash(l, "")
		case "parentHash":
			h.parent = scanHash(l, "")
		case "timestamp":
			h.time = scanTime(l)
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	if l.Ok() && (h.hash == "" || h.parent == "" || h.time.IsZero()) {
		l.AddError(errors.New("block without hash, parentHash or timestamp"))
	}
}

// logScan scans logs into raw events. Their topics and data are cut from shared
// chunks instead of being allocated one by one.
type logScan struct {
	raws   []markets.Raw
	topics [][32]byte
	data   []byte
}

const (
	topicChunk = 1 << 10
	dataChunk  = 1 << 16
	leastLog   = 400 // bytes: about what a log without topics and data takes as JSON
)

// into scans an array of logs.
func (s *logScan) into(l *jlexer.Lexer) {
	if l.IsNull() { // how some nodes write an empty array
		l.Null()
		return
	}
	l.Delim('[')
	for !l.IsDelim(']') {
		start := l.GetPos()
		s.log(l)
		if len(s.raws) == 1 { // the others will be about as large
			s.raws = slices.Grow(s.raws, (len(l.Data)-start)/max(l.GetPos()-start, leastLog))
		}
		l.WantComma()
	}
	l.Delim(']')
}

func (s *logScan) log(l *jlexer.Lexer) {
	var before markets.Raw
	if n := len(s.raws); n > 0 {
		before = s.raws[n-1]
	}
	var raw markets.Raw
	seen := 0
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(true)
		l.WantColon()
		seen++
		switch key {
		case "address":
			scanBytes(l, raw.Address[:])
		case "topics":
			raw.Topics = s.scanTopics(l)
		case "data":
			raw.Data = s.scanData(l)
		case "blockNumber":
			raw.Seq = scanInt(l)
			raw.Position.Height = raw.Seq
		case "blockHash":
			raw.Block = scanHash(l, before.Block)
		case "blockTimestamp":
			if l.IsNull() {
				l.Null()
			} else {
				raw.Time = scanTime(l)
			}
			seen--
		case "transactionHash":
			raw.Transaction = scanHash(l, before.Transaction)
		case "transactionIndex":
			raw.Position.Transaction = scanIndex(l)
		case "logIndex":
			raw.Position.Log = scanIndex(l)
		case "removed":
			if l.Bool() {
				l.AddError(errors.New("log of a block that was removed"))
			}
			seen--
		default:
			l.SkipRecursive()
			seen--
		}
		l.WantComma()
	}
	l.Delim('}')
	if l.Ok() && seen != 8 {
		l.AddError(fmt.Errorf("log with %d of the 8 fields that every log has", seen))
	}
	s.raws = append(s.raws, raw)
}

func (s *logScan) scanTopics(l *jlexer.Lexer) [][32]byte {
	const most = 4
	if cap(s.topics)-len(s.topics) < most {
		s.topics = make([][32]byte, 0, topicChunk)
	}
	from := len(s.topics)
	l.Delim('[')
	for !l.IsDelim(']') {
		if len(s.topics)-from == most {
			l.AddError(errors.New("log with more than 4 topics"))
			return nil
		}
		s.topics = s.topics[:len(s.topics)+1]
		scanBytes(l, s.topics[len(s.topics)-1][:])
		l.WantComma()
	}
	l.Delim(']')
	return s.topics[from:len(s.topics):len(s.topics)]
}

func (s *logScan) scanData(l *jlexer.Lexer) []byte {
	digits := scanHex(l)
	n := len(digits) / 2
	if cap(s.data)-len(s.data) < n {
		s.data = make([]byte, 0, max(n, dataChunk))
	}
	from := len(s.data)
	s.data = s.data[:from+n]
	data := s.data[from : from+n : from+n]
	decodeHex(l, data, digits)
	return data
}

// scanHex scans a string with 0x before its digits, which are returned.
func scanHex(l *jlexer.Lexer) []byte {
	text := l.UnsafeBytes()
	if len(text) < 2 || text[0] != '0' || text[1] != 'x' {
		if l.Ok() {
			l.AddError(fmt.Errorf("%.80q instead of 0x…", text))
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
		l.AddError(fmt.Errorf("%d hex digits instead of %d", len(digits), 2*len(into)))
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
		l.AddError(fmt.Errorf("%.80q instead of a hash", text))
		return ""
	}
	return string(text)
}

// isHash says whether text is a hash as JSON-RPC has it: hashes are compared as
// text, so that only lower case will do.
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

// scanInt scans a quantity of at most 63 bits.
func scanInt(l *jlexer.Lexer) int64 {
	digits := scanHex(l)
	if !l.Ok() {
		return 0
	}
	if len(digits) == 0 || len(digits) > 16 {
		l.AddError(fmt.Errorf("a quantity of %d hex digits", len(digits)))
		return 0
	}
	var v uint64
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			l.AddError(fmt.Errorf("%.80q is no quantity", digits))
			return 0
		}
		v = v<<4 | uint64(c)
	}
	if int64(v) < 0 {
		l.AddError(fmt.Errorf("quantity %.80q is too large", digits))
		return 0
	}
	return int64(v)
}

func scanIndex(l *jlexer.Lexer) int32 {
	v := scanInt(l)
	if v != int64(int32(v)) {
		l.AddError(fmt.Errorf("index %d is too large", v))
	}
	return int32(v)
}

func scanTime(l *jlexer.Lexer) time.Time { return time.Unix(scanInt(l), 0).UTC() }
