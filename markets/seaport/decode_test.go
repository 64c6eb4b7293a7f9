package seaport

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/seaportabi"
)

func offered(kind itemType, contract common.Address, id, amount int64) offerItem {
	return seaportabi.Offered(uint8(kind), contract, big.NewInt(id), big.NewInt(amount), big.NewInt(amount))
}

func asked(kind itemType, contract common.Address, id, amount int64, to common.Address) considerationItem {
	return seaportabi.Asked(uint8(kind), contract, big.NewInt(id), big.NewInt(amount), big.NewInt(amount), to)
}

var wethCoin = markets.Currency{Address: wethToken.Hex(), Symbol: "WETH", Decimals: 18}

// paid is a fee of the market.
func paid(amount uint64, currency markets.Currency) markets.Payment {
	return markets.Payment{Receiver: market.Hex(), Money: markets.Money{Amount: markets.Amount(fmt.Sprint(amount)), Currency: currency}}
}

func TestValidated(t *testing.T) {
	end := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	token := markets.Token{Collection: collection.Hex(), ID: "7", Standard: markets.ERC721}
	anyToken := markets.Token{Collection: collection.Hex(), Standard: markets.ERC1155}
	for name, c := range map[string]struct {
		order orderParameters
		want  *markets.Event // what differs from order to order; nil for no event
	}{
		"listing": {orderParameters{
			Offerer: seller, Offer: []offerItem{offered(erc721, collection, 7, 1)},
			Consideration: []considerationItem{asked(nativeCoin, nobody, 0, 90, seller), asked(nativeCoin, nobody, 0, 10, market)},
			EndTime:       big.NewInt(end.Unix()),
		}, &markets.Event{
			Kind: markets.Listed, Side: markets.Ask, Maker: seller.Hex(), Token: token, Quantity: "1",
			Price: "100", Currency: coin("ETH"), ExpiresAt: &end,
			Terms: markets.Terms{Fees: []markets.Payment{paid(10, coin("ETH"))}},
		}},
		"offer for a collection": {orderParameters{
			Offerer: buyer, Offer: []offerItem{offered(erc20, wethToken, 0, 500)},
			Consideration: []considerationItem{asked(erc1155Criteria, collection, 0, 5, buyer), asked(erc20, wethToken, 0, 25, market)},
			EndTime:       common.MaxHash.Big(),
		}, &markets.Event{
			Kind: markets.OfferMade, Side: markets.Bid, Maker: buyer.Hex(), Token: anyToken, Quantity: "5",
			Price: "500", Currency: wethCoin, Terms: markets.Terms{Fees: []markets.Payment{paid(25, wethCoin)}},
		}},
		"currency unknown": {orderParameters{
			Offerer: seller, Offer: []offerItem{offered(erc721, collection, 7, 1)},
			Consideration: []considerationItem{asked(erc20, other, 0, 90, seller)},
			EndTime:       new(big.Int).Lsh(common.Big1, 64),
		}, &markets.Event{
			Kind: markets.Listed, Side: markets.Ask, Maker: seller.Hex(), Token: token, Quantity: "1",
			Price: "90", Currency: markets.Currency{Address: other.Hex()},
		}},
		"listing that outlasts the calendar": {orderParameters{
			Offerer: seller, Offer: []offerItem{offered(erc721, collection, 7, 1)},
			EndTime: big.NewInt(maxTime + 1),
		}, &markets.Event{
			Kind: markets.Listed, Side: markets.Ask, Maker: seller.Hex(), Token: token, Quantity: "1",
			Price: "0", Currency: markets.Currency{Address: nobody.Hex(), Symbol: "ETH", Decimals: 18},
		}},
		"currency for currency": {orderParameters{
			Offerer: seller, Offer: []offerItem{offered(erc20, wethToken, 0, 1)},
			Consideration: []considerationItem{asked(nativeCoin, nobody, 0, 90, seller)},
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t)
			b.validated(1, c.order)
			events := b.decode("list")
			if c.want == nil {
				if len(events) != 0 {
					t.Errorf("events = %+v, want none", events)
				}
				return
			}
			want := *c.want
			want.Order, want.Contract, want.Fixed = Key(b.contract.Hex(), common.Hash{1}), b.contract.Hex(), true
			want.Stream, want.Seq, want.Block, want.Transaction = "list", 1, "0xb10c", "0x7a"
			want.Position = markets.Position{Height: 1, Transaction: 2}
			if len(events) != 1 || events[0].Parameters == nil {
				t.Fatalf("events = %+v", events)
			}
			want.Parameters = events[0].Parameters // see TestValidatedReadsWhatWasEncoded
			if !reflect.DeepEqual(events[0], want) {
				t.Errorf("\n got %+v\nwant %+v", events[0], want)
			}
		})
	}
}

