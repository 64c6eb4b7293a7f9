package definition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/currency"
	addresses "github.com/imart/event-worker/markets/definition/internal/address"
)

// Site is a chain that a market is to be followed on.
type Site struct {
	ChainID uint64
	Coin    string // the symbol of an EVM chain's own coin; ETH if empty
	// Contracts, by name, and Account stand instead of what the definition has for the
	// chain. Those that are missing are the definition's.
	Contracts map[string][]string
	Account   string
	// Collections are those whose orders are the market's own (markets.Own).
	Collections []string
}

// place is the site of one market: what its definition and its configuration say.
type place struct {
	contracts   []Contract
	collections []string // EIP-55
	start       int64
	account     string
	coin        markets.Currency
	known       []markets.Currency // the coin and the chain's well-known currencies
}

// On is the market as it is on a chain.
func (d *Definition) On(site Site) (markets.Market, error) {
	at, err := d.place(site)
	if err != nil {
		return markets.Market{}, err
	}
	m := markets.Market{Name: d.Market, Kind: d.Kind}
	var missing error
	for _, st := range d.streams {
		switch s, err := d.bind(st, at); {
		case errors.Is(err, errNowhere):
			missing = fmt.Errorf("market %s on the chain with id %d: stream %s: %w", d.Market, site.ChainID, st.name, err)
		case err != nil:
			return markets.Market{}, fmt.Errorf("market %s: stream %s: %w", d.Market, st.name, err)
		default:
			m.Streams = append(m.Streams, s)
		}
	}
	if len(m.Streams) == 0 {
		return m, missing
	}
	return m, nil
}

// errNowhere says that a stream has nothing to read on a chain.
var errNowhere = errors.New("none of its contracts has an address there: configure contracts")

// place is where the market is on a chain.
func (d *Definition) place(site Site) (*place, error) {
	at := &place{start: unknownStart, coin: markets.Currency{Address: zeroAddress, Symbol: site.Coin, Decimals: 18}, account: site.Account}
	if site.Coin == "" {
		at.coin.Symbol = "ETH"
	}
	at.known = currency.WellKnown(d.Kind, site.ChainID)
	if d.Kind == markets.EVM {
		at.known = append(at.known, at.coin)
	}
	if c, ok := d.chain(site.ChainID); ok {
		at.start = c.Start
		for _, contract := range c.Contracts {
			if site.Contracts[contract.Name] == nil {
				at.contracts = append(at.contracts, contract)
			}
		}
		if at.account == "" {
			at.account = c.Account
		}
	} else if len(site.Contracts) == 0 && site.Account == "" {
		return nil, fmt.Errorf("market %s is not known to be on the chain with id %d: it is on %s; configure its contracts or account there", d.Market, site.ChainID, d.where())
	}
	for name, addresses := range site.Contracts {
		if slices.Contains(namesOf(d.factories), name) {
			return nil, fmt.Errorf("the contracts of %s are announced: configure those of its factory", name)
		}
		for _, address := range addresses {
			address, err := checksummed(address)
			if err != nil {
				return nil, err
			}
			at.contracts = append(at.contracts, Contract{Name: name, Address: address, Start: unknownStart})
		}
	}
	for _, collection := range site.Collections {
		collection, err := checksummed(collection)
		if err != nil {
			return nil, err
		}
		at.collections = append(at.collections, collection)
	}
	if d.Kind == markets.Aptos && at.account == "" {
		return nil, fmt.Errorf("market %s has no account on the chain with id %d: configure it", d.Market, site.ChainID)
	}
	return at, nil
}

// unknownStart is a start that nothing tells.
const unknownStart = -1

const zeroAddress = "0x0000000000000000000000000000000000000000"

func (d *Definition) where() string {
	var names []string
	for _, c := range d.Chains {
		names = append(names, fmt.Sprintf("%s (%d)", c.Name, c.ID))
	}
	return strings.Join(names, ", ")
}

// chain is what the definition says of a chain.
func (d *Definition) chain(id uint64) (Chain, bool) {
	for _, want := range []uint64{id, 0} {
		if i := slices.IndexFunc(d.Chains, func(c Chain) bool { return c.ID == want }); i >= 0 {
			return d.Chains[i], true
		}
	}
	return Chain{}, false
}

