package catalogue_test

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// Of IMart nothing was recorded: these logs are made with go-ethereum's encoder, and the
// events of Aptos by hand. What they become is compared with what the original worker
// (openos-labs/imart-indexer) does with their event types.

var (
	curator, owner, buyer = common.HexToAddress("0xc1"), common.HexToAddress("0xa1"), common.HexToAddress("0xb1")
	gallery               = common.HexToAddress("0x9677bE3ca5ee3F5973D91FF053F0BA1eCa59809F")
	nft                   = common.HexToAddress("0xe721")
)

// made is a log of an event of the curation contract.
func made(t *testing.T, signature string, index int32, id int64, values ...any) markets.Raw {
	t.Helper()
	name, parameters, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	var inputs abi.Arguments
	for i, p := range strings.Split(parameters, ",") {
		kind, err := abi.NewType(p, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, abi.Argument{Type: kind, Indexed: i == 0})
	}
	e := abi.NewEvent(name, name, false, inputs)
	data, err := e.Inputs.NonIndexed().Pack(values...)
	if err != nil {
		t.Fatal(err)
	}
	return markets.Raw{
		Position: markets.Position{Height: 1, Log: index}, Transaction: "0x7a", Address: gallery,
		Topics: [][32]byte{e.ID, common.BigToHash(big.NewInt(id))}, Data: data,
	}
}

func exhibit(t *testing.T, what string, index int32) markets.Raw {
	return made(t, "ExhibitChanged(uint256,string,uint256,address,uint256,address,uint64,uint256,string,string,string,uint64)", index, 7,
		what, big.NewInt(3), nft, big.NewInt(42), owner, uint64(1_700_000_000), big.NewInt(5000), "", "https://example.com", "", uint64(1))
}

func offer(t *testing.T, what string, index int32) markets.Raw {
	return made(t, "OfferChanged(uint256,string,address,uint256,address,address,uint256,uint256,uint64,uint64,uint64,string,string,uint64)", index, 9,
		what, nft, big.NewInt(42), curator, owner, big.NewInt(5000), big.NewInt(3), uint64(1), uint64(1_700_000_000), uint64(2), "", "", uint64(1))
}

func imart(t *testing.T) markets.Market {
	t.Helper()
	m, err := catalogue.Market("imart", definition.Site{ChainID: 56, Coin: "BNB"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// An exhibit is listed, and sold to whom the token is moved.
func TestIMartExhibit(t *testing.T) {
	sold := exhibit(t, "ExhibitSold", 6)
	moved := markets.Log{Index: 5, Address: nft, Topics: [][32]byte{
		common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
		common.BytesToHash(gallery[:]), common.BytesToHash(buyer[:]), common.BigToHash(big.NewInt(42)),
	}}
	sold.Around = []markets.Log{moved, {Index: 6, Address: sold.Address, Topics: sold.Topics, Data: sold.Data}}
	events := decode(t, imart(t), []markets.Raw{exhibit(t, "ExhibitListed", 1), sold})
	order, _ := markets.FoldOrder("bsc", "imart", "exhibit-7", only(events, func(e markets.Event) bool { return e.Order == "exhibit-7" }))
	if order.Status != markets.Sold || order.Maker != owner.Hex() || order.Taker != buyer.Hex() || order.Price != "5000" || order.Currency.Symbol != "BNB" ||
		order.Token != (markets.Token{Collection: nft.Hex(), ID: "42", Standard: markets.ERC721}) || order.ExpiresAt == nil || order.ExpiresAt.Unix() != 1_700_000_000 {
		t.Errorf("%+v", order)
	}
	record, _ := markets.FoldRecord("bsc", "imart", only(events, func(e markets.Event) bool { return e.Record != nil }))
	if record.Type != "exhibit" || record.Key != "7" || record.Fields["status"] != "ExhibitSold" || record.Fields["gallery"] != "3" {
		t.Errorf("%+v", record)
	}
	frozen := decode(t, imart(t), []markets.Raw{exhibit(t, "ExhibitFrozen", 1)})
	if len(frozen) != 2 || frozen[1].Kind != markets.Delisted {
		t.Errorf("%+v", frozen)
	}
}

// The original told people "You have received an offer", "Your offer has been
// accepted" and "Your offer has been rejected"; that an offer to exhibit is accepted is
// no sale.
func TestIMartOffers(t *testing.T) {
	for what, want := range map[string]struct {
		receiver common.Address
		message  markets.Message
	}{
		"OfferCreated":  {owner, markets.OfferReceived},
		"OfferAccepted": {curator, markets.OfferTaken},
		"OfferRejected": {curator, markets.OfferRefused},
		"OfferCanceled": {owner, markets.OfferGone},
	} {
		m := imart(t)
		events := decode(t, m, []markets.Raw{offer(t, what, 1)})
		if len(events) != 1 || events[0].Kind.Sale() || events[0].Record.Key != "9" {
			t.Fatalf("%s: %+v", what, events)
		}
		told := markets.Notifications(markets.Activity{Chain: "bsc", Market: "imart", Event: events[0]})
		if len(told) != 1 || told[0].Receiver != want.receiver.Hex() || told[0].Message != want.message {
			t.Errorf("%s tells %+v", what, told)
		}
	}
	for _, s := range imart(t).Streams {
		if !s.Notifies {
			t.Errorf("stream %s does not notify", s.Name)
		}
	}
}

// Each chain has the streams whose contracts it has; Seaport 1.4 is the order market.
func TestIMartChains(t *testing.T) {
	for id, want := range map[uint64]int{5: 9, 56: 8, 97: 8, 80001: 8, 5611: 4, 280: 4} {
		m, err := catalogue.Market("imart", definition.Site{ChainID: id})
		if err != nil || len(m.Streams) != want {
			t.Errorf("chain %d: %d streams, want %d, %v", id, len(m.Streams), want, err)
		}
	}
}

// The eleven streams of the original, with its handles.
func TestIMartOnAptos(t *testing.T) {
	m, err := catalogue.Market("imart-aptos", definition.Site{ChainID: 2})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/imart-aptos-events.json")
	if err != nil {
		t.Fatal(err)
	}
	var given map[string]json.RawMessage // by handle's field
	if err := json.Unmarshal(text, &given); err != nil {
		t.Fatal(err)
	}
	var events []markets.Event
	for i, s := range m.Streams {
		data, ok := given[s.Source.Handle[strings.LastIndex(s.Source.Handle, ":")+1:]+"/"+s.Source.Field]
		if !ok {
			t.Errorf("no event for %s/%s", s.Source.Handle, s.Source.Field)
			continue
		}
		found, failures := s.DecodeAll([]markets.Raw{{Position: markets.Position{Height: int64(i)}, Type: "0x5::m::E", JSON: data}})
		for _, f := range failures {
			t.Errorf("%s: %v", s.Name, f.Reason)
		}
		events = append(events, found...)
	}
	if len(m.Streams) != 11 || len(given) != 11 {
		t.Errorf("%d streams, %d events", len(m.Streams), len(given))
	}
	golden(t, "imart-aptos", events)
}

func only(events []markets.Event, keep func(markets.Event) bool) (out []markets.Event) {
	for _, e := range events {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}
