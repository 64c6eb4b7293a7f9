package definition

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/move"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// parsing is a definition that is being read.
type parsing struct {
	*Definition
	events  []*solidity.Event
	structs move.Library
}

// Parse reads a definition. The error is Problems if it lies in the file.
func Parse(source Source) (*Definition, error) {
	f := yamlfile.Parse(schema(), source.File, source.Text)
	p := &parsing{Definition: &Definition{source: source, currencies: map[string]markets.Currency{}}, structs: move.Library{}}
	switch {
	case !f.Readable():
	case f.Root().IsEmpty():
		f.Root().Add("the file is empty")
	default:
		f.Check()
		p.read(f.Root())
	}
	p.Warnings = f.Warnings
	if err := f.Err(); err != nil {
		return nil, err
	}
	return p.Definition, nil
}

func (p *parsing) read(n *yamlfile.Node) {
	p.Market, p.About = n.Child("market").Text(), n.Child("about").Text()
	p.Kind = markets.ChainKind(cmp.Or(n.Child("kind").Text(), string(markets.EVM))) // as the schema has it
	p.notifies = n.Child("notifications").Text() == "true"
	p.raw = n.Child("raw").Text() == "true"
	for _, n := range n.Child("chains").Children() {
		p.chain(n)
	}
	for _, n := range n.Child("currencies").Children() {
		p.currencies[n.Name()] = p.readCurrency(n)
	}
	if p.Kind == markets.EVM {
		p.abi(n.Child("abi"))
	} else {
		p.types(n.Child("types"))
	}
	p.readFactories(n.Child("factories"))
	p.readStreams(n.Child("streams"))
	p.findIdleFactories(n.Child("factories"))
}

func (p *parsing) chain(n *yamlfile.Node) {
	chain := Chain{Name: n.Name(), Start: unknownStart}
	n.Child("start").Decode(&chain.Start)
	if id := n.Child("chainId"); id.Text() != "any" {
		id.Decode(&chain.ID)
	}
	if n.Child("chainId") != nil && slices.ContainsFunc(p.Chains, func(other Chain) bool { return other.ID == chain.ID }) {
		n.Add("another entry has the same chainId")
	}
	for _, c := range n.Child("contracts").Children() {
		for _, n := range c.List() {
			chain.Contracts = append(chain.Contracts, contract(c.Name(), n))
		}
	}
	if n := n.Child("account"); n != nil {
		var err error
		if chain.Account, err = address.Aptos(n.Text()); err != nil {
			fail(n, err)
		}
	}
	p.Chains = append(p.Chains, chain)
}

// contract is an address, or one with a start.
func contract(name string, n *yamlfile.Node) Contract {
	c := Contract{Name: name, Start: unknownStart}
	at := n
	if !n.IsText() {
		n.Child("start").Decode(&c.Start)
		at = n.Child("address")
	}
	if at != nil {
		c.Address = readAddress(at)
	}
	return c
}

// readAddress is an EVM address.
func readAddress(n *yamlfile.Node) string {
	address, err := checksummed(n.Text())
	if err != nil {
		fail(n, err)
	}
	return address
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

func (p *parsing) readCurrency(n *yamlfile.Node) markets.Currency {
	c := markets.Currency{Address: n.Child("address").Text(), Symbol: n.Child("symbol").Text()}
	n.Child("decimals").Decode(&c.Decimals)
	if n := n.Child("address"); n != nil && p.Kind == markets.EVM {
		c.Address = readAddress(n)
	}
	return c
}

// abi reads the events of EVM contracts.
func (p *parsing) abi(n *yamlfile.Node) {
	for _, n := range n.List() {
		if !strings.HasSuffix(n.Text(), ".json") {
			events, err := solidity.ParseEvents(n.Text())
			if err != nil {
				fail(n, err)
			}
			p.events = append(p.events, events...)
			continue
		}
		content, err := p.file(n.Text())
		if err != nil {
			fail(n, err)
			continue
		}
		events, err := solidity.ParseABI(content)
		if err != nil {
			n.Add("%s: %v", n.Text(), err)
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
	content, err := io.ReadAll(io.LimitReader(f, yamlfile.MaxFile+1))
	if err == nil && len(content) > yamlfile.MaxFile {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than %d bytes", yamlfile.MaxFile)}
	}
	return content, err
}

// types reads the structs of Move modules.
func (p *parsing) types(n *yamlfile.Node) {
	p.declare(nil, move.Framework)
	for _, n := range n.List() {
		if !strings.HasSuffix(n.Text(), ".json") {
			p.declare(n, n.Text())
			continue
		}
		content, err := p.file(n.Text())
		if err != nil {
			fail(n, err)
			continue
		}
		modules, err := move.ParseModules(content)
		if err != nil {
			n.Add("%s: %v", n.Text(), err)
		}
		for _, m := range modules {
			for _, structure := range m.Structs {
				p.structs.Add(structure)
			}
		}
	}
}

// declare adds the structs that a text declares.
func (p *parsing) declare(n *yamlfile.Node, text string) {
	structures, err := move.ParseStructs(text)
	if err != nil {
		fail(n, err)
	}
	for _, structure := range structures {
		p.structs.Add(structure)
	}
}

// findEvent finds an event by its name or signature.
func (p *parsing) findEvent(n *yamlfile.Node) (*solidity.Event, bool) {
	text := n.Text()
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
		n.Add("several events have this name: write %s", strings.Join(signatures, " or "))
	case len(names) == 0:
		n.Add("unknown event %s: abi has no events", text)
	default:
		n.Add("unknown event %s%s: abi has %s", text, spelling.DidYouMean(text, names), strings.Join(names, ", "))
	}
	return nil, false
}
