package catalogue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The orders and market events of the tests of this package, a line each, so that tables can
// be read:
//
//	SOLD ask seller→buyer: 2 of nft/7 for 100 WETH
//
// What is not known is ?, and accounts and contracts have the names that they have in the tests.

var (
	shop   = common.HexToAddress("0x50") // a contract that gives out ERC-1155 tokens
	artist = common.HexToAddress("0xa7")
	dao    = common.HexToAddress("0xda0")
	gold   = common.HexToAddress("0x901d") // ERC-20
	pair   = common.HexToAddress("0x9a1")
	pool   = common.HexToAddress("0x9a2")
	units  = common.HexToAddress("0x9a3")
	named  = strings.NewReplacer(seller.Hex(), "seller", buyer.Hex(), "buyer", owner.Hex(), "owner", nft.Hex(), "nft",
		shop.Hex(), "shop", artist.Hex(), "artist", dao.Hex(), "dao", gold.Hex(), "gold", pair.Hex(), "pair", pool.Hex(), "pool", units.Hex(), "units", (common.Address{}).Hex(), "nobody")
)

// or is a text, or what stands for an empty one.
func or(text, empty string) string {
	if text == "" {
		return empty
	}
	return text
}

func orderLine(o markets.Order) string {
	line := fmt.Sprintf("%s %s %s: %s for %s", o.Status, or(string(o.Side), "?"), parties(o.Maker, o.Taker), items(o.Token, o.Bundle, o.Filled, o.Quantity), money(o.Price, o.Currency))
	if o.Anomalies > 0 {
		line += fmt.Sprintf(", %d anomalies", o.Anomalies)
	}
	return line
}

func eventLine(e markets.Event) string {
	line := fmt.Sprintf("%s %s %s", e.Kind, or(string(e.Side), "?"), parties(e.Maker, e.Taker))
	if e.Kind.Sale() {
		line += fmt.Sprintf(": %s %s for %s", parties(e.From, e.To), items(e.Token, e.Bundle, e.Quantity, ""), money(e.Price, e.Currency))
	}
	if e.Nonce.Known() {
		line += ", nonce " + string(e.Nonce)
	}
	if e.Below.Known() {
		line += ", below " + string(e.Below)
	}
	for name, payments := range map[string][]markets.Payment{"royalty": e.Royalties, "fee": e.Fees} {
		for _, p := range payments {
			line += fmt.Sprintf(", %s %s to %s", name, money(p.Amount, p.Currency), named.Replace(p.Receiver))
		}
	}
	return line
}

func parties(from, to string) string {
	return named.Replace(or(from, "?") + "→" + or(to, "?"))
}

// items is what is sold: n of all.
func items(token markets.Token, bundle []markets.Item, n, all markets.Amount) string {
	if len(bundle) == 0 {
		bundle = []markets.Item{{Token: token, Quantity: n}}
	}
	var parts []string
	for _, item := range bundle {
		part := or(string(item.Quantity), "?")
		if all != "" && all != n {
			part += "/" + string(all)
		}
		part += " of " + or(named.Replace(item.Collection), "?") + "/" + or(item.ID, "?")
		if item.Standard != "" {
			part += " " + item.Standard
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " + ")
}

func money(amount markets.Amount, in markets.Currency) string {
	return or(string(amount), "?") + " " + or(in.Symbol, or(named.Replace(in.Address), "?"))
}

// become compares the lines of the market events and of the orders that logs on the main
// network become. Transactions are in order, an order's key is written before its line.
func become(t *testing.T, market string, logs [][]markets.Raw, events []string, orders map[string]string) {
	t.Helper()
	var raws []markets.Raw
	for i, transaction := range logs {
		raws = append(raws, markettest.Transaction(int64(i+1), transaction...)...)
	}
	compare(t, decode(t, markettest.Mainnet(t, market), raws), events, orders)
}

func compare(t *testing.T, found []markets.Event, events []string, orders map[string]string) {
	t.Helper()
	slices.SortStableFunc(found, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	var lines []string
	for _, e := range found {
		lines = append(lines, eventLine(e))
	}
	if !slices.Equal(lines, events) {
		t.Errorf("events are\n  %s\nwant\n  %s", strings.Join(lines, "\n  "), strings.Join(events, "\n  "))
	}
	folded := folded(found)
	for key, order := range folded {
		if line := orderLine(order); line != orders[key] {
			t.Errorf("order %s is\n  %s\nwant\n  %s", key, line, orders[key])
		}
	}
	for key := range orders {
		if _, ok := folded[key]; !ok {
			t.Errorf("there is no order %s", key)
		}
	}
}
