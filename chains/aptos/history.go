package aptos

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	sdk "github.com/aptos-labs/aptos-go-sdk"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/markets"
)

// handleEvent is an event of a handle of one of the sources' accounts, out of the stream.
type handleEvent struct {
	event
	transaction *transaction
}

// accountsOf are the accounts whose handles are read, as shortAddress has them.
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

// scanHandles keeps a transaction's events of handles of the sources' accounts.
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

// readHistory reads events of a handle that the node has pruned, out of the transaction
// stream from the place's ledger version on.
func (c *Chain) readHistory(ctx context.Context, view *chains.View, source markets.Source, from markets.Place, through, limit int64) (chains.Page, error) {
	if from.Through >= view.Head.Seq {
		return chains.Page{To: from}, nil
	}
	of, err := c.handleID(ctx, source)
	if err != nil {
		return chains.Page{}, err
	}
	pages, err := c.streamPages(ctx, from.Through+1, view.Head.Seq, true)
	if c.stream.noteResult(ctx, err) != nil {
		return chains.Page{}, err
	}
	s := eventRun{ended: true}
	transactions := map[int64]*transaction{}
	for _, p := range pages {
		for _, h := range p.handleEvents {
			v := int64(h.Version)
			if at, _ := h.handle(); at == of && v > from.Through && v <= view.Head.Seq && int64(h.Sequence) > from.Seq {
				s.events = append(s.events, h.event)
				transactions[v] = h.transaction
			}
		}
		s.version = min(p.last, view.Head.Seq)
	}
	if from.Seq < 0 && source.From > 0 && len(s.events) > 0 {
		from.Seq = int64(s.events[0].Sequence) - 1 // how many there were before the start is not known
	}
	if err := c.checkSequence(source, from, s.events, s.version); err != nil {
		return chains.Page{}, c.stream.errorf("%s: %w", source.Field, err)
	}
	n := min(countThrough(s.events, through), int(limit))
	var raws []markets.Raw
	for _, e := range s.events[:n] {
		r, err := joinEvent(e, transactions[int64(e.Version)])
		if err != nil {
			return chains.Page{}, c.stream.errorf("event %d of version %d: %w", e.Sequence, e.Version, err)
		}
		raws = append(raws, r)
	}
	return chains.Page{To: s.place(from, n), Raws: raws}, nil
}

// handleID is a source's handle by its number.
func (c *Chain) handleID(ctx context.Context, source markets.Source) (handle, error) {
	r := c.stateOf(source)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != nil {
		return *r.of, nil
	}
	h, err := c.node.eventHandle(ctx, source, -1)
	if err != nil {
		return handle{}, err
	}
	of := handle{creation: uint64(h.GUID.ID.Creation)}
	if err := of.account.ParseStringWithPrefixRelaxed(h.GUID.ID.Address); err != nil {
		return handle{}, c.node.Errorf("account of %s: %w", source.Field, err)
	}
	if !c.accounts[string(shortAddress([]byte(of.account.StringLong())))] {
		return handle{}, c.node.Errorf("the handle %s is of another account, %s: %w", source.Field, of.account.StringLong(), errOtherAccount)
	}
	r.of = &of
	return of, nil
}

var errOtherAccount = errors.New("its history cannot be read from the stream")
