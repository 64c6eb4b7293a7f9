package catalogue_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/factories"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

var update = flag.Bool("update", false, "write the golden files again")

// decoded is what a market makes of all recorded transactions whose files match.
func decoded(t *testing.T, market string, chainID uint64, pattern string) (events []markets.Event, all []transactions.Transaction) {
	t.Helper()
	m, err := catalogue.Market(market, definition.Site{ChainID: chainID, Contracts: tokens(market)})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../testdata/transactions/" + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings %s: %v", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := transactions.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, found...)
		for _, tx := range found {
			events = append(events, decode(t, m, tx.Raws)...)
		}
	}
	return events, all
}

// tokens are contracts for markets whose definitions have none.
func tokens(market string) map[string][]string {
	switch market {
	case "erc721":
		return map[string][]string{"tokens": {"0x2594d80da5f2e4f742d1e479eb9408aad132d0bd"}}
	case "erc1155":
		return map[string][]string{"tokens": {"0x58de9aabcaeec0f69883c94318810ad79cc6a44f"}}
	}
	return nil
}

// decode is what a market's streams make of the events of a transaction.
func decode(t *testing.T, m markets.Market, raws []markets.Raw) (events []markets.Event) {
	t.Helper()
	for _, s := range m.Streams {
		var own []markets.Raw
		for i := range raws {
			if s.Source.Matches(&raws[i]) {
				own = append(own, raws[i])
			}
		}
		if f := s.Source.Factories; f != nil {
			own, _ = factories.Filter(f, factories.Contracts{}, own)
		}
		found, failures := s.DecodeAll(own)
		for _, f := range failures {
			t.Errorf("%s: log %d: %v", s.Name, f.Raw.Position.Log, f.Reason)
		}
		events = append(events, found...)
	}
	return events
}

// golden compares events with those in a file of testdata.
func golden(t *testing.T, name string, events []markets.Event) {
	t.Helper()
	got, err := json.MarshalIndent(events, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
		t.Errorf("not what %s has; if it should be, run go test -update and read the difference:\n%s", file, got)
	}
}

// The golden events of Aavegotchi, beside what another indexer (RSS3-Network/Node at
// 813383e1384a) finds in the same transactions: who sells and buys which token, and
// what a sale costs. It says Gotchis' own contract and ERC-721 of all of them; the
// tokens moved by the wearables' contract 0x58de… are ERC-1155, and the event names the
// diamond's address as their collection. What it calls the cost of a listing is the fee
// of 0.1 GHST for listing, which is not a price.
func TestAavegotchi(t *testing.T) {
	events, _ := decoded(t, "aavegotchi", 137, "aavegotchi-*.json")
	golden(t, "aavegotchi", events)
	for _, oracle := range []struct {
		transaction, seller, buyer, id string
		cost                           markets.Amount // of a sale
	}{
		{"0xad7aec56979b5f4bb6e2d216504058b3768c4d8c9a34504e240116b78f993fe9", "0xa2faa3405a734c04ae713aaa837e6cecc2caee9f", "", "240", ""},
		{"0x05c2ae65d685af45d9e7cac72543931ecc4f6e62a437d804b6e63a3aecb2f40d", "0xcbef46a7cbe1f46a94ab77501eaa32596ab3c538", "0xb9ad10b590bcd2b0db23d0005b2db0d53d9a1cf0", "141", "35000000000000000000"},
		{"0x4e94b27356abebab22b676fc7c9a4018da8dfa102cfdf93434f80529c066c88e", "0xb7039fbd301cfaa7c66ba43fc10e2c60aa18f785", "", "7302", ""},
		{"0x23d7f6c49c11e947066b7cd65c384a63e34715aaca4f0ed6eb2b876b8b3f74f9", "0xa2faa3405a734c04ae713aaa837e6cecc2caee9f", "0xb9ad10b590bcd2b0db23d0005b2db0d53d9a1cf0", "1123", "685000000000000000000"},
	} {
		found := 0
		for _, e := range events {
			if e.Transaction != oracle.transaction {
				continue
			}
			found++
			if !strings.EqualFold(e.Maker, oracle.seller) || !strings.EqualFold(e.Taker, oracle.buyer) || e.Token.ID != oracle.id ||
				oracle.cost != "" && e.Price != oracle.cost || e.Currency.Symbol != "GHST" {
				t.Errorf("%+v, the oracle has %+v", e, oracle)
			}
		}
		if found != 1 {
			t.Errorf("transaction %s: %d events", oracle.transaction, found)
		}
	}
}

