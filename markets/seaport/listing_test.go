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

func moving(it offerItem, end int64) offerItem {
	it.EndAmount = big.NewInt(end)
	return it
}

func movingAsked(it considerationItem, end int64) considerationItem {
	it.EndAmount = big.NewInt(end)
	return it
}

// The terms of an order, beside its token and quantity.
func TestTerms(t *testing.T) {
	type (
		offer = []offerItem
		asks  = []considerationItem
	)
	eth, weth := coin("ETH"), wethCoin
	token := offered(erc721, collection, 7, 1)
	toSeller := asked(nativeCoin, nobody, 0, 90, seller)
	root := common.Hash{31: 9}
	at := func(seconds int64) *time.Time { return new(time.Unix(seconds, 0).UTC()) }
	simple := func(change func(*orderParameters)) orderParameters {
		p := orderParameters{Offerer: seller, Offer: offer{token}, Consideration: asks{toSeller}}
		change(&p)
		return p
	}
	bid := func(wanted considerationItem, more ...considerationItem) orderParameters {
		return orderParameters{Offerer: buyer, Offer: offer{offered(erc20, wethToken, 0, 100)}, Consideration: append(asks{wanted}, more...)}
	}
	for name, c := range map[string]struct {
		order    orderParameters
		price    markets.Amount
		currency markets.Currency
		want     markets.Terms
	}{
		"plain":             {simple(func(p *orderParameters) {}), "90", eth, markets.Terms{}},
		"starts later":      {simple(func(p *orderParameters) { p.StartTime = big.NewInt(77) }), "90", eth, markets.Terms{StartsAt: at(77)}},
		"never starts":      {simple(func(p *orderParameters) { p.StartTime = common.MaxHash.Big() }), "90", eth, markets.Terms{StartsAt: at(maxTime)}},
		"a zone that looks": {simple(func(p *orderParameters) { p.Zone, p.OrderType = other, uint8(partialOpen) }), "90", eth, markets.Terms{}},
		"a zone":            {simple(func(p *orderParameters) { p.Zone, p.OrderType = other, uint8(fullRestricted) }), "90", eth, markets.Terms{Zone: other.Hex()}},
		"a zone of parts":   {simple(func(p *orderParameters) { p.Zone, p.OrderType = other, uint8(partialRestricted) }), "90", eth, markets.Terms{Zone: other.Hex()}},
		"a conduit":         {simple(func(p *orderParameters) { p.ConduitKey = root }), "90", eth, markets.Terms{Conduit: root.Hex()}},
		"an auction that falls": {simple(func(p *orderParameters) {
			p.Consideration = asks{movingAsked(toSeller, 45), movingAsked(asked(nativeCoin, nobody, 0, 10, market), 5)}
		}), "100", eth, markets.Terms{EndPrice: "50", Fees: []markets.Payment{paid(10, eth)}}},
		"an auction that rises from nothing": {simple(func(p *orderParameters) {
			p.Consideration = asks{movingAsked(asked(erc20, wethToken, 0, 0, seller), 5)}
		}), "0", weth, markets.Terms{EndPrice: "5"}},
		"parts that move to the same sum": {simple(func(p *orderParameters) {
			p.Consideration = asks{movingAsked(toSeller, 80), movingAsked(asked(nativeCoin, nobody, 0, 10, seller), 20)}
		}), "100", eth, markets.Terms{}},
		"several currencies": {simple(func(p *orderParameters) {
			p.Consideration = asks{toSeller, asked(erc20, wethToken, 0, 2, seller), asked(nativeCoin, nobody, 0, 1, seller)}
		}), "", markets.Currency{}, markets.Terms{Prices: []markets.Money{{Amount: "91", Currency: eth}, {Amount: "2", Currency: weth}}}},
		"for one buyer": {simple(func(p *orderParameters) {
			p.Consideration = asks{toSeller, asked(erc721, collection, 7, 1, buyer)}
		}), "90", eth, markets.Terms{ReservedFor: buyer.Hex()}},
		"for several buyers": {simple(func(p *orderParameters) {
			p.Offer = offer{token, offered(erc721, collection, 8, 1)}
			p.Consideration = asks{toSeller, asked(erc721, collection, 7, 1, buyer), asked(erc721, collection, 8, 1, other)}
		}), "90", eth, markets.Terms{}},
		"for its own maker": {simple(func(p *orderParameters) {
			p.Consideration = asks{toSeller, asked(erc721, collection, 7, 1, seller)}
		}), "90", eth, markets.Terms{}},
		"token for token": {simple(func(p *orderParameters) {
			p.Consideration = asks{asked(erc721, collection, 8, 1, seller), asked(nativeCoin, nobody, 0, 10, market)}
		}), "", markets.Currency{}, markets.Terms{Fees: []markets.Payment{paid(10, eth)}}},
		"an offer for a collection":  {bid(asked(erc721Criteria, collection, 0, 3, buyer)), "100", weth, markets.Terms{}},
		"an offer for a trait":       {bid(asked(erc721Criteria, collection, 9, 3, buyer)), "100", weth, markets.Terms{Criteria: root.Hex()}},
		"an offer for trait and all": {bid(asked(erc721Criteria, collection, 0, 3, buyer), asked(erc1155Criteria, collection, 9, 3, buyer)), "100", weth, markets.Terms{Criteria: root.Hex()}},
		"an offer with fees": {bid(asked(erc721, collection, 7, 1, buyer), asked(erc20, wethToken, 0, 10, market), asked(nativeCoin, nobody, 0, 3, market), asked(erc20, wethToken, 0, 0, market)),
			"100", weth, markets.Terms{Fees: []markets.Payment{paid(10, weth)}}},
		"an offer that falls": {func() orderParameters {
			p := bid(asked(erc721, collection, 7, 1, buyer))
			p.Offer[0] = moving(p.Offer[0], 60)
			return p
		}(), "100", weth, markets.Terms{EndPrice: "60"}},
	} {
		b := newBuilder(t)
		b.validated(1, c.order)
		e := b.decode("list")[0]
		if e.Parameters == nil {
			t.Errorf("%s: no parameters", name)
		}
		e.Parameters = nil
		if e.Price != c.price || e.Currency != c.currency || !reflect.DeepEqual(e.Terms, c.want) {
			t.Errorf("%s:\n got %s %+v %+v\nwant %s %+v %+v", name, e.Price, e.Currency, e.Terms, c.price, c.currency, c.want)
		}
	}
}

