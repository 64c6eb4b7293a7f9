// Package currencies completes the currencies of events with their symbols and decimals, which
// it asks the chain for.
//
// It guarantees:
//   - Events that are read twice are completed in the same way: a chain's answer is stored
//     before it is used, the first of several answers is kept, and it never changes.
//   - An answer that says nothing, because the contract reverts, is not there or returns
//     something else, is an answer: it is stored with its reason, and the currency has only its
//     address from then on. Errors of endpoints and of the store are returned, and nothing is
//     stored.
//   - What contracts say is bounded and printable. It is not verified.
//   - Events whose currencies are known cost no request.
//
// For example, a page of events has prices in three tokens that are asked for in one batch:
//
//	0x9C…  symbol() "SAND", decimals() 18   {address, symbol: "SAND", decimals: 18}
//	0x3a…  symbol() "LOOT", decimals() 0    {address, symbol: "LOOT"}
//	0x51…  symbol() "X", decimals() 2^255   {address}
package currencies

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common/lru"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/currency"
	"github.com/imart/event-worker/persistence"
)

// Store keeps what chains say, as every persistence.Store does.
type Store interface {
	Currencies(ctx context.Context, ids []string) ([]persistence.KnownCurrency, error)
	AddCurrencies(ctx context.Context, currencies []persistence.KnownCurrency) ([]persistence.KnownCurrency, error)
}

// maxCached is how many currencies of a chain are kept in memory, of about 300 bytes each.
const maxCached = 4096

// Completer completes the currencies of one chain's events. Its method may be called
// concurrently.
type Completer struct {
	name   string
	kind   markets.ChainKind
	chain  chains.Chain
	store  Store
	asker  asker // nil if the chain cannot be asked
	cached *lru.Cache[string, persistence.KnownCurrency]
}

// asker asks a chain.
type asker interface {
	// ask returns what the chain says of currencies, one answer each, in order: all but what
	// identifies the currency. The error is that of the chain.
	ask(ctx context.Context, view *chains.View, questions []question) ([]persistence.KnownCurrency, error)
}

// question is a currency that is asked for.
type question struct {
	address string // currency.Canonical
	height  int64  // of the last event that names it
}

// New returns the Completer of the chain with a name. Without a chain, only stored
// currencies are completed.
func New(name string, kind markets.ChainKind, chain chains.Chain, store Store) *Completer {
	c := &Completer{name: name, kind: kind, chain: chain, store: store, cached: lru.NewCache[string, persistence.KnownCurrency](maxCached)}
	if kind == markets.Aptos {
		if reader, ok := chains.ResourceReaderOf(chain); ok {
			c.asker = resources{reader}
		}
	} else if caller, ok := chains.CallerOf(chain); ok {
		c.asker = contracts{caller}
	}
	return c
}

// Complete completes the currencies of decoded events in place. The view must have their
// blocks. If the chain cannot be asked, unknown currencies remain addresses and nothing is
// stored.
func (c *Completer) Complete(ctx context.Context, view *chains.View, events []markets.Event) error {
	open := c.open(events)
	if len(open) == 0 {
		return nil
	}
	known := c.fromCache(open)
	if len(known) < len(open) {
		if err := c.find(ctx, view, open, known); err != nil {
			return err
		}
	}
	for address, places := range open {
		for _, of := range places.currencies {
			known[address].Complete(of)
		}
	}
	return nil
}

// Open are the addresses of those currencies of events of which nothing else is known.
func (c *Completer) Open(events []markets.Event) []string {
	return slices.Collect(maps.Keys(c.open(events)))
}

// Stored reports whether the store has all of some currencies, by their addresses: whether
// events that name them are completed without asking the chain.
func (c *Completer) Stored(ctx context.Context, addresses []string) (bool, error) {
	if len(addresses) == 0 {
		return true, nil
	}
	ids := make([]string, len(addresses))
	for i, address := range addresses {
		ids[i] = persistence.CurrencyID(c.name, address)
	}
	stored, err := c.store.Currencies(ctx, ids)
	return len(stored) == len(ids), err
}

// places are where events name a currency.
type places struct {
	currencies []*markets.Currency
	height     int64 // of the last event
}

// open are the currencies of events of which only the address is known, by that address.
func (c *Completer) open(events []markets.Event) map[string]*places {
	open := map[string]*places{}
	add := func(of *markets.Currency, height int64) {
		if of.Symbol != "" || of.Decimals != 0 {
			return
		}
		address, ok := currency.Canonical(c.kind, of.Address)
		if !ok {
			return
		}
		p := open[address]
		if p == nil {
			p = &places{}
			open[address] = p
		}
		p.currencies, p.height = append(p.currencies, of), max(p.height, height)
	}
	for i := range events {
		e := &events[i]
		height := e.Position.Height
		add(&e.Currency, height)
		for j := range e.Prices {
			add(&e.Prices[j].Currency, height)
		}
		for _, payments := range [][]markets.Payment{e.Fees, e.Royalties} {
			for j := range payments {
				add(&payments[j].Currency, height)
			}
		}
	}
	return open
}

func (c *Completer) fromCache(open map[string]*places) map[string]persistence.KnownCurrency {
	known := map[string]persistence.KnownCurrency{}
	for address := range open {
		if k, ok := c.cached.Get(address); ok {
			known[address] = k
		}
	}
	return known
}

// find adds to the known currencies what the store or else the chain knows of the others.
func (c *Completer) find(ctx context.Context, view *chains.View, open map[string]*places, known map[string]persistence.KnownCurrency) error {
	var ids []string
	for address := range open {
		if _, ok := known[address]; !ok {
			ids = append(ids, persistence.CurrencyID(c.name, address))
		}
	}
	stored, err := c.store.Currencies(ctx, ids)
	if err != nil {
		return err
	}
	c.keep(known, stored)
	var questions []question
	for _, address := range slices.Sorted(maps.Keys(open)) {
		if _, ok := known[address]; !ok {
			questions = append(questions, question{address, open[address].height})
		}
	}
	if len(questions) == 0 || c.asker == nil {
		return nil
	}
	stored, err = c.ask(ctx, view, questions)
	c.keep(known, stored)
	return err
}

// ask asks the chain, stores its answers, and returns the stored ones; none if the chain
// cannot be asked.
func (c *Completer) ask(ctx context.Context, view *chains.View, questions []question) ([]persistence.KnownCurrency, error) {
	answers, err := c.asker.ask(ctx, view, questions)
	if err != nil {
		if chains.LacksMethod(c.chain, err) {
			err = nil
		}
		return nil, err
	}
	now := time.Now().UTC().Truncate(markets.Precision)
	for i := range answers {
		a, address := &answers[i], questions[i].address
		a.ID, a.Chain, a.Address, a.ReadAt = persistence.CurrencyID(c.name, address), c.name, address, now
	}
	return c.store.AddCurrencies(ctx, answers)
}

// keep adds stored documents to what is known.
func (c *Completer) keep(known map[string]persistence.KnownCurrency, stored []persistence.KnownCurrency) {
	for _, k := range stored {
		known[k.Address] = k
		c.cached.Add(k.Address, k)
	}
}
