package docs_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// The definitions that the pages show are sound, and so is the file that the example
// makes.
func TestDefinitionsOfThePages(t *testing.T) {
	for _, page := range []string{"definitions.md", "new-market.md", "cryptopunks.yaml"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, block := range yamlOf(page, string(text)) {
			if !strings.HasPrefix(block, "market:") {
				continue
			}
			found++
			if _, err := definition.Parse(definition.Source{File: page, Text: []byte(strings.ReplaceAll(block, "  - abi/market.json\n", ""))}); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		if found != 1 {
			t.Errorf("%s shows %d definitions", page, found)
		}
	}
}

// The factory that the page shows is sound.
func TestFactoryOfThePage(t *testing.T) {
	text, err := os.ReadFile("definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	const header = `market: pairs
kind: evm
chains: {ethereum: {chainId: 1, contracts: {factory: "0x00000000000000000000000000000000000000fa"}}}
abi:
  - event NewERC721Pair(address indexed poolAddress, uint256[] initialIds)
  - event SwapNFTOutPair(uint256 amountIn, uint256[] ids)
`
	for _, block := range yamlOf("definitions.md", string(text)) {
		if !strings.HasPrefix(block, "factories:") {
			continue
		}
		d, err := definition.Parse(definition.Source{File: "definitions.md", Text: []byte(header + block)})
		if err != nil || len(d.Warnings) > 0 {
			t.Errorf("%v, %v", err, d.Warnings)
		}
		return
	}
	t.Error("definitions.md shows no factory")
}

// The page's example on the logs that its contract makes: what is sold, bid for, given
// away and taken back.
func TestCryptoPunks(t *testing.T) {
	text, err := os.ReadFile("cryptopunks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := definition.Parse(definition.Source{File: "cryptopunks.yaml", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.On(definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	punks := common.HexToAddress("0xb47e3cd837dDF8e4c57F05d70Ab865de6e193BBB")
	seller, buyer, none := common.HexToAddress("0x5e"), common.HexToAddress("0xb1"), common.Address{}
	log := func(declaration string, values ...any) markets.Raw {
		return markettest.Log(t, punks, declaration, values...)
	}
	offered := func(punk, price int, to common.Address) markets.Raw {
		return log("PunkOffered(uint256 indexed,uint256,address indexed)", punk, price, to)
	}
	moved := func() markets.Raw {
		return log("Transfer(address indexed,address indexed,uint256)", seller, buyer, 1)
	}
	noLonger := func(punk int) markets.Raw { return log("PunkNoLongerForSale(uint256 indexed)", punk) }
	bought := func(punk, value int, to common.Address) markets.Raw {
		return log("PunkBought(uint256 indexed,uint256,address indexed,address indexed)", punk, value, seller, to)
	}
	bid := func(punk, value int) markets.Raw {
		return log("PunkBidEntered(uint256 indexed,uint256,address indexed)", punk, value, buyer)
	}
	var logs []markets.Raw
	for i, transaction := range [][]markets.Raw{
		{offered(1, 100, none)}, {moved(), noLonger(1), bought(1, 100, buyer)}, // bought as asked
		{offered(2, 200, buyer)}, {bid(2, 150)}, {bid(2, 180)}, {moved(), bought(2, 0, none)}, // a bid was taken
		{offered(3, 300, none)}, {noLonger(3), moved()}, // given away
		{bid(4, 400)}, {log("PunkBidWithdrawn(uint256 indexed,uint256,address indexed)", 4, 400, buyer)},
	} {
		logs = append(logs, markettest.Transaction(int64(i), transaction...)...)
	}
	var events []markets.Event
	for _, s := range m.Streams {
		var own []markets.Raw
		for _, raw := range logs {
			if s.Source.Matches(&raw) {
				own = append(own, raw)
			}
		}
		found, failures := s.DecodeAll(own)
		if len(failures) > 0 {
			t.Fatal(failures[0].Reason)
		}
		events = append(events, found...)
	}
	slices.SortFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	of := func(key string) (all []markets.Event) {
		for _, e := range events {
			if e.Order == key {
				all = append(all, e)
			}
		}
		return all
	}
	for key, want := range map[string]string{
		"ask-1": "SOLD 100 to 0x00000000000000000000000000000000000000B1",
		"ask-2": "CANCELED 200 to ",
		"bid-2": "SOLD 180 to 0x000000000000000000000000000000000000005E",
		"ask-3": "CANCELED 300 to ",
		"bid-4": "CANCELED 400 to ",
	} {
		o, _ := markets.FoldOrder("ethereum", "cryptopunks", key, of(key))
		if got := fmt.Sprintf("%s %s to %s", o.Status, o.Price, o.Taker); got != want || o.Anomalies > 0 {
			t.Errorf("%s is %s, want %s; %d anomalies", key, got, want, o.Anomalies)
		}
	}
}

// yamlOf is a page's blocks of YAML, or the file itself.
func yamlOf(page, text string) (blocks []string) {
	if strings.HasSuffix(page, ".yaml") {
		return []string{text}
	}
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			if block, ok := strings.CutPrefix(part, "yaml\n"); ok {
				blocks = append(blocks, block)
			}
		}
	}
	return blocks
}

// The page's tables name every kind of market event that a definition can make.
func TestDefinitionsPageNamesAllKinds(t *testing.T) {
	text, err := os.ReadFile("definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range markets.Kinds() {
		defined := k != markets.OrderChecked && k != markets.SignedRefused && k != markets.ContractCreated
		if defined && !strings.Contains(string(text), string(k)) {
			t.Errorf("definitions.md does not name %s", k)
		}
	}
}