// Listing makes the event that the contract's log becomes, from the parameters in the log's
// event.
func TestListingIsWhatTheLogBecomes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBuilder(t)
		_, p := drawParameters(rt)
		b.validated(7, p)
		events := b.decode("list")
		if len(events) == 0 {
			return
		}
		want := events[0]
		got, err := Listing(strings.ToLower(want.Contract), *want.Parameters, common.Hash{7}, known("ETH"))
		if err != nil {
			rt.Fatal(err)
		}
		got.Position, got.Stream, got.Seq, got.Block, got.Transaction = want.Position, want.Stream, want.Seq, want.Block, want.Transaction
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("\n got %+v\nwant %+v", got, want)
		}
	})
}

// The counter is in no log; 0 is proved by the order's hash.
func TestTheCounterOfAListing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, encoded := drawParameters(rt)
		counter := rapid.SampledFrom([]markets.Amount{"0", "1"}).Draw(rt, "counter")
		public := *newDecoder(nil, known("ETH")).public(&p)
		public.Counter = counter
		hash, err := OrderHash(public)
		if err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "tip") { // it is no part of what was signed
			encoded.Consideration = append(encoded.Consideration, asked(nativeCoin, nobody, 0, 1, market))
		}
		b := newBuilder(t)
		b.log("OrderValidated", nil, [32]byte(hash), encoded)
		want := map[markets.Amount]markets.Amount{"0": "0", "1": ""}[counter]
		got, err := validated(&b.raws[0])
		if err != nil || newDecoder(nil, known("ETH")).public(&got).Counter != want {
			rt.Fatalf("counter %q, %v, want %q", newDecoder(nil, known("ETH")).public(&got).Counter, err, want)
		}
	})
}

// A salt may be in hex, as seaport-js writes it; the event has it in decimal digits.
func TestNumbersInHex(t *testing.T) {
	for text, want := range map[string]string{"0x0000ff": "255", "0x0": "0", "0x" + strings.Repeat("f", 64): common.MaxHash.Big().String(), "12": "12"} {
		var p parser
		if got := p.number("salt", markets.Amount(text)); p.err != nil || got.Dec() != want {
			t.Errorf("%s is %s, %v", text, got.Dec(), p.err)
		}
	}
}

func sound() markets.Parameters {
	item := markets.OfferedItem{Type: 2, Token: collection.Hex(), Identifier: "7", StartAmount: "1", EndAmount: "1"}
	money := markets.OfferedItem{Token: nobody.Hex(), Identifier: "0", StartAmount: "1", EndAmount: "1"}
	return markets.Parameters{
		Offerer: seller.Hex(), Zone: nobody.Hex(), StartTime: "1", EndTime: "2", ZoneHash: common.Hash{}.Hex(), Salt: "3",
		ConduitKey: common.Hash{}.Hex(), Counter: "0", Required: 1,
		Offer: []markets.OfferedItem{item}, Consideration: []markets.ConsideredItem{{OfferedItem: money, Recipient: seller.Hex()}},
	}
}

