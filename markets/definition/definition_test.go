package definition

import (
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
)

const aavegotchi = `
market: aavegotchi
kind: evm
chains:
  polygon:
    chainId: 137
    start: 11516320
    contracts:
      diamond: "0x86935F11C86623deC8a25696E1C19a8659CbF95d"
currencies:
  ghst: {address: "0x385Eeac5cB85A38A9a07A70c73e0a3271CfB54A7", symbol: GHST, decimals: 18}
abi:
  - event ERC721ExecutedListing(uint256 indexed listingId, address indexed seller, address buyer, address erc721TokenAddress, uint256 erc721TokenId, uint256 indexed category, uint256 priceInWei, uint256 time)
  - event Gone(bytes32 indexed hash)
  - event Many(address[] who, (uint256 id, string name)[] things, string eventType)
streams:
  buy:
    - event: ERC721ExecutedListing
      contract: diamond
      becomes:
        kind: bought
        order: '"erc721-" + listingId'
        maker: seller
        taker: buyer
        token: {collection: erc721TokenAddress, id: erc721TokenId, standard: ERC-721}
        price: priceInWei * 2 / 2
        currency: ghst
        expiresAt: time
  gone:
    - event: Gone
      becomes: {kind: delisted, order: hash}
  many:
    - event: Many
      when: eventType == "create"
      for: things
      becomes:
        - kind: recorded
          when: item.id in [1, 2, 3] and index < 2
          record: {type: thing, key: item.id, fields: {name: item.name, who: "who[index]", n: item.id + 1, all: who}}
`

func parsed(t testing.TB, text string) *Definition {
	t.Helper()
	d, err := Parse(Source{File: "test.yaml", Text: []byte(text)})
	if err != nil {
		if ps, ok := err.(Problems); ok {
			t.Fatal("\n" + ps.Lines())
		}
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	d := parsed(t, aavegotchi)
	m, err := d.On(Site{ChainID: 137})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Streams) != 3 || m.Kind != markets.EVM || m.Streams[0].Start != 11516320 {
		t.Fatalf("%+v", m)
	}
	if _, err := d.On(Site{ChainID: 1}); err == nil || !strings.Contains(err.Error(), "polygon (137)") {
		t.Fatalf("on another chain: %v", err)
	}
}

// What is missing is said where it should be.
func TestMissingFieldsHaveAPlace(t *testing.T) {
	_, err := Parse(Source{File: "x.yaml", Text: []byte(`market: x
kind: evm
chains:
  one: {chainId: 1, contracts: {main: {start: 5}}}
currencies:
  gold: {symbol: G}
abi: event E(uint256 a)
streams:
  s: {event: E, becomes: {kind: recorded, record: {type: t, key: a}}}
`)})
	ps, _ := err.(Problems)
	if len(ps) != 2 || ps[0].Line != 4 || ps[1].Line != 6 || !strings.Contains(ps[0].Text, "contracts.main: address is missing") || !strings.Contains(ps[1].Text, "gold: address is missing") {
		t.Errorf("%v", err)
	}
}