// bind is a stream as it is at a place.
func (d *Definition) bind(st *stream, at *place) (markets.Stream, error) {
	s := markets.Stream{Name: st.name, Observer: st.observer(), Notifies: d.notifies, Separable: true, KeepRaw: slices.ContainsFunc(st.sources, func(src *source) bool { return src.raw })}
	if d.Kind == markets.Aptos {
		s.Decode = d.decoder(st, at)
		s.Source, s.Start = at.sourceOf(st)
		s.Meaning = d.meaning(st, at, s.Source)
		return s, nil
	}
	anyone, anything := false, false
	for _, src := range st.allSources() {
		addresses, start := at.addresses(src)
		announced := slices.ContainsFunc(src.factories, at.announces)
		if len(addresses) == 0 && !src.anyone && !announced {
			continue
		}
		if anyone = anyone || src.anyone; !src.anyone {
			s.Source.Addresses = append(s.Source.Addresses, addresses...)
		}
		s.Source.ReceiptLogs = s.Source.ReceiptLogs || src.transfers
		s.Source.Envelope = s.Source.Envelope || src.envelope
		if only := announced && len(addresses) == 0; !only && (!anything || start < s.Start) { // they start with their factory
			s.Start = start
		}
		anything = true
		if src.decoder != nil {
			s.Source.Topics, s.Separable = src.decoder.Topics, false
			s.Decode = src.decoder.Decode(addresses, at.known)
			s.Meaning = d.meaning(st, at, s.Source)
			if src.own {
				s.Own = &markets.Own{Collections: at.collections}
			}
			return s, nil
		}
		s.Source.Topics = append(s.Source.Topics, src.event.ID.Hex())
	}
	if !anything {
		return s, errNowhere
	}
	s.Source.Addresses, s.Source.Topics = distinct(s.Source.Addresses), distinct(s.Source.Topics)
	s.Decode = d.decoder(st, at)
	if slices.ContainsFunc(st.factories(), at.announces) {
		s.Source.Factories = d.factoriesOn(st, at, s)
	}
	if anyone || s.Source.Factories != nil {
		s.Source.Addresses = nil
	}
	s.Meaning = d.meaning(st, at, s.Source)
	return s, nil
}

// sourceOf is where the events of a stream of Aptos come from, and the first ledger
// version worth reading: of a handle all of it is.
func (at *place) sourceOf(st *stream) (markets.Source, int64) {
	if src := st.sources[0]; src.handle != "" {
		return markets.Source{Account: at.account, Handle: qualified(at.account, src.handle), Field: src.member}, 0
	}
	var types []string
	for _, src := range st.sources {
		types = append(types, qualified(at.account, src.eventType))
	}
	return markets.Source{Types: distinct(types)}, at.start
}

// observer is the name of the observer of the stream's documents; empty if no event
// of the stream changes any.
func (st *stream) observer() string {
	for _, src := range st.sources {
		if src.decoder != nil {
			return "order-" + st.name
		}
		for _, o := range src.outcomes {
			if o.order != nil || o.kind == markets.OrdersCancelled {
				return "order-" + st.name
			}
		}
	}
	for _, src := range st.sources {
		if slices.ContainsFunc(src.outcomes, func(o *outcome) bool { return o.record != nil }) {
			return "record-" + st.name
		}
	}
	return ""
}

// addresses are those of a source's contracts, and the first block worth reading.
func (at *place) addresses(src *source) (addresses []string, start int64) {
	found := false
	if len(src.factories) > 0 && len(src.contracts) == 0 {
		return nil, at.start
	}
	for _, c := range at.contracts {
		if len(src.contracts) > 0 && !slices.Contains(src.contracts, c.Name) {
			continue
		}
		addresses = append(addresses, c.Address)
		first := c.Start
		if first == unknownStart {
			first = at.start
		}
		if !found || first < start {
			start, found = first, true
		}
	}
	if !found {
		start = at.start
	}
	return distinct(addresses), start
}

// home is the account of the modules that a source names without one: that of its handle,
// or the market's.
func (src *source) home(account string) string {
	if address, _, _ := strings.Cut(src.handle, "::"); strings.HasPrefix(address, "0x") {
		return address
	}
	return account
}

// qualified is the name of a resource or of a type, with its address in 64 digits in
// front.
func qualified(account, name string) string {
	address, rest, _ := strings.Cut(name, "::")
	if !strings.HasPrefix(name, "0x") {
		address, rest = account, name
	}
	if long, err := addresses.Aptos(address); err == nil {
		address = long
	}
	return address + "::" + rest
}

// distinct is a list without what it has twice, in its order.
func distinct(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