// Parameters that are not an order's: the error names the field.
func TestUnsoundParameters(t *testing.T) {
	type parameters = markets.Parameters
	const tooMuch = "115792089237316195423570985008687907853269984665640564039457584007913129639936" // 2^256
	for field, c := range map[string]struct {
		spoil func(*parameters)
		want  error
	}{
		"offerer":                         {func(p *parameters) { p.Offerer = "0x12" }, errAddress},
		"zone":                            {func(p *parameters) { p.Zone = "" }, errAddress},
		"orderType":                       {func(p *parameters) { p.OrderType = 5 }, errOrderType},
		"startTime":                       {func(p *parameters) { p.StartTime = "" }, errNumber},
		"endTime":                         {func(p *parameters) { p.EndTime = tooMuch }, errNumber},
		"zoneHash":                        {func(p *parameters) { p.ZoneHash = "0x" }, errHash},
		"salt":                            {func(p *parameters) { p.Salt = "-1" }, errNumber},
		"conduitKey":                      {func(p *parameters) { p.ConduitKey += "00" }, errHash},
		"counter":                         {func(p *parameters) { p.Counter = "+1" }, errNumber},
		"totalOriginalConsiderationItems": {func(p *parameters) { p.Required = 2 }, errRequired},
		"offer":                           {func(p *parameters) { p.Offer = make([]markets.OfferedItem, MaxItems+1) }, errItems},
		"consideration": {func(p *parameters) {
			p.Consideration = make([]markets.ConsideredItem, MaxItems+1)
		}, errItems},
		"offer[0].itemType":                     {func(p *parameters) { p.Offer[0].Type = -1 }, errItemType},
		"offer[0].token":                        {func(p *parameters) { p.Offer[0].Token = collection.Hex()[2:] }, errAddress},
		"consideration[0].identifierOrCriteria": {func(p *parameters) { p.Consideration[0].Identifier = "0x" }, errNumber},
		"consideration[0].startAmount":          {func(p *parameters) { p.Consideration[0].StartAmount = "1e3" }, errNumber},
		"consideration[0].endAmount":            {func(p *parameters) { p.Consideration[0].EndAmount = "0xg" }, errNumber},
		"consideration[0].recipient":            {func(p *parameters) { p.Consideration[0].Recipient = "seller.eth" }, errAddress},
	} {
		p := sound()
		c.spoil(&p)
		_, err := Listing(contracts[5].Hex(), p, common.Hash{}, known("ETH"))
		if !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v, want %v", field, err, c.want)
		}
		if _, hashed := OrderHash(p); fmt.Sprint(hashed) != fmt.Sprint(err) {
			t.Errorf("%s: OrderHash says %v", field, hashed)
		}
	}
	p := sound()
	if _, err := Listing("0x", p, common.Hash{}, known("ETH")); !errors.Is(err, errAddress) {
		t.Errorf("contract: %v", err)
	}
	p.Offer = nil
	if _, err := Listing(contracts[5].Hex(), p, common.Hash{}, known("ETH")); !errors.Is(err, errNoToken) {
		t.Errorf("no token: %v", err)
	}
	p.Counter = ""
	if _, err := OrderHash(p); !errors.Is(err, errNoCounter) {
		t.Errorf("no counter: %v", err)
	}
}

func TestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		contract, hash := drawAddress(t), common.Hash(drawWord(t, "hash"))
		key := Key(contract.Hex(), hash)
		if want := hash.Hex() + "@" + contract.Hex(); key != want {
			t.Fatalf("key %s, want %s", key, want)
		}
		gotContract, gotHash, err := SplitKey(key)
		if err != nil || gotContract != contract || gotHash != hash {
			t.Fatalf("%s is split into %v and %v, %v", key, gotContract, gotHash, err)
		}
	})
	hash := common.Hash{}.Hex()
	for _, bad := range []string{"", "@", hash, hash + "@", hash + "@0x12", hash + "@" + strings.ToLower(wethToken.Hex()), hash[2:] + "@" + wethToken.Hex(), hash + "@" + wethToken.Hex() + "@"} {
		if _, _, err := SplitKey(bad); !errors.Is(err, errKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A contract order has its maker in place of a hash, and is filled once.
func TestFillOfAContractOrder(t *testing.T) {
	b := newBuilder(t)
	var hash [32]byte
	copy(hash[:], buyer[:])
	hash[31] = 5
	b.log("OrderFulfilled", []common.Address{buyer, {}}, hash, seller,
		[]spentItem{seaportabi.Spent(uint8(erc20), wethToken, new(big.Int), big.NewInt(100))},
		[]receivedItem{seaportabi.Received(uint8(erc721), collection, big.NewInt(7), big.NewInt(1), buyer)})
	if e := b.decode("buy")[0]; e.Kind != markets.OfferAccepted || e.Partial {
		t.Errorf("%s, partial %t", e.Kind, e.Partial)
	}
}
