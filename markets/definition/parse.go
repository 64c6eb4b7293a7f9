package definition

import (
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/move"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// most bounds heights: what every JSON reader holds exactly.
const most = 1 << 53

// namePattern keeps names fit for keys.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// parsing is a definition that is being read.
type parsing struct {
	*Definition
	events  []*solidity.Event
	structs move.Library
}

// Parse reads a definition. The error is Problems if it lies in the file.
func Parse(source Source) (*Definition, error) {
	r := &reader{file: source.File}
	p := &parsing{Definition: &Definition{source: source, currencies: map[string]markets.Currency{}}, structs: move.Library{}}
	switch {
	case len(source.Text) > maxFile:
		node{reader: r}.add("larger than %d bytes", maxFile)
	default:
		if top, ok := r.parse(source.Text); ok {
			p.read(top.section())
		}
	}
	p.Warnings = r.warnings
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	return p.Definition, nil
}

func (p *parsing) read(s *section) {
	if n, ok := s.needed("market", "its name, such as my-market"); ok {
		if p.Market = n.text(); !namePattern.MatchString(p.Market) {
			n.add("names have small letters, digits and '-', at most 40 of them")
		}
	}
	_, kind := s.word("kind", string(markets.EVM), string(markets.Aptos))
	if p.Kind = markets.ChainKind(kind); kind == "" {
		s.needed("kind", "write evm or aptos")
	}
	_, p.About = s.text("about")
	p.notifies = s.flag("notifications")
	if n, ok := s.needed("chains", "where the market lives"); ok {
		p.chains(n.section())
	}
	if n, ok := s.field("currencies"); ok {
		p.readCurrencies(n.section())
	}
	if p.Kind == markets.EVM {
		if n, ok := s.field("abi"); ok {
			p.abi(n)
		}
	} else {
		p.types(s)
	}
	if n, ok := s.needed("streams", "what happens on the market"); ok {
		p.readStreams(n.section())
	}
	s.done()
}

func (p *parsing) chains(s *section) {
	for _, f := range s.fields {
		s.known = append(s.known, f.key)
		c := f.section()
		chain := Chain{Name: f.key, Start: c.number("start", most)}
		if n, id := c.text("chainId"); id != "any" {
			if chain.ID = uint64(c.number("chainId", most)); chain.ID == 0 && id == "" {
				c.add("chainId is missing: the number that the chain calls itself by, such as 1 for Ethereum, or any")
			} else if chain.ID == 0 {
				n.add("write the number that the chain calls itself by, or any")
			}
		}
		if slices.ContainsFunc(p.Chains, func(other Chain) bool { return other.ID == chain.ID }) {
			f.add("another entry has the same chainId")
		}
		if p.Kind == markets.EVM {
			if n, ok := c.field("contracts"); ok {
				chain.Contracts = contracts(n.section())
			}
		} else if n, text := c.text("account"); text != "" {
			var err error
			if chain.Account, err = address.Aptos(text); err != nil {
				n.fail(err)
			}
		}
		c.done()
		p.Chains = append(p.Chains, chain)
	}
	if len(s.fields) == 0 {
		s.add("name at least one chain")
	}
}

// contracts are those of one chain.
func contracts(s *section) (out []Contract) {
	for _, f := range s.fields {
		for _, n := range f.list() {
			c := Contract{Name: f.key}
			at := n
			if text, ok := n.scalar(); ok {
				c.Address = text
			} else {
				s := n.section()
				c.Start = s.number("start", most)
				at, c.Address = s.text("address")
				s.done()
			}
			address, err := checksummed(c.Address)
			if err != nil {
				at.fail(err)
			}
			c.Address = address
			out = append(out, c)
		}
	}
	return out
}

// checksummed is an EVM address in EIP-55. One with letters of both sizes must have
// them right.
func checksummed(text string) (string, error) {
	if !strings.HasPrefix(text, "0x") || !common.IsHexAddress(text) {
		return "", fmt.Errorf("%.80q is no address: write 0x and 40 hex digits", text)
	}
	address := common.HexToAddress(text).Hex()
	if digits := text[2:]; digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && text != address {
		return "", fmt.Errorf("%s has a typing error: its capitals do not fit its digits (EIP-55); %s would", text, address)
	}
	return address, nil
}

func (p *parsing) readCurrencies(s *section) {
	for _, f := range s.fields {
		c := f.section()
		currency := markets.Currency{Decimals: int(c.number("decimals", 77))}
		n, address := c.text("address")
		var err error
		if p.Kind == markets.EVM {
			if currency.Address, err = checksummed(address); err != nil {
				n.fail(err)
			}
		} else if currency.Address = address; address == "" {
			c.add("address is missing: the coin type, such as 0x1::aptos_coin::AptosCoin")
		}
		if _, currency.Symbol = c.text("symbol"); currency.Symbol == "" {
			c.add("symbol is missing")
		}
		c.done()
		p.currencies[f.key] = currency
	}
}

// abi reads the events of EVM contracts.
func (p *parsing) abi(n node) {
	for _, n := range n.list() {
		text := n.text()
		if !strings.HasSuffix(text, ".json") {
			events, err := solidity.ParseEvents(text)
			if err != nil {
				n.fail(err)
			}
			p.events = append(p.events, events...)
			continue
		}
		content, err := p.file(text)
		if err != nil {
			n.fail(err)
			continue
		}
		events, err := solidity.ParseABI(content)
		if err != nil {
			n.add("%s: %v", text, err)
		}
		p.events = append(p.events, events...)
	}
}

// file reads a file beside the definition.
func (p *parsing) file(name string) ([]byte, error) {
	if p.Definition.source.Files == nil {
		return nil, fmt.Errorf("%s: there are no files beside this definition: write the declarations into it", name)
	}
	f, err := p.Definition.source.Files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read it beside the definition: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than %d bytes", maxFile)}
	}
	return content, err
}

