package definition_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const shop = `
market: shop
kind: evm
about: a shop
chains:
  ethereum:
    chainId: 1
    contracts:
      main: "0x00000000000000000000000000000000000000AA"
      other: "0x00000000000000000000000000000000000000bb"
currencies:
  WETH: {address: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", symbol: WETH, decimals: 18}
  DAI: {address: "0x6B175474E89094C44Da98b954EedeAC495271d0F", symbol: DAI, decimals: 18}
abi: |
  event Listed(uint256 indexed id, address seller, uint256 price)
  event Sold(uint256 indexed id, address buyer, uint256 price)
streams:
  list:
    - event: Listed
      contract: main
      let: {key: '"ask-" + id', twice: price * 2}
      becomes:
        kind: listed
        order: key
        maker: seller
        price: twice
        currency: WETH
    - event: Sold
      contract: main
      becomes: &sold
        kind: bought
        order: '"ask-" + id'
        taker: buyer
        price: price
        currency: coin
`

const house = `
market: house
kind: aptos
chains:
  mainnet: {chainId: 1, account: "0x5"}
types: |
  struct Inner { x: u64 }
  struct shop::Sold { id: u64, buyer: address, inner: Inner, note: String }
streams:
  buy:
    event: shop::Sold
    becomes: {kind: bought, order: '"" + id', taker: buyer, quantity: inner.x}
`

