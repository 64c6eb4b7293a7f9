package aptos

import (
	"bytes"
	"encoding/hex"
	"fmt"

	sdk "github.com/aptos-labs/aptos-go-sdk"
	"github.com/aptos-labs/aptos-go-sdk/api"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/rawdata"
)

const hashBytes = 32

// checkVersion says whether a transaction of the stream is the one of a version.
func checkVersion(t *rawdata.Transaction, version int64) error {
	if t.Version != version || len(t.Hash) != hashBytes {
		return fmt.Errorf("%w: version %d, hash %.64x, stands where version %d is expected", chains.ErrGap, t.Version, t.Hash, version)
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

func hashOf(t *rawdata.Transaction) string { return "0x" + hex.EncodeToString(t.Hash) }

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

// parseStreamed is what is kept of a transaction of the stream.
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
		w.Events = append(w.Events, event{GUID: api.GUID{CreationNumber: e.Creation, AccountAddress: &account}, Sequence: number(e.Sequence)})
	}
	return w.parse()
}
