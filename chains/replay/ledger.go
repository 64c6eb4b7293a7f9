package replay

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ledger is a recorded Aptos chain.
type ledger struct {
	oldest       int64
	versions     []int64 // of the recorded transactions, ascending
	transactions map[int64]*transaction
	handles      map[handleKey]*handle
}

type transaction struct {
	version int64
	hash    string
	time    int64           // Unix, microseconds
	body    json.RawMessage // as recorded
}

// handleKey names an event handle, its addresses in 64 digits.
type handleKey struct{ account, resource, field string }

// handle is an event handle and its recorded events by sequence number.
type handle struct {
	account string
	number  int64 // its creation number
	events  []event
}

type event struct {
	sequence int64
	version  int64
	body     json.RawMessage // as /events answers it
}

// u64 is a number that Aptos writes as a string.
type u64 int64

func (u *u64) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return err
	}
	*u = u64(n)
	return nil
}

type transactionFile struct {
	Hash      string      `json:"hash"`
	Version   *u64        `json:"version"`
	Timestamp u64         `json:"timestamp"`
	Events    []eventFile `json:"events"`
}

type eventFile struct {
	GUID struct {
		CreationNumber u64    `json:"creation_number"`
		AccountAddress string `json:"account_address"`
	} `json:"guid"`
	SequenceNumber u64             `json:"sequence_number"`
	Type           string          `json:"type"`
	Data           json.RawMessage `json:"data"`
}

func openLedger(fsys fs.FS, file chainFile) (*ledger, error) {
	l := &ledger{oldest: file.OldestVersion, transactions: map[int64]*transaction{}, handles: map[handleKey]*handle{}}
	if err := l.addHandles(file.Handles); err != nil {
		return nil, err
	}
	names, err := jsonFiles(fsys, "transactions")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := l.addTransaction(fsys, name); err != nil {
			return nil, err
		}
	}
	slices.Sort(l.versions)
	return l, l.check()
}

// addHandles reads chain.json's handles: account/resource/field → creation number.
func (l *ledger) addHandles(handles map[string]int64) error {
	for name, number := range handles {
		parts := strings.Split(name, "/")
		if len(parts) != 3 || !strings.HasPrefix(parts[0], "0x") {
			return invalid("chain.json", "handles", "%q: want <account>/<resource type>/<field>", name)
		}
		key := handleKey{longAddresses(parts[0]), longAddresses(parts[1]), parts[2]}
		l.handles[key] = &handle{account: key.account, number: number}
	}
	return nil
}

func (l *ledger) addTransaction(fsys fs.FS, name string) error {
	body, err := readFile(fsys, name)
	if err != nil {
		return err
	}
	var file transactionFile
	if err := json.Unmarshal(body, &file); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrRecording, name, err)
	}
	switch {
	case file.Version == nil || *file.Version < 0 || *file.Version > maxHeight:
		return invalid(name, "version", "want a ledger version")
	case file.Timestamp <= 0:
		return invalid(name, "timestamp", "want Unix microseconds")
	}
	version := int64(*file.Version)
	if l.transactions[version] != nil {
		return invalid(name, "version", "recorded twice")
	}
	l.transactions[version] = &transaction{version, file.Hash, int64(file.Timestamp), body}
	l.versions = append(l.versions, version)
	for i, e := range file.Events {
		if err := l.addEvent(version, e); err != nil {
			return invalid(name, "events", "number %d: %v", i, err)
		}
	}
	return nil
}

// addEvent appends an event to its handle, if that is one of the recording's.
func (l *ledger) addEvent(version int64, e eventFile) error {
	account := longAddresses(e.GUID.AccountAddress)
	for _, h := range l.handles {
		if h.account != account || h.number != int64(e.GUID.CreationNumber) {
			continue
		}
		body, err := json.Marshal(map[string]any{
			"version": strconv.FormatInt(version, 10),
			"guid": map[string]string{
				"creation_number": strconv.FormatInt(h.number, 10),
				"account_address": e.GUID.AccountAddress,
			},
			"sequence_number": strconv.FormatInt(int64(e.SequenceNumber), 10),
			"type":            e.Type,
			"data":            e.Data,
		})
		if err != nil {
			return err
		}
		h.events = append(h.events, event{int64(e.SequenceNumber), version, body})
	}
	return nil
}

// check sorts the handles' events and looks for contradictions: sequence numbers
// grow with versions, and time does.
func (l *ledger) check() error {
	for key, h := range l.handles {
		slices.SortFunc(h.events, func(a, b event) int { return cmp.Compare(a.sequence, b.sequence) })
		for i := 1; i < len(h.events); i++ {
			if a, b := h.events[i-1], h.events[i]; a.sequence == b.sequence || a.version > b.version {
				return invalid("transactions/"+strconv.FormatInt(b.version, 10)+".json", "events",
					"sequence number %d of %s contradicts version %d", b.sequence, key.field, a.version)
			}
		}
	}
	for i := 1; i < len(l.versions); i++ {
		if v := l.versions[i]; l.time(v) < l.time(l.versions[i-1]) {
			return invalid("transactions/"+strconv.FormatInt(v, 10)+".json", "timestamp", "earlier than the version before")
		}
	}
	return nil
}

// time is a version's time in Unix microseconds: the recorded one, or one between
// its recorded neighbours'. It never decreases.
func (l *ledger) time(version int64) int64 {
	i, recorded := slices.BinarySearch(l.versions, version)
	at := func(i int) int64 { return l.transactions[l.versions[i]].time }
	switch {
	case recorded:
		return at(i)
	case i == 0:
		return at(0)
	case i == len(l.versions):
		return at(i-1) + version - l.versions[i-1]
	}
	a, b := l.versions[i-1], l.versions[i]
	return at(i-1) + share(at(i)-at(i-1), version-a, b-a)
}

// Numbers lists the recorded sequence numbers of an event handle, ascending; nil
// for a handle that was not recorded. A recording is sparse where a chain is
// dense: the list tells a gap in the recording from a lost event.
func (r *Recording) Numbers(account, handle, field string) []int64 {
	if r.ledger == nil {
		return nil
	}
	h := r.ledger.handles[handleKey{longAddresses(account), longAddresses(handle), field}]
	if h == nil {
		return nil
	}
	out := make([]int64, len(h.events))
	for i, e := range h.events {
		out[i] = e.sequence
	}
	return out
}

var addressPattern = regexp.MustCompile(`0x[0-9a-fA-F]+`)

// longAddresses writes every address of an account or a type with 64 digits.
func longAddresses(s string) string {
	return addressPattern.ReplaceAllStringFunc(s, func(a string) string {
		digits := strings.ToLower(a[2:])
		return "0x" + strings.Repeat("0", max(64-len(digits), 0)) + digits
	})
}

// body is the transaction of a version. One that was not recorded is made up, and does
// nothing.
func (l *ledger) body(version int64) json.RawMessage {
	if t := l.transactions[version]; t != nil {
		return t.body
	}
	return json.RawMessage(fmt.Sprintf(`{"type":"state_checkpoint_transaction","version":"%d","hash":"%#x","timestamp":"%d","success":true,"vm_status":"Executed successfully","changes":[]}`,
		version, sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(version))), l.time(version)))
}
