package seaport

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// The people of these tests.
var (
	seller  = common.Address{0x5e}
	buyer   = common.Address{0xb0}
	other   = common.Address{0x0a}
	relayer = common.Address{0x1e}
	market  = common.Address{0xfe}
	nobody  = common.Address{}
)

var (
	collection = common.Address{0xc0}
	wethToken  = common.HexToAddress("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
)

func things(kind itemType, contract common.Address, id, amount uint64, to []common.Address) item {
	it := item{kind: kind, contract: contract, id: *uint256.NewInt(id), amount: *uint256.NewInt(amount)}
	if len(to) > 0 {
		it.recipient = to[0]
	}
	return it
}

func nft(id uint64, to ...common.Address) item      { return things(erc721, collection, id, 1, to) }
func eth(amount uint64, to ...common.Address) item  { return things(nativeCoin, nobody, 0, amount, to) }
func weth(amount uint64, to ...common.Address) item { return things(erc20, wethToken, 0, amount, to) }
func units(id, amount uint64, to ...common.Address) item {
	return things(erc1155, collection, id, amount, to)
}

// line is an event as the scenarios expect it: what happened to which order, the token,
// who gave it to whom, and the price.
func line(e markets.Event) string {
	who := map[string]string{"": "?"}
	for name, a := range map[string]common.Address{"seller": seller, "buyer": buyer, "other": other, "relayer": relayer} {
		who[a.Hex()] = name
	}
	token := e.Token.ID
	if len(e.Bundle) > 0 {
		token = ""
		for _, it := range e.Bundle {
			token += "+" + it.ID
		}
	}
	quantity := "x" + string(e.Quantity)
	if e.Partial {
		quantity += " at least"
	}
	return fmt.Sprintf("%s %s %s: #%s %s %s->%s, taker %s, %s%s", e.Order[2:4], e.Side, e.Kind, token, quantity,
		who[e.From], who[e.To], who[e.Taker], e.Price, e.Currency.Symbol)
}

func lines(events []markets.Event) (all []string) {
	for _, e := range events {
		all = append(all, line(e))
	}
	return all
}

func TestFills(t *testing.T) {
	type items = []item
	for name, c := range map[string]struct {
		build func(b *builder)
		want  []string
	}{
		"listing bought": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, items{eth(90, seller), eth(10, market)})
		}, []string{"01 ask bought: #7 x1 seller->buyer, taker buyer, 100ETH"}},
		"offer accepted": {func(b *builder) {
			b.filled(1, buyer, seller, items{weth(100)}, items{nft(7, buyer), weth(10, market)})
		}, []string{"01 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 100WETH"}},
		"offer for someone else": {func(b *builder) {
			b.filled(1, buyer, seller, items{weth(100)}, items{nft(7, other)})
		}, []string{"01 bid offer_accepted: #7 x1 at least seller->other, taker seller, 100WETH"}},
		"bundle": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7), units(8, 3), weth(0)}, items{eth(90, seller)})
		}, []string{"01 ask bought: #+7+8 x1 seller->buyer, taker buyer, 90ETH"}},
		"gift": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, nil)
		}, []string{"01 ask bought: #7 x1 seller->buyer, taker buyer, 0ETH"}},
		"several currencies": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, items{eth(90, seller), weth(10, market)})
		}, []string{"01 ask bought: #7 x1 seller->buyer, taker buyer, "}},
		"a currency of which nothing is paid": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, items{eth(0, market), weth(90, seller), eth(0, market)})
		}, []string{"01 ask bought: #7 x1 seller->buyer, taker buyer, 90WETH"}},
		"token for token": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, items{nft(8, seller), eth(5, seller)})
		}, []string{"01 ask bought: #7 x1 seller->buyer, taker buyer, "}},
		"currency for currency": {func(b *builder) {
			b.filled(1, seller, buyer, items{weth(7)}, items{eth(8, seller)})
		}, nil},
		"nothing for nothing": {func(b *builder) {
			b.filled(1, seller, buyer, nil, nil)
		}, nil},

		"match called for by the seller": {func(b *builder) {
			b.filled(1, buyer, seller, items{weth(100)}, items{nft(7, buyer), weth(10, market)})
			b.filled(2, seller, seller, items{nft(7)}, items{weth(90, seller)})
			b.match(1, 2)
		}, []string{
			"01 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 100WETH",
			"02 ask matched: #7 x1 seller->buyer, taker buyer, 90WETH",
		}},
		"match called for by the buyer": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, items{weth(90, seller), weth(10, market)})
			b.filled(2, buyer, buyer, items{weth(100)}, items{nft(7, buyer)})
			b.match(1, 2)
		}, []string{
			"01 ask bought: #7 x1 seller->buyer, taker buyer, 100WETH",
			"02 bid matched: #7 x1 at least seller->buyer, taker seller, 100WETH",
		}},
		"match called for by a third party: the fees of both": {func(b *builder) {
			b.filled(1, seller, relayer, items{nft(7)}, items{weth(90, seller), weth(3, market)})
			b.filled(2, buyer, relayer, items{weth(100)}, items{nft(7, buyer), weth(7, market)})
			b.match(1, 2)
		}, []string{
			"01 ask bought: #7 x1 seller->buyer, taker buyer, 100WETH",
			"02 bid matched: #7 x1 at least seller->buyer, taker seller, 100WETH",
		}},
		"match with oneself": {func(b *builder) {
			b.filled(1, seller, seller, items{nft(7)}, items{weth(90, seller)})
			b.filled(2, seller, seller, items{weth(90)}, items{nft(7, seller)})
			b.match(1, 2)
		}, []string{
			"01 ask matched: #7 x1 seller->seller, taker seller, 90WETH",
			"02 bid offer_accepted: #7 x1 at least seller->seller, taker seller, 90WETH",
		}},
		"private sale with its mirror": {func(b *builder) {
			b.filled(1, seller, buyer, items{nft(7)}, items{eth(90, seller), eth(10, market), nft(7, buyer)})
			b.filled(2, buyer, buyer, items{eth(100)}, nil)
			b.match(1, 2)
		}, []string{
			"01 ask bought: #7 x1 seller->buyer, taker buyer, 100ETH",
			"02 bid matched: #7 x1 at least seller->buyer, taker seller, 100ETH",
		}},
		"private sale paid by another": {func(b *builder) {
			b.filled(1, seller, other, items{nft(7)}, items{eth(100, seller), nft(7, buyer)})
			b.filled(2, other, other, items{eth(100)}, nil)
			b.match(1, 2)
		}, []string{
			"01 ask bought: #7 x1 seller->buyer, taker buyer, 100ETH",
			"02 bid matched: #7 x1 at least seller->buyer, taker seller, 100ETH",
		}},
		"two private sales in one match": {func(b *builder) {
			b.filled(1, seller, buyer, items{units(7, 1)}, items{eth(10, seller), units(7, 1, buyer)})
			b.filled(2, buyer, buyer, items{eth(10)}, nil)
			b.filled(3, other, buyer, items{units(7, 2)}, items{eth(20, other), units(7, 2, buyer)})
			b.filled(4, buyer, buyer, items{eth(20)}, nil)
			b.match(1, 2, 3, 4)
		}, []string{
			"01 ask bought: #7 x1 at least seller->buyer, taker buyer, 10ETH",
			"02 bid matched: #7 x1 at least seller->buyer, taker seller, 10ETH",
			"03 ask bought: #7 x2 at least other->buyer, taker buyer, 20ETH",
			"04 bid matched: #7 x1 at least seller->buyer, taker seller, 20ETH",
		}},
		"two tokens bought, one of them from oneself": {func(b *builder) {
			b.filled(1, buyer, seller, items{weth(10)}, items{nft(7, buyer)})
			b.filled(2, seller, seller, items{nft(7)}, items{weth(10, seller)})
			b.filled(3, other, seller, items{nft(8)}, items{weth(20, other)})
			b.filled(4, seller, seller, items{weth(20)}, items{nft(8, seller)})
			b.match(1, 2, 3, 4)
		}, []string{
			"01 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 10WETH",
			"02 ask matched: #7 x1 seller->buyer, taker buyer, 10WETH",
			"03 ask bought: #8 x1 other->seller, taker seller, 20WETH",
			"04 bid matched: #8 x1 at least other->seller, taker other, 20WETH",
		}},
		"an offer for tokens of two sellers": {func(b *builder) {
			b.filled(1, buyer, seller, items{weth(30)}, items{nft(7, buyer), nft(8, buyer)})
			b.filled(2, seller, seller, items{nft(7)}, items{weth(10, seller)})
			b.filled(3, other, seller, items{nft(8)}, items{weth(20, other)})
			b.match(1, 2, 3)
		}, []string{
			"01 bid matched: #+7+8 x1 at least seller->buyer, taker seller, 30WETH",
			"02 ask bought: #7 x1 seller->buyer, taker buyer, 10WETH",
			"03 ask bought: #8 x1 other->buyer, taker buyer, 20WETH",
		}},
		"one bundle for two offers": {func(b *builder) {
			b.filled(1, seller, seller, items{nft(7), nft(8)}, items{weth(30, seller)})
			b.filled(2, buyer, seller, items{weth(10)}, items{nft(7, buyer)})
			b.filled(3, other, seller, items{weth(20)}, items{nft(8, other)})
			b.match(1, 2, 3)
		}, []string{
			"01 ask matched: #+7+8 x1 seller->buyer, taker buyer, 30WETH",
			"02 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 10WETH",
			"03 bid offer_accepted: #8 x1 at least seller->other, taker seller, 20WETH",
		}},
		"tokens exchanged are one sale": {func(b *builder) {
			b.filled(1, seller, seller, items{nft(7)}, items{nft(8, seller)})
			b.filled(2, buyer, seller, items{nft(8)}, items{nft(7, buyer)})
			b.match(1, 2)
		}, []string{
			"01 ask matched: #7 x1 seller->buyer, taker buyer, ",
			"02 ask bought: #8 x1 buyer->seller, taker seller, ",
		}},
		"the token that no order asks for goes to the caller": {func(b *builder) {
			b.filled(1, seller, other, items{nft(7)}, items{weth(10, seller)})
			b.filled(2, buyer, other, items{weth(10)}, nil)
			b.match(1, 2)
		}, []string{
			"01 ask bought: #7 x1 seller->other, taker other, 10WETH",
			"02 bid matched: #7 x1 at least seller->other, taker seller, 10WETH",
		}},
		"currencies matched": {func(b *builder) {
			b.filled(1, seller, seller, items{eth(7)}, items{weth(8, seller)})
			b.filled(2, buyer, seller, items{weth(8)}, items{eth(7, buyer)})
			b.match(1, 2)
		}, nil},
		"only some of the fills are of the match": {func(b *builder) {
			b.filled(1, seller, other, items{units(7, 1)}, items{eth(10, seller)})
			b.filled(1, seller, buyer, items{units(7, 2)}, items{eth(20, seller)})
			b.filled(2, buyer, buyer, items{eth(20)}, items{units(7, 2, buyer)})
			b.match(1, 2, 9)
			b.filled(3, other, buyer, items{nft(8)}, items{eth(30, other)})
		}, []string{
			"01 ask bought: #7 x1 at least seller->other, taker other, 10ETH",
			"01 ask bought: #7 x2 at least seller->buyer, taker buyer, 20ETH",
			"02 bid matched: #7 x2 at least seller->buyer, taker seller, 20ETH",
			"03 ask bought: #8 x1 other->buyer, taker buyer, 30ETH",
		}},
		"an order filled twice in one match": {func(b *builder) {
			b.filled(1, seller, relayer, items{units(7, 1)}, items{eth(10, seller), units(7, 1, buyer)})
			b.filled(1, seller, relayer, items{units(7, 2)}, items{eth(20, seller), units(7, 2, other)})
			b.filled(2, relayer, relayer, items{eth(30)}, nil)
			b.match(1, 1, 2)
		}, []string{
			"01 ask bought: #7 x1 at least seller->buyer, taker buyer, 10ETH",
			"01 ask bought: #7 x2 at least seller->other, taker other, 20ETH",
			"02 bid matched: #7 x2 at least seller->other, taker seller, 30ETH",
		}},
		"the match of another contract": {func(b *builder) {
			b.filled(1, buyer, seller, items{weth(100)}, items{nft(7, buyer)})
			b.filled(2, seller, seller, items{nft(8)}, items{weth(90, seller)})
			b.contract = contracts[5]
			b.match(1, 2)
		}, []string{
			"01 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 100WETH",
			"02 ask bought: #8 x1 seller->seller, taker seller, 90WETH",
		}},

		"match of 1.1": {func(b *builder) {
			b.contract = contracts[0]
			b.filled(1, buyer, nobody, items{weth(100)}, items{nft(7, buyer), weth(10, market)})
			b.filled(2, seller, nobody, items{nft(7)}, items{weth(90, seller)})
		}, []string{
			"01 bid matched: #7 x1 at least seller->buyer, taker seller, 100WETH",
			"02 ask bought: #7 x1 seller->buyer, taker buyer, 100WETH",
		}},
		"fills of 1.1 one after another": {func(b *builder) {
			b.contract = contracts[0]
			b.filled(1, buyer, seller, items{weth(100)}, items{units(7, 1, buyer)})
			b.filled(2, other, seller, items{units(7, 1)}, items{eth(90, other)})
		}, []string{
			"01 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 100WETH",
			"02 ask bought: #7 x1 at least other->seller, taker seller, 90ETH",
		}},
		"no recipient after 1.1": {func(b *builder) {
			b.filled(1, buyer, nobody, items{weth(100)}, items{nft(7, buyer)})
			b.filled(2, seller, nobody, items{nft(7)}, items{weth(90, seller)})
		}, []string{
			"01 bid offer_accepted: #7 x1 at least ?->buyer, taker ?, 100WETH",
			"02 ask bought: #7 x1 seller->?, taker ?, 90WETH",
		}},
		"alone in a match of 1.1": {func(b *builder) {
			b.contract = contracts[0]
			b.filled(1, buyer, nobody, items{weth(100)}, items{nft(7, buyer)})
			b.skipped++
			b.filled(2, seller, nobody, items{nft(8)}, items{weth(90, seller)})
		}, []string{
			"01 bid offer_accepted: #7 x1 at least ?->buyer, taker ?, 100WETH",
			"02 ask bought: #8 x1 seller->?, taker ?, 90WETH",
		}},
		"two matches of 1.1, and a fill": {func(b *builder) {
			b.contract = contracts[0]
			b.filled(1, seller, nobody, items{nft(7)}, items{eth(10, seller), nft(7, buyer)})
			b.filled(2, buyer, nobody, items{eth(10)}, nil)
			b.skipped += 3 // the transfers
			b.filled(3, other, nobody, items{nft(8)}, items{eth(20, other), nft(8, buyer)})
			b.filled(4, buyer, nobody, items{eth(20)}, nil)
			b.filled(5, seller, buyer, items{nft(9)}, items{eth(30, seller)})
		}, []string{
			"01 ask bought: #7 x1 seller->buyer, taker buyer, 10ETH",
			"02 bid matched: #7 x1 at least seller->buyer, taker seller, 10ETH",
			"03 ask bought: #8 x1 other->buyer, taker buyer, 20ETH",
			"04 bid matched: #8 x1 at least other->buyer, taker other, 20ETH",
			"05 ask bought: #9 x1 seller->buyer, taker buyer, 30ETH",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t)
			c.build(b)
			if got := lines(b.decode("buy")); !slices.Equal(got, c.want) {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}

// A fill that cannot be read does not keep the others of its match from being decoded.
func TestHalfOfAMatch(t *testing.T) {
	b := newBuilder(t)
	b.filled(1, buyer, seller, []item{weth(100)}, []item{nft(7, buyer)})
	b.filled(2, seller, seller, []item{nft(7)}, []item{weth(90, seller)})
	b.match(1, 2)
	b.raws[1].Data = b.raws[1].Data[:40]
	events, failures := streamOf(t, "buy").DecodeAll(b.raws)
	want := []string{"01 bid offer_accepted: #7 x1 at least seller->buyer, taker seller, 100WETH"}
	if got := lines(events); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if len(failures) != 1 || failures[0].Raw.Position.Log != 1 {
		t.Errorf("failures = %v, want log 1 alone", failures)
	}
}

// However orders of single tokens are matched, each token that changes hands is one
// sale, and every order of the match is filled.
func TestEveryTokenIsSoldOnce(t *testing.T) {
	people := []common.Address{seller, buyer, other, relayer}
	rapid.Check(t, func(rt *rapid.T) {
		b := newBuilder(t)
		person := rapid.SampledFrom(people)
		caller := person.Draw(rt, "caller")
		if rapid.Bool().Draw(rt, "1.1") {
			b.contract, caller = contracts[0], nobody
		}
		type sold struct{ token, from, to string }
		var want []sold
		var orders []func(byte)
		for id := range rapid.Uint64Range(1, 4).Draw(rt, "tokens") {
			from, to := person.Draw(rt, "from"), person.Draw(rt, "to")
			if rapid.Bool().Draw(rt, "private") {
				orders = append(orders, func(n byte) {
					b.filled(n, from, caller, []item{nft(id)}, []item{eth(10, from), nft(id, to)})
				}, func(n byte) { b.filled(n, to, caller, []item{eth(10)}, nil) })
			} else {
				orders = append(orders, func(n byte) { b.filled(n, from, caller, []item{nft(id)}, []item{weth(10, from)}) },
					func(n byte) { b.filled(n, to, caller, []item{weth(11)}, []item{nft(id, to), weth(1, market)}) })
			}
			want = append(want, sold{fmt.Sprint(id), from.Hex(), to.Hex()})
		}
		var numbers []byte
		for i, add := range rapid.Permutation(orders).Draw(rt, "orders") {
			add(byte(i + 1))
			numbers = append(numbers, byte(i+1))
		}
		if b.contract != contracts[0] {
			b.match(numbers...)
		}
		events := b.decode("buy")
		if len(events) != len(orders) {
			rt.Fatalf("%d events for %d orders", len(events), len(orders))
		}
		var got []sold
		for _, e := range events {
			if e.Kind.Sale() {
				got = append(got, sold{e.Token.ID, e.From, e.To})
			}
		}
		slices.SortFunc(got, func(x, y sold) int { return len(x.token) - len(y.token) + int(x.token[0]) - int(y.token[0]) })
		if !slices.Equal(got, want) {
			rt.Fatalf("sold %v, want %v, of\n%q", got, want, lines(events))
		}
	})
}
