package aptos

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// pageScanner scans a page of transactions for wanted events. Of all else only the outline
// is looked at: reading whole transactions by reflection takes several times as long.
type pageScanner struct {
	wanted map[string]bool
	next   int64 // the version that must come next
	raws   []markets.Raw

	accounts     map[string]bool // whose handles' events are kept, too, out of the stream
	handleEvents []handleEvent
}

// scanPage scans a page.
func (s *pageScanner) scanPage(body []byte) error {
	l := jlexer.Lexer{Data: body}
	l.Delim('[')
	for !l.IsDelim(']') {
		s.scanTransaction(&l)
		l.WantComma()
	}
	l.Delim(']')
	l.Consumed()
	return l.Error()
}

// outline is what is scanned of a transaction. Its changes are read only if one of its
// events is wanted.
type outline struct {
	version, timestamp int64
	hash, sender       string
	changes            []byte
	raws               []markets.Raw
	accounts           map[string]bool // of the types of raws
}

func (s *pageScanner) scanTransaction(l *jlexer.Lexer) {
	t := outline{version: -1}
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch key {
		case "version":
			t.version = scanNumber(l)
		case "timestamp":
			t.timestamp = scanNumber(l)
		case "hash":
			t.hash = l.String()
		case "sender":
			t.sender = l.String()
		case "changes":
			t.changes = l.Raw()
		case "events":
			s.scanEvents(l, &t)
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	if !l.Ok() {
		return
	}
	if t.version != s.next || t.hash == "" {
		l.AddError(fmt.Errorf("%w: version %d, hash %.80q, stands where version %d is expected", chains.ErrGap, t.version, t.hash, s.next))
		return
	}
	s.next++
	if len(t.raws) == 0 {
		return
	}
	var changes []change
	if len(t.changes) > 0 {
		if err := json.Unmarshal(t.changes, &changes); err != nil {
			l.AddError(fmt.Errorf("changes of version %d: %w", t.version, err))
			return
		}
	}
	if err := s.finish(t, changes); err != nil {
		l.AddError(err)
	}
}

// scanEvents scans the events of a transaction.
func (s *pageScanner) scanEvents(l *jlexer.Lexer, t *outline) {
	t.raws = nil // of several fields of one name the last one counts
	if l.IsNull() {
		l.Null()
		return
	}
	index := int32(0)
	l.Delim('[')
	for !l.IsDelim(']') {
		var name string
		var data []byte
		l.Delim('{')
		for !l.IsDelim('}') {
			key := l.UnsafeFieldName(false)
			l.WantColon()
			switch key {
			case "type":
				name = l.UnsafeString()
			case "data":
				data = l.Raw()
			default:
				l.SkipRecursive()
			}
			l.WantComma()
		}
		l.Delim('}')
		if l.Ok() && s.wanted[withoutAddress(name)] {
			if err := s.addWanted(t, index, name, data); err != nil {
				l.AddError(err)
			}
		}
		index++
		l.WantComma()
	}
	l.Delim(']')
}

// addWanted adds an event to its transaction if its type is wanted.
func (s *pageScanner) addWanted(t *outline, index int32, name string, data []byte) error {
	long, err := fullType(strings.Clone(name)) // the answer's bytes are used again
	if err != nil {
		return err
	}
	bare, _, _ := strings.Cut(long, "<")
	if !s.wanted[bare] {
		return nil
	}
	normal, err := canonical(data)
	if err != nil {
		return fmt.Errorf("data of event %d: %w", index, err)
	}
	account, _, _ := strings.Cut(bare, "::")
	if t.accounts == nil {
		t.accounts = map[string]bool{}
	}
	t.accounts[account] = true
	t.raws = append(t.raws, markets.Raw{Position: markets.Position{Log: index}, Type: long, JSON: normal})
	return nil
}

// finish keeps the wanted events of a transaction.
func (s *pageScanner) finish(t outline, changes []change) error {
	ledger, err := ledgerOf(number(t.version), t.sender, changes, t.accounts)
	if err != nil {
		return fmt.Errorf("version %d: %w", t.version, err)
	}
	for _, raw := range t.raws {
		raw.Position.Height, raw.Seq = t.version, t.version
		raw.Transaction, raw.Time, raw.Ledger = t.hash, number(t.timestamp).time(), ledger
		s.raws = append(s.raws, raw)
	}
	return nil
}

// scanNumber scans a u64 of the API, a string in JSON.
func scanNumber(l *jlexer.Lexer) int64 {
	text := l.UnsafeString()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && l.Ok() {
		l.AddError(fmt.Errorf("%.80q is no number", text))
	}
	return n
}