// Buyers of Aavegotchi pay what the event says: the GHST that leave them in the
// recorded transactions are the price.
func TestAavegotchiBuyersPayThePrice(t *testing.T) {
	events, all := decoded(t, "aavegotchi", 137, "aavegotchi-*.json")
	ghst := common.HexToAddress("0x385Eeac5cB85A38A9a07A70c73e0a3271CfB54A7")
	transfer := common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
	sales := 0
	for _, e := range events {
		if !e.Kind.Sale() {
			continue
		}
		sales++
		var paid markets.Amount
		for _, tx := range all {
			for _, raw := range tx.Raws {
				if tx.Hash == e.Transaction && raw.Address == ghst && len(raw.Topics) == 3 && raw.Topics[0] == transfer && common.BytesToAddress(raw.Topics[1][:]).Hex() == e.Taker {
					paid = paid.Plus(markets.Amount(common.BytesToHash(raw.Data).Big().String()))
				}
			}
		}
		if paid != e.Price {
			t.Errorf("%s of %s paid %s, the price is %s", e.Taker, e.Transaction, paid, e.Price)
		}
	}
	if sales != 2 {
		t.Errorf("%d sales", sales)
	}
}

// Every recorded sale of Wyvern against the Transfer logs of its transaction, which are
// read here without the definition: each token of it, who gave and who got it.
func TestWyvern(t *testing.T) {
	events, all := decoded(t, "wyvern", 1, "wyvern-*.json")
	golden(t, "wyvern", events)
	sales := 0
	for _, e := range events {
		if !e.Kind.Sale() {
			continue
		}
		sales++
		items := e.Bundle
		if len(items) == 0 {
			items = []markets.Item{{Token: e.Token, Quantity: e.Quantity}}
		}
		moved := map[string]bool{}
		for _, tx := range all {
			for _, raw := range tx.Raws {
				if tx.Hash == e.Transaction && len(raw.Topics) == 4 && raw.Topics[0] == common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef") {
					moved[common.Address(raw.Address).Hex()+"/"+common.Hash(raw.Topics[3]).Big().String()+"/"+
						common.BytesToAddress(raw.Topics[1][:]).Hex()+"/"+common.BytesToAddress(raw.Topics[2][:]).Hex()] = true
				}
			}
		}
		for _, item := range items {
			transfer := item.Collection + "/" + item.ID + "/" + e.From + "/" + e.To
			if !moved[transfer] {
				t.Errorf("%s: no transfer %s", e.Transaction, transfer)
			}
			delete(moved, transfer)
		}
		if len(moved) > 0 {
			t.Errorf("%s: not in the sale: %v", e.Transaction, moved)
		}
	}
	if sales != 1 {
		t.Errorf("%d sales", sales)
	}
}

// Owners and balances follow from the transfers in the recorded transactions.
func TestTokenOwners(t *testing.T) {
	events, _ := decoded(t, "erc721", 1, "wyvern-*.json")
	golden(t, "erc721", events)
	owned := 0
	for _, e := range events {
		r, _ := markets.FoldRecord("ethereum", "erc721", []markets.Event{e})
		if r.Type == "token" && r.Fields["owner"] == common.HexToAddress("0x074fdc302f8d3c0e8b11c80f2a07bf2a3b8ca855").Hex() {
			owned++
		}
	}
	if owned != 12 {
		t.Errorf("%d tokens have the buyer for their owner, 12 were moved", owned)
	}

	events, _ = decoded(t, "erc1155", 137, "aavegotchi-trade-erc1155.json")
	golden(t, "erc1155", events)
	balances := map[string]any{}
	for _, e := range events {
		if e.Record != nil {
			r, _ := markets.FoldRecord("polygon", "erc1155", []markets.Event{e})
			balances[r.Fields["owner"].(string)] = r.Fields["balance"]
		}
	}
	if len(balances) != 2 || balances[common.HexToAddress("0xcbef46a7cbe1f46a94ab77501eaa32596ab3c538").Hex()] != "-1" ||
		balances[common.HexToAddress("0xb9ad10b590bcd2b0db23d0005b2db0d53d9a1cf0").Hex()] != "1" {
		t.Errorf("balances %v", balances)
	}
}
