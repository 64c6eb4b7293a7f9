package aptos

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aptos-labs/aptos-go-sdk"
	"github.com/aptos-labs/aptos-go-sdk/api"

	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/markets"
)

// transaction is what is kept of a transaction.
type transaction struct {
	hash    string
	time    time.Time
	ledger  *markets.AptosTransaction
	indices map[eventKey]int32 // of each handle event among all events of the transaction
}

// size is about how many bytes the transaction takes.
func (t *transaction) size() int64 {
	const each = 128
	size := int64(each * (len(t.indices) + 1))
	return size + ledgerSize(t.ledger)
}

func ledgerSize(ledger *markets.AptosTransaction) (size int64) {
	const each = 256
	for _, r := range ledger.Resources {
		size += int64(each + len(r.Type) + len(r.Data))
	}
	return size
}

// eventKey names an event of a handle.
type eventKey struct {
	handle
	sequence int64
}

type wireTransaction struct {
	Version   number   `json:"version"`
	Hash      string   `json:"hash"`
	Timestamp number   `json:"timestamp"` // Unix microseconds
	Sender    string   `json:"sender"`    // of a user transaction
	Events    []event  `json:"events"`
	Changes   []change `json:"changes"`
}

type change struct {
	Type    string `json:"type"`
	Address string `json:"address"`
	Data    struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	} `json:"data"`
}

// What is kept of a transaction's resources: decoders look at a handful.
const (
	maxResources     = 256
	maxResourceBytes = 1 << 20
)

// Transaction reads a transaction as a node answers it: its hash and all of its events.
func Transaction(text []byte) (hash string, raws []markets.Raw, err error) {
	var w wireTransaction
	if err := json.Unmarshal(text, &w); err != nil {
		return "", nil, fmt.Errorf("transaction of Aptos: %w", err)
	}
	at, err := w.Timestamp.time()
	if err != nil {
		return "", nil, err
	}
	accounts := map[string]bool{}
	for i, e := range w.Events {
		long, err := fullType(e.Type)
		if err != nil {
			return "", nil, fmt.Errorf("event %d: %w", i, err)
		}
		account, _, _ := strings.Cut(long, "::")
		accounts[account] = true
		of := ""
		if h, ok := e.handle(); ok {
			accounts[h.account.StringLong()] = true
			of = fmt.Sprintf("%s/%d", h.account.StringLong(), h.creation)
		}
		raws = append(raws, markets.Raw{
			Handle:   of,
			Position: markets.Position{Height: int64(w.Version), Log: int32(i)}, Seq: int64(e.Sequence),
			Transaction: w.Hash, Time: at, Type: long, JSON: e.Data,
		})
		if raws[i].JSON, err = canonical(e.Data); err != nil {
			return "", nil, fmt.Errorf("data of event %d: %w", i, err)
		}
	}
	ledger, err := ledgerOf(w.Version, w.Sender, w.Changes, accounts)
	if err != nil {
		return "", nil, err
	}
	for i := range raws {
		raws[i].Ledger = ledger
	}
	return w.Hash, raws, nil
}

// checkVersion checks that the transaction is that of a version.
func (w wireTransaction) checkVersion(version int64) error {
	if int64(w.Version) != version || w.Hash == "" {
		return fmt.Errorf("asked for version %d, answered with version %d, hash %.80q", version, w.Version, w.Hash)
	}
	return nil
}

func (w wireTransaction) parse() (t *transaction, err error) {
	t = &transaction{hash: w.Hash, indices: map[eventKey]int32{}}
	if t.time, err = w.Timestamp.time(); err != nil {
		return nil, err
	}
	accounts := map[string]bool{}
	for i, e := range w.Events {
		if h, ok := e.handle(); ok {
			t.indices[eventKey{h, int64(e.Sequence)}] = int32(i)
			accounts[h.account.StringLong()] = true
		}
	}
	t.ledger, err = ledgerOf(w.Version, w.Sender, w.Changes, accounts)
	return t, err
}