// Prices above 2^256-1, which nobody can pay, are 2^256-1.
func TestPriceBeyond256Bits(t *testing.T) {
	b := newBuilder(t)
	all := seaportabi.Asked(0, nobody, new(big.Int), common.MaxHash.Big(), new(big.Int), seller)
	b.validated(1, orderParameters{Offer: []offerItem{offered(erc721, collection, 7, 1)}, Consideration: []considerationItem{all, all}})
	if got, want := string(b.decode("list")[0].Price), common.MaxHash.Big().String(); got != want {
		t.Errorf("price = %s, want %s", got, want)
	}
}

// The other events of Seaport have an order and its maker, or only a maker.
func TestShortEvents(t *testing.T) {
	hash := common.Hash{0xab}
	topics := func(t common.Hash) [][32]byte { return [][32]byte{t, common.BytesToHash(seller[:]), {}} }
	for name, c := range map[string]struct {
		stream string
		topics [][32]byte
		data   []byte
		want   markets.Event
	}{
		"validated before 1.4": {"list", topics(announcedTopic), hash[:], markets.Event{Kind: markets.Listed, Fixed: true}},
		"cancelled":            {"delist", topics(cancelledTopic), hash[:], markets.Event{Kind: markets.Delisted}},
		"cancelled in bulk":    {"bulk-cancel", topics(counterTopic)[:2], data(3), markets.Event{Kind: markets.OrdersCancelled}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t)
			b.raw(c.topics, c.data)
			got := b.decode(c.stream)[0]
			want := c.want
			if want.Kind != markets.OrdersCancelled {
				want.Order = Key(b.contract.Hex(), hash)
			}
			want.Maker, want.Contract, want.Stream, want.Seq = seller.Hex(), b.contract.Hex(), c.stream, 1
			want.Position = markets.Position{Height: 1, Transaction: 2}
			want.Block, want.Transaction = "0xb10c", "0x7a"
			if !reflect.DeepEqual(got, want) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestNativeSymbol(t *testing.T) {
	b := newBuilder(t)
	b.filled(1, seller, buyer, []item{nft(7)}, []item{eth(90, seller)})
	for _, s := range streams("BNB") {
		if s.Name != "buy" {
			continue
		}
		events, _ := s.DecodeAll(b.raws)
		if got := events[0].Currency.Symbol; got != "BNB" {
			t.Errorf("symbol = %s", got)
		}
	}
	if got := b.decode("buy")[0].Currency.Symbol; got != "ETH" {
		t.Errorf("symbol of another market = %s", got)
	}
}

func TestBulkCancelWithoutItsCounter(t *testing.T) {
	b := newBuilder(t)
	b.raw([][32]byte{counterTopic, common.BytesToHash(seller[:])}, nil)
	events, failures := streamOf(t, "bulk-cancel").DecodeAll(b.raws)
	if len(events) != 0 || len(failures) != 1 || !errors.Is(failures[0].Reason, errShort) {
		t.Errorf("%d events, failures %v", len(events), failures)
	}
}

// Logs that are not the stream's are failures; the others are decoded all the same.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*markets.Raw)
		want  error
	}{
		"another contract": {func(r *markets.Raw) { r.Address = other }, errContract},
		"another event":    {func(r *markets.Raw) { r.Topics[0] = cancelledTopic }, errTopics},
		"a topic less":     {func(r *markets.Raw) { r.Topics = r.Topics[:2] }, errTopics},
		"no topics":        {func(r *markets.Raw) { r.Topics = nil }, errTopics},
		"no data":          {func(r *markets.Raw) { r.Data = nil }, errShort},
		"an item of no type": {func(r *markets.Raw) {
			r.Data[5*wordSize+wordSize-1] = byte(itemTypes) // the offer's first item
		}, errItemType},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t)
			for n := range byte(3) {
				b.filled(n, seller, buyer, []item{nft(7)}, []item{eth(90, seller)})
			}
			c.spoil(&b.raws[1])
			events, failures := streamOf(t, "buy").DecodeAll(b.raws)
			if len(events) != 2 || len(failures) != 1 || failures[0].Raw.Position.Log != 1 {
				t.Fatalf("%d events, failures %v", len(events), failures)
			}
			if !errors.Is(failures[0].Reason, c.want) {
				t.Errorf("reason = %v, want %v", failures[0].Reason, c.want)
			}
		})
	}
}

