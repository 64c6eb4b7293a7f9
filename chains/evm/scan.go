package evm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/markets"
)

// header is what is needed of a block's header.
type header struct {
	number       int64
	hash, parent string
	time         time.Time
	bloom        bloom
}

// scan scans a block into h; null leaves h without a hash.
func (h *header) scan(l *jlexer.Lexer) {
	*h = header{}
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
			h.time = time.Unix(scanInt(l), 0).UTC()
		case "logsBloom":
			h.bloom = scanBloom(l)
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

// logScanner scans logs into raw events. Their topics and data are cut from shared
// chunks instead of being allocated one by one.
type logScanner struct {
	raws   []markets.Raw
	topics [][32]byte
	data   []byte
	null   bool // null instead of an array
}

const (
	topicChunk = 1 << 10
	dataChunk  = 1 << 16
	leastLog   = 400 // bytes: about what a log without topics and data takes as JSON
)

// scan scans an array of logs.
func (s *logScanner) scan(l *jlexer.Lexer) {
	*s = logScanner{null: l.IsNull()}
	s.scanMore(l)
}

// scanMore scans an array of logs and adds them to those that were scanned before.
func (s *logScanner) scanMore(l *jlexer.Lexer) {
	if l.IsNull() { // how some nodes write an empty array
		l.Null()
		return
	}
	l.Delim('[')
	for !l.IsDelim(']') {
		start := l.GetPos()
		s.scanLog(l)
		if len(s.raws) == 1 { // the others will be about as large
			s.raws = slices.Grow(s.raws, (len(l.Data)-start)/max(l.GetPos()-start, leastLog))
		}
		l.WantComma()
	}
	l.Delim(']')
}

// The fields that a log cannot do without.
const (
	hasAddress = 1 << iota
	hasTopics
	hasData
	hasBlock
	hasBlockHash
	hasTransaction // null is one
	hasIndex
	hasAll = 1<<iota - 1
)

func (s *logScanner) scanLog(l *jlexer.Lexer) {
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
		switch key {
		case "address":
			scanBytes(l, raw.Address[:])
			seen |= hasAddress
		case "topics":
			raw.Topics = s.scanTopics(l)
			seen |= hasTopics
		case "data":
			raw.Data, raw.Fault = s.scanData(l)
			seen |= hasData
		case "blockNumber":
			raw.Seq = scanInt(l)
			raw.Position.Height = raw.Seq
			seen |= hasBlock
		case "blockHash":
			raw.Block = scanHash(l, before.Block)
			seen |= hasBlockHash
		case "blockTimestamp":
			raw.Time = scanTime(l)
		case "transactionHash":
			raw.Transaction = scanTransaction(l, before.Transaction)
			seen |= hasTransaction
		case "transactionIndex":
			raw.Position.Transaction = scanTransactionIndex(l)
		case "logIndex":
			raw.Position.Log = scanIndex(l)
			seen |= hasIndex
		case "removed":
			if scanBool(l) {
				l.AddError(errors.New("log of a block that was removed"))
			}
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	if l.Ok() && seen|hasData != hasAll {
		l.AddError(errors.New("log without all of address, topics, blockNumber, blockHash, transactionHash and logIndex"))
	}
	if raw.Transaction == "" { // some chains log without a transaction
		raw.Transaction = noTransaction
	}
	s.raws = append(s.raws, raw)
}

// noTransaction is the hash of a log that belongs to no transaction.
const noTransaction = "0x0000000000000000000000000000000000000000000000000000000000000000"

func (s *logScanner) scanTopics(l *jlexer.Lexer) [][32]byte {
	const most = 4
	if l.IsNull() {
		l.Null()
		return nil
	}
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

// scanData scans a log's data. What cannot be read is the log's own fault, which must
// not hold up others.
func (s *logScanner) scanData(l *jlexer.Lexer) ([]byte, error) {
	if l.IsNull() {
		l.Null()
		return nil, nil
	}
	text := l.UnsafeBytes()
	digits, ok := bytes.CutPrefix(text, []byte("0x"))
	switch {
	case !l.Ok() || len(digits) == 0, string(text) == "0x0": // some nodes write nothing so
		return nil, nil
	case !ok || len(digits)%2 != 0:
		return nil, fmt.Errorf("data of %d characters, %.20q…, is not hexadecimal bytes", len(text), text)
	}
	n := len(digits) / 2
	if cap(s.data)-len(s.data) < n {
		s.data = make([]byte, 0, max(n, dataChunk))
	}
	from := len(s.data)
	s.data = s.data[:from+n]
	data := s.data[from : from+n : from+n]
	if _, err := hex.Decode(data, digits); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return data, nil
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

// scanTransactionIndex scans the index of a log's transaction, which may be null.
func scanTransactionIndex(l *jlexer.Lexer) int32 {
	if l.IsNull() {
		l.Null()
		return 0
	}
	return scanIndex(l)
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

// scanInt scans a quantity of at most 63 bits, which some nodes write as a number.
func scanInt(l *jlexer.Lexer) int64 {
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
	if l.IsNull() {
		l.Null()
		return false
	}
	return l.Bool()
}

// scanTransaction scans the hash of a log's transaction, which may be null.
func scanTransaction(l *jlexer.Lexer, before string) string {
	if l.IsNull() {
		l.Null()
		return ""
	}
	return scanHash(l, before)
}

func scanIndex(l *jlexer.Lexer) int32 {
	v := scanInt(l)
	if v != int64(int32(v)) {
		l.AddError(fmt.Errorf("index %d is too large", v))
	}
	return int32(v)
}

// scanTime scans a time in seconds. Null and zero, which some nodes write where they do
// not know it, are the zero time.
func scanTime(l *jlexer.Lexer) time.Time {
	if l.IsNull() {
		l.Null()
		return time.Time{}
	}
	seconds := scanInt(l)
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