// time is a number of microseconds since 1970, of a time that documents can have.
func (n number) time() (time.Time, error) {
	at := time.UnixMicro(int64(n)).UTC()
	if at.Year() > 9999 {
		return time.Time{}, fmt.Errorf("timestamp %d is after the year 9999", n)
	}
	return at, nil
}

// ledgerOf returns what decoders need of a transaction's sender and changes.
func ledgerOf(version number, sender string, changes []change, accounts map[string]bool) (*markets.AptosTransaction, error) {
	ledger := &markets.AptosTransaction{Version: int64(version)}
	ledger.Sender, _ = fullAddress(sender)
	size := 0
	for _, change := range changes {
		if change.Type != "write_resource" || !isRelevant(change.Data.Type, accounts) {
			continue
		}
		address, err := fullAddress(change.Address)
		if err != nil {
			continue
		}
		if size += len(change.Data.Data); size > maxResourceBytes || len(ledger.Resources) == maxResources {
			break
		}
		data, err := canonical(change.Data.Data)
		if err != nil {
			return nil, fmt.Errorf("resource %.200s: %w", change.Data.Type, err)
		}
		ledger.Resources = append(ledger.Resources, markets.AptosResource{Address: address, Type: change.Data.Type, Data: data})
	}
	return ledger, nil
}

// isRelevant says whether a resource can matter to a decoder: objects, tokens, collections,
// and those of modules whose accounts have the events' handles or types.
func isRelevant(resourceType string, accounts map[string]bool) bool {
	address, rest, _ := strings.Cut(resourceType, "::")
	switch address {
	case "0x1":
		return strings.HasPrefix(rest, "object::")
	case "0x3", "0x4":
		return true
	}
	long, err := fullAddress(address)
	return err == nil && accounts[long]
}

// fullAddress returns an address in 64 digits.
func fullAddress(text string) (string, error) {
	var address sdk.AccountAddress
	if err := address.ParseStringWithPrefixRelaxed(text); err != nil {
		return "", fmt.Errorf("address %.80q: %w", text, err)
	}
	return address.StringLong(), nil
}

// fullType returns a Move type with its module's address in 64 digits.
func fullType(text string) (string, error) {
	address, rest, ok := strings.Cut(text, "::")
	if !ok {
		return "", fmt.Errorf("%.80q is not a Move type", text)
	}
	long, err := fullAddress(address)
	return long + "::" + rest, err
}

// changesOf are the resources that a transaction of the stream wrote.
func changesOf(t *rawdata.Transaction) ([]change, error) {
	changes := make([]change, len(t.Resources))
	for i, message := range t.Resources {
		var r rawdata.Resource
		if err := r.Read(message); err != nil {
			return nil, fmt.Errorf("resource %d: %w", i, err)
		}
		changes[i].Type, changes[i].Address = "write_resource", r.Address
		changes[i].Data.Type, changes[i].Data.Data = r.Type, r.Data
	}
	return changes, nil
}

func hashOf(t *rawdata.Transaction) string { return "0x" + hex.EncodeToString(t.Hash) }

const hashBytes = 32

// parseStreamed returns what is kept of a transaction of the stream.
func parseStreamed(t *rawdata.Transaction) (*transaction, error) {
	changes, err := changesOf(t)
	if err != nil {
		return nil, err
	}
	w := wireTransaction{Version: number(t.Version), Hash: hashOf(t), Timestamp: number(t.Micros), Sender: string(t.Sender), Changes: changes}
	for i, e := range t.Events {
		var account sdk.AccountAddress
		if err := account.ParseStringWithPrefixRelaxed(string(e.Account)); err != nil {
			return nil, fmt.Errorf("account of event %d: %w", i, err)
		}
		w.Events = append(w.Events, event{GUID: eventGUID{api.GUID{CreationNumber: e.Creation, AccountAddress: &account}}, Sequence: number(e.Sequence)})
	}
	return w.parse()
}
