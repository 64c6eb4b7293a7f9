package eth

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/markets"
)

// LogScanner scans logs into raw events. Their topics and data are cut from shared chunks
// instead of being allocated one by one.
type LogScanner struct {
	Raws   []markets.Raw
	topics [][32]byte
	data   []byte
	Null   bool // null instead of an array
}

const (
	topicChunk = 1 << 10
	dataChunk  = 1 << 16
	leastLog   = 400 // bytes: about what a log without topics and data takes as JSON
)

// nextChunk returns the capacity of the chunk that follows one of a given capacity, for at
// least n elements. The first chunks are small: a block of one log that is kept for long
// also keeps its chunks.
func nextChunk(before, n, most int) int { return max(n, min(2*before, most)) }

// Scan scans an array of logs.
func (s *LogScanner) Scan(l *jlexer.Lexer) {
	*s = LogScanner{Null: l.IsNull()}
	s.scanMore(l)
}

// scanMore scans an array of logs and appends them.
func (s *LogScanner) scanMore(l *jlexer.Lexer) {
	if scanNull(l) { // how some nodes write an empty array
		return
	}
	scanArray(l, func() {
		start := l.GetPos()
		s.scanLog(l)
		if len(s.Raws) == 1 { // the others will be about as large
			s.Raws = slices.Grow(s.Raws, (len(l.Data)-start)/max(l.GetPos()-start, leastLog))
		}
	})
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

func (s *LogScanner) scanLog(l *jlexer.Lexer) {
	var before markets.Raw
	if n := len(s.Raws); n > 0 {
		before = s.Raws[n-1]
	}
	var raw markets.Raw
	seen := 0
	scanObject(l, func(key string) bool {
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
			raw.Seq = ScanInt(l)
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
				l.AddError(errors.New("log of a removed block"))
			}
		default:
			return false
		}
		return true
	})
	if l.Ok() && seen|hasData != hasAll {
		l.AddError(errors.New("log lacks one of address, topics, blockNumber, blockHash, transactionHash and logIndex"))
	}
	if raw.Transaction == "" { // some chains log without a transaction
		raw.Transaction = noTransaction
	}
	s.Raws = append(s.Raws, raw)
}

// noTransaction is the hash of logs that belong to no transaction.
const noTransaction = "0x0000000000000000000000000000000000000000000000000000000000000000"

func (s *LogScanner) scanTopics(l *jlexer.Lexer) [][32]byte {
	const most = 4
	if scanNull(l) {
		return nil
	}
	if cap(s.topics)-len(s.topics) < most {
		s.topics = make([][32]byte, 0, nextChunk(cap(s.topics), most, topicChunk))
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

// scanData scans a log's data. Unreadable data is a fault of this log alone, which must not
// hold up others.
func (s *LogScanner) scanData(l *jlexer.Lexer) ([]byte, error) {
	if scanNull(l) {
		return nil, nil
	}
	text := l.UnsafeBytes()
	digits, ok := bytes.CutPrefix(text, []byte("0x"))
	switch {
	case !l.Ok() || len(digits) == 0, string(text) == "0x0": // some nodes write nothing so
		return nil, nil
	case !ok || len(digits)%2 != 0:
		return nil, fmt.Errorf("data of %d characters, %.20q…, is not hexadecimal", len(text), text)
	}
	n := len(digits) / 2
	if cap(s.data)-len(s.data) < n {
		s.data = make([]byte, 0, nextChunk(cap(s.data), n, dataChunk))
	}
	from := len(s.data)
	s.data = s.data[:from+n]
	data := s.data[from : from+n : from+n]
	if _, err := hex.Decode(data, digits); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return data, nil
}

// scanTransactionIndex scans the index of a log's transaction, which may be null.
func scanTransactionIndex(l *jlexer.Lexer) int32 {
	if scanNull(l) {
		return 0
	}
	return scanIndex(l)
}

// scanTransaction scans the hash of a log's transaction, which may be null.
func scanTransaction(l *jlexer.Lexer, before string) string {
	if scanNull(l) {
		return ""
	}
	return scanHash(l, before)
}

// ReceiptsScanner scans the receipts of a block into their logs.
type ReceiptsScanner struct{ LogScanner }

func (s *ReceiptsScanner) Scan(l *jlexer.Lexer) {
	s.LogScanner = LogScanner{Null: l.IsNull()}
	if scanNull(l) {
		return
	}
	scanArray(l, func() {
		scanObject(l, func(key string) bool {
			if key == "logs" {
				s.scanMore(l)
			}
			return key == "logs"
		})
	})
}

// Receipt is the logs of a transaction's receipt and its block, which is empty if there is no
// receipt.
type Receipt struct {
	Block string
	LogScanner
}

// Scan scans a receipt.
func (r *Receipt) Scan(l *jlexer.Lexer) {
	*r = Receipt{}
	if scanNull(l) {
		return
	}
	scanObject(l, func(key string) bool {
		switch key {
		case "blockHash":
			r.Block = scanHash(l, "")
		case "logs":
			r.scanMore(l)
		default:
			return false
		}
		return true
	})
}
