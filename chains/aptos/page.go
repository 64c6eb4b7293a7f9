package aptos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	sdk "github.com/aptos-labs/aptos-go-sdk"
	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/markets"
)

// pageScanner scans a page of transactions for wanted events. All else is skipped: decoding
// whole transactions by reflection takes several times as long.
type pageScanner struct {
	wanted map[string]bool
	next   int64 // the version that must come next
	raws   []markets.Raw

	accounts     map[string]bool // whose handle events are kept, too; of the stream only
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

// outline is what is scanned of a transaction. Its changes are decoded only if one of its
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
		l.AddError(fmt.Errorf("%w: version %d, hash %.80q, in place of version %d", chains.ErrGap, t.version, t.hash, s.next))
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
	t.raws = nil // as for encoding/json, the last of duplicate fields counts
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
	long, err := fullType(strings.Clone(name)) // the answer's buffer is reused
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

// finish adds the wanted events of a scanned transaction to the page.
func (s *pageScanner) finish(t outline, changes []change) error {
	ledger, err := ledgerOf(number(t.version), t.sender, changes, t.accounts)
	if err != nil {
		return fmt.Errorf("version %d: %w", t.version, err)
	}
	at, err := number(t.timestamp).time()
	if err != nil {
		return fmt.Errorf("version %d: %w", t.version, err)
	}
	for _, raw := range t.raws {
		raw.Position.Height, raw.Seq = t.version, t.version
		raw.Transaction, raw.Time, raw.Ledger = t.hash, at, ledger
		s.raws = append(s.raws, raw)
	}
	return nil
}

// scanNumber scans a u64 of the API, a string in JSON.
func scanNumber(l *jlexer.Lexer) int64 {
	text := l.UnsafeString()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && l.Ok() {
		l.AddError(fmt.Errorf("%.80q is not a number", text))
	}
	return n
}

// checkVersion checks that a transaction of the stream is the one of a version.
func checkVersion(t *rawdata.Transaction, version int64) error {
	if t.Version != version || len(t.Hash) != hashBytes {
		return fmt.Errorf("%w: version %d, hash %.64x, in place of version %d", chains.ErrGap, t.Version, t.Hash, version)
	}
	return nil
}

// scanStreamed scans a transaction of the stream for wanted events.
func (s *pageScanner) scanStreamed(t *rawdata.Transaction) error {
	if err := checkVersion(t, s.next); err != nil {
		return err
	}
	s.next++
	if err := s.scanHandles(t); err != nil {
		return err
	}
	var o outline
	for i, e := range t.Events {
		name, _, _ := bytes.Cut(e.Type, []byte("<"))
		_, name, _ = bytes.Cut(name, []byte("::"))
		if !s.wanted[string(name)] {
			continue
		}
		if err := s.addWanted(&o, int32(i), string(e.Type), e.Data); err != nil {
			return fmt.Errorf("version %d: %w", t.Version, err)
		}
	}
	if len(o.raws) == 0 {
		return nil
	}
	changes, err := changesOf(t)
	if err != nil {
		return fmt.Errorf("version %d: %w", t.Version, err)
	}
	o.version, o.timestamp, o.hash, o.sender = t.Version, t.Micros, hashOf(t), string(t.Sender)
	return s.finish(o, changes)
}

// handleEvent is an event of a handle, from the stream.
type handleEvent struct {
	event
	transaction *transaction
}

// scanHandles adds a transaction's events of handles of the sources' accounts.
func (s *pageScanner) scanHandles(t *rawdata.Transaction) error {
	var of *transaction
	for _, e := range t.Events {
		if !s.accounts[string(shortAddress(e.Account))] {
			continue
		}
		if of == nil {
			var err error
			if of, err = parseStreamed(t); err != nil {
				return fmt.Errorf("version %d: %w", t.Version, err)
			}
		}
		h := handleEvent{transaction: of, event: event{
			Version: number(t.Version), Sequence: number(e.Sequence), Type: string(e.Type), Data: bytes.Clone(e.Data),
		}}
		var account sdk.AccountAddress
		if err := account.ParseStringWithPrefixRelaxed(string(e.Account)); err != nil {
			return fmt.Errorf("version %d: %w", t.Version, err)
		}
		h.GUID.AccountAddress, h.GUID.CreationNumber = &account, e.Creation
		s.handleEvents = append(s.handleEvents, h)
	}
	return nil
}

// accountsOf returns the accounts whose handles are read, as shortAddress returns them.
func accountsOf(sources []markets.Source) map[string]bool {
	accounts := map[string]bool{}
	for _, s := range sources {
		if s.Handle != "" {
			accounts[string(shortAddress([]byte(s.Account)))] = true
		}
	}
	return accounts
}

// shortAddress is an address without 0x and leading zeros.
func shortAddress(address []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(address, []byte("0x")), "0")
}