// meaningOf is the meaning of a definition's only stream.
func meaningOf(t *testing.T, text string, site definition.Site) markets.Meaning {
	t.Helper()
	d, err := definition.Parse(definition.Source{File: "shop.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	site.ChainID = 1
	m, err := d.On(site)
	if err != nil {
		t.Fatal(err)
	}
	return m.Streams[0].Meaning
}

// The meaning of a stream changes with what its raw events become, and with nothing else.
func TestMeaning(t *testing.T) {
	for name, test := range map[string]struct {
		of       string
		replaced []string
		want     []string
	}{
		"nothing":             {shop, nil, nil},
		"a comment":           {shop, []string{"streams:", "# all of them\nstreams:"}, nil},
		"about":               {shop, []string{"about: a shop", "about: another shop"}, nil},
		"raw":                 {shop, []string{"about: a shop", "raw: true"}, nil},
		"raw of a source":     {shop, []string{"event: Listed\n", "event: Listed\n      raw: true\n"}, nil},
		"notifications":       {shop, []string{"about: a shop", "notifications: true"}, nil},
		"start":               {shop, []string{"chainId: 1", "chainId: 1\n    start: 7"}, nil},
		"anchor":              {shop, []string{"&sold", "&bought"}, nil},
		"spacing":             {shop, []string{"price * 2", "(price)*2"}, nil},
		"quotes":              {shop, []string{`'"ask-" + id', t`, `"'ask-' + id", t`}, nil},
		"order of options":    {shop, []string{"        kind: listed\n        order: key\n", "        order: key\n        kind: listed\n"}, nil},
		"order of lets":       {shop, []string{`key: '"ask-" + id', twice: price * 2`, `twice: price * 2, key: '"ask-" + id'`}, nil},
		"name of a contract":  {shop, []string{"main", "exchange"}, nil},
		"another contract":    {shop, []string{"other", "others"}, nil},
		"unused currency":     {shop, []string{"symbol: DAI", "symbol: SAI"}, nil},
		"unused event":        {shop, []string{"abi: |", "abi: |\n  event Paused()"}, nil},
		"a list of one":       {shop, []string{"becomes: &sold\n        kind", "becomes:\n      - kind"}, nil},
		"an expression":       {shop, []string{"price * 2", "price * 3"}, []string{"decoding"}},
		"grouping":            {shop, []string{"price * 2", "price * (2 + 1)"}, []string{"decoding"}},
		"a key":               {shop, []string{`order: '"ask-" + id'`, `order: '"bid-" + id'`}, []string{"decoding"}},
		"a condition":         {shop, []string{"event: Sold\n", "event: Sold\n      when: price > 0\n"}, []string{"decoding"}},
		"a kind":              {shop, []string{"kind: bought", "kind: offer_accepted"}, []string{"decoding"}},
		"a currency":          {shop, []string{"symbol: WETH", "symbol: ETH"}, []string{"decoding"}},
		"another currency":    {shop, []string{"currency: WETH", "currency: DAI"}, []string{"decoding"}},
		"a layout":            {shop, []string{"address buyer, uint256 price", "uint256 price, address buyer"}, []string{"source", "decoding"}},
		"another address":     {shop, []string{"AA\"", "ab\""}, []string{"source", "decoding"}},
		"more contracts":      {shop, []string{"contract: main", "contract: [main, other]"}, []string{"source", "decoding"}},
		"transfers":           {shop, []string{"event: Sold\n", "event: Sold\n      transfers: true\n"}, []string{"source", "decoding"}},
		"an unused field":     {house, []string{"note: String", "note: u64"}, nil},
		"a used field":        {house, []string{"buyer: address", "buyer: String"}, []string{"decoding"}},
		"a field of a struct": {house, []string{"x: u64", "x: u64, y: u64"}, []string{"decoding"}},
		"a type":              {house, []string{"shop::Sold", "shop::Bought"}, []string{"source", "decoding"}},
		"an account":          {house, []string{`"0x5"`, `"0x6"`}, []string{"source", "decoding"}},
	} {
		text := strings.NewReplacer(test.replaced...).Replace(test.of)
		if text == test.of && len(test.replaced) > 0 {
			t.Fatalf("%s: nothing is replaced", name)
		}
		before, after := meaningOf(t, test.of, definition.Site{}), meaningOf(t, text, definition.Site{})
		if got := before.Differences(after); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v has changed, want %v", name, got, test.want)
		}
	}
	before := meaningOf(t, shop, definition.Site{})
	if got := before.Differences(meaningOf(t, shop, definition.Site{Coin: "BNB"})); !slices.Equal(got, []string{"decoding"}) {
		t.Errorf("another coin: %v has changed", got)
	}
	if got := before.Differences(meaningOf(t, shop, definition.Site{Contracts: map[string][]string{"other": {"0x00000000000000000000000000000000000000cc"}}})); got != nil {
		t.Errorf("another contract is configured: %v has changed", got)
	}
}

// Sources of different events mean the same in any order.
func TestMeaningOfSourcesInAnyOrder(t *testing.T) {
	head, sources, _ := strings.Cut(shop, "  list:\n")
	second := strings.Index(sources, "    - event: Sold")
	if got := meaningOf(t, shop, definition.Site{}).Differences(meaningOf(t, head+"  list:\n"+sources[second:]+sources[:second], definition.Site{})); got != nil {
		t.Errorf("%v has changed", got)
	}
}

// A stream is total if every raw event becomes something.
func TestTotalMeaning(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		want     bool
	}{
		"as it is":              {"", "", true},
		"a condition":           {"event: Sold\n", "event: Sold\n      when: price > 0\n", false},
		"a condition, and else": {"becomes: &sold\n        kind: bought", "becomes:\n      - {kind: recorded, when: price > 0, record: {type: x, key: id}}\n      - kind: bought", true},
		"a list":                {"kind: listed\n", "kind: listed\n        for: '[1]'\n", false},
		"other contracts":       {"event: Sold\n      contract: main", "event: Sold\n      contract: other", false},
		"any contract":          {"event: Sold\n      contract: main", "event: Sold\n      contract: any", false},
	} {
		if got := meaningOf(t, strings.Replace(shop, test.old, test.new, 1), definition.Site{}).Total; got != test.want {
			t.Errorf("%s: total %v, want %v", name, got, test.want)
		}
	}
}