// types reads the structs of Move modules.
func (p *parsing) types(s *section) {
	p.declare(node{}, move.Framework)
	n, ok := s.field("types")
	if !ok {
		return
	}
	for _, n := range n.list() {
		text := n.text()
		if !strings.HasSuffix(text, ".json") {
			p.declare(n, text)
			continue
		}
		content, err := p.file(text)
		if err != nil {
			n.fail(err)
			continue
		}
		modules, err := move.ParseModules(content)
		if err != nil {
			n.add("%s: %v", text, err)
		}
		for _, m := range modules {
			for _, structure := range m.Structs {
				p.structs.Add(structure)
			}
		}
	}
}

// declare adds the structs that a text declares.
func (p *parsing) declare(n node, text string) {
	structures, err := move.ParseStructs(text)
	if err != nil {
		n.fail(err)
	}
	for _, structure := range structures {
		p.structs.Add(structure)
	}
}

// findEvent finds an event by its name or signature.
func (p *parsing) findEvent(n node, text string) (*solidity.Event, bool) {
	var found []*solidity.Event
	var names []string
	for _, e := range p.events {
		if e.RawName == text || e.Signature() == strings.ReplaceAll(text, ", ", ",") {
			if !slices.ContainsFunc(found, func(f *solidity.Event) bool { return f.Signature() == e.Signature() }) {
				found = append(found, e)
			}
		}
		names = append(names, e.RawName)
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	switch {
	case len(found) == 1:
		return found[0], true
	case len(found) > 1:
		var signatures []string
		for _, e := range found {
			signatures = append(signatures, e.Signature())
		}
		n.add("several events have this name: write %s", strings.Join(signatures, " or "))
	case len(names) == 0:
		n.add("unknown event %s: abi has no events", text)
	default:
		n.add("unknown event %s%s: abi has %s", text, spelling.DidYouMean(text, names), strings.Join(names, ", "))
	}
	return nil, false
}