// Whatever a node sends, a decoder does not panic, loses no log, and makes at most
// one event of one, at its position.
func TestAnyInput(t *testing.T) {
	topics := []common.Hash{fulfilledTopic, matchedTopic, cancelledTopic, counterTopic, announcedTopic, validatedTopic, {}}
	rapid.Check(t, func(rt *rapid.T) {
		b := newBuilder(t)
		b.filled(1, seller, buyer, drawItems(rt, false), drawItems(rt, true))
		b.filled(2, buyer, rapid.SampledFrom([]common.Address{nobody, buyer}).Draw(rt, "recipient"), drawItems(rt, false), drawItems(rt, true))
		b.match(1, 2, 1)
		b.validated(3, orderParameters{Offer: []offerItem{offered(erc721, collection, 7, 1)}})
		for range rapid.IntRange(0, 3).Draw(rt, "garbage") {
			b.raw(nil, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "data"))
			for range rapid.IntRange(0, 4).Draw(rt, "topics") {
				raw := &b.raws[len(b.raws)-1]
				raw.Topics = append(raw.Topics, rapid.SampledFrom(topics).Draw(rt, "topic"))
			}
		}
		for range rapid.IntRange(0, 6).Draw(rt, "spoilt") {
			if raw := rapid.SampledFrom(b.raws).Draw(rt, "raw"); len(raw.Data) > 0 {
				raw.Data[rapid.IntRange(0, len(raw.Data)-1).Draw(rt, "at")] = rapid.Byte().Draw(rt, "byte")
			}
		}
		for _, s := range streams("ETH") {
			checkDecoded(rt, b.raws, s)
		}
	})
}

func checkDecoded(t *rapid.T, raws []markets.Raw, s markets.Stream) {
	events, failures := s.DecodeAll(raws)
	left := map[markets.Position]bool{}
	for _, raw := range raws {
		left[raw.Position] = true
	}
	take := func(what string, p markets.Position) {
		if !left[p] {
			t.Fatalf("%s: %s at %v, where nothing is or something was already", s.Name, what, p)
		}
		delete(left, p)
	}
	for _, e := range events {
		take("event", e.Position)
		if e.Kind == "" || e.Key() == "" || e.Contract == "" || e.Maker == "" {
			t.Fatalf("%s: event of nothing: %+v", s.Name, e)
		}
	}
	for _, f := range failures {
		take("failure", f.Raw.Position)
		if strings.Contains(f.Reason.Error(), "panicked") {
			t.Fatalf("%s: %v", s.Name, f.Reason)
		}
	}
	for _, raw := range raws {
		if left[raw.Position] && s.Name != "buy" && s.Name != "list" {
			t.Fatalf("%s: the log at %v is lost", s.Name, raw.Position)
		}
	}
}
