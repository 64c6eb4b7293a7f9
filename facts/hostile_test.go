package facts

import (
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// The functions of the fake contracts that lie.
var (
	everything       = uint32(0)
	getOrderStatus   = uint32(0x46423aa7)
	getCounter       = uint32(0xf07ec373)
	information      = uint32(0xf47b7740)
	ownerOf          = uint32(0x6352211e)
	getApproved      = uint32(0x081812fc)
	isApprovedForAll = uint32(0xe985e9c5)
	getConduit       = uint32(0x6e9bfd9f)
)

var (
	huge   = chains.CallResult{Data: slices.Repeat([]byte{0xff}, 1024)}
	symbol = chains.CallResult{Data: append(words(32, 4).Data, common.RightPadBytes([]byte("\x1b[2J"), 32)...)}
)

// What a contract answers, and what is known of the order then. The stream goes on whatever it
// is, and other orders are not affected.
func TestAnswersOfHostileContracts(t *testing.T) {
	short, none := chains.CallResult{Data: make([]byte, 31)}, chains.CallResult{}
	reverted, long, unanswered := chains.CallResult{Err: chains.ErrReverted}, chains.CallResult{Err: chains.ErrTooLong}, chains.CallResult{Err: chains.ErrUnanswerable}
	for name, c := range map[string]struct {
		contract common.Address
		function uint32
		answer   chains.CallResult
		allowed  bool
		want     string
	}{
		"not a token":                  {nftAt, everything, none, true, "unknown"},
		"short data":                   {nftAt, everything, short, true, "unknown"},
		"huge numbers":                 {nftAt, everything, huge, true, "unknown"},
		"a text":                       {nftAt, everything, symbol, true, "no owner"},
		"too long":                     {nftAt, everything, long, true, "unknown"},
		"no answer":                    {nftAt, everything, unanswered, true, "unknown"},
		"burnt":                        {nftAt, ownerOf, reverted, true, "no owner"},
		"reverts":                      {nftAt, everything, reverted, true, "no owner"},
		"zero":                         {nftAt, ownerOf, words(0), true, "no owner"},
		"approval not answered":        {nftAt, isApprovedForAll, short, true, "unknown"},
		"approval is a number":         {nftAt, isApprovedForAll, words(2), true, "unknown"},
		"own approval not answered":    {nftAt, getApproved, unanswered, true, "yes"},
		"neither approval":             {nftAt, getApproved, unanswered, false, "unknown"},
		"own approval":                 {nftAt, getApproved, chains.CallResult{Data: common.LeftPadBytes(seaportAt[:], 32)}, false, "yes"},
		"Seaport without status":       {seaportAt, getOrderStatus, words(1, 0), true, "unknown"},
		"Seaport with a status of 5/3": {seaportAt, getOrderStatus, words(1, 0, 5, 3), true, "unknown"},
		"Seaport without counter":      {seaportAt, getCounter, reverted, true, "unknown"},
		"Seaport says nothing":         {seaportAt, everything, none, true, "unknown"},
		"Seaport without information":  {seaportAt, information, short, true, "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := test(t)
			o, other := newOrder(alice, 0, 1), newOrder(bob, 1, 3)
			f.next(list(o), list(other), allow(alice, c.allowed), func(b *fakeBlock) { b.answers[function{c.contract, c.function}] = c.answer })
			f.expect(o, "LISTING "+c.want)
			if c.contract == nftAt {
				f.expect(other, "LISTING yes")
			}
			f.next(func(b *fakeBlock) { clear(b.answers) }, allow(alice, true))
			f.expect(o, "LISTING yes") // what was answered once is not kept
		})
	}
}

// The operator is the conduit, once that is known.
func TestConduits(t *testing.T) {
	f, _ := test(t)
	o := newOrder(alice, 0, 1)
	o.Parameters.ConduitKey = common.Hash{1}.Hex()
	o.finish()
	conduit := chains.CallResult{Data: common.LeftPadBytes([]byte{0x0c, 0x0d, 0x01}, 32)}
	f.next(list(o), allow(alice, false), func(b *fakeBlock) {
		b.answers[function{controllerAt, getConduit}] = chains.CallResult{Err: chains.ErrReverted}
	})
	f.expect(o, "LISTING unknown")
	f.next(allow(alice, false), func(b *fakeBlock) {
		clear(b.answers)
		b.answers[function{nftAt, getApproved}] = conduit
	})
	f.expect(o, "LISTING yes")
	f.next(allow(alice, false), func(b *fakeBlock) { clear(b.answers) })
	f.expect(o, "LISTING no approval")
}

func amount(n any) markets.Amount {
	switch n := n.(type) {
	case int:
		return markets.AmountOf(uint256.NewInt(uint64(n)))
	case *uint256.Int:
		return markets.AmountOf(n)
	}
	panic(n)
}

// item offers an amount of token 7 that goes from start to end.
func item(kind int, start, end any) markets.OfferedItem {
	return markets.OfferedItem{Type: kind, Token: moneyAt.Hex(), Identifier: "7", StartAmount: amount(start), EndAmount: amount(end)}
}

// What a maker must have, at 1/4 of the order's time.
func TestNeeds(t *testing.T) {
	all := share{*uint256.NewInt(1), *uint256.NewInt(1)}
	half := share{*uint256.NewInt(2), *uint256.NewInt(4)}
	most := new(uint256.Int).SetAllOne()
	for name, c := range map[string]struct {
		items []markets.OfferedItem
		share share
		want  string
	}{
		"fixed":                 {[]markets.OfferedItem{item(1, 10, 10)}, all, "10"},
		"rising, rounded down":  {[]markets.OfferedItem{item(1, 10, 19)}, all, "12"}, // 12.25
		"falling, rounded down": {[]markets.OfferedItem{item(1, 19, 10)}, all, "16"}, // 16.75
		"several items":         {[]markets.OfferedItem{item(1, 10, 10), item(1, 19, 10)}, all, "26"},
		"half":                  {[]markets.OfferedItem{item(1, 10, 10)}, half, "5"},
		"half of a moving one":  {[]markets.OfferedItem{item(1, 20, 38)}, half, "12"}, // from 10 to 19
		"beyond 256 bits":       {[]markets.OfferedItem{item(1, most, most), item(1, 2, 2)}, all, most.Dec()},
		"half of the most":      {[]markets.OfferedItem{item(1, most, most)}, half, new(uint256.Int).Rsh(most, 1).Dec()},
	} {
		h := holding{kind: erc20Item, items: c.items}
		p := &markets.Parameters{StartTime: "1000", EndTime: "2000"}
		if got := h.needs(p, c.share, 1250); got.Dec() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// An amount is on the line that Seaport computes: (start × rest + end × elapsed) / whole.
func TestAmountsMoveAsSeaportComputes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(label string, most uint64) uint64 { return rapid.Uint64Range(0, most).Draw(t, label) }
		start, end := number("start", 1<<62), number("end", 1<<62)
		from := number("from", 1<<40)
		to := from + number("duration", 1<<30)
		at := number("at", to+1000)
		want := new(big.Int)
		switch big := func(n uint64) *big.Int { return new(big.Int).SetUint64(n) }; {
		case at <= from || from == to:
			want = big(start)
		case at >= to:
			want = big(end)
		default:
			want.Add(want.Mul(big(start), big(to-at)), big(0).Mul(big(end), big(at-from)))
			want.Div(want, big(to-from))
		}
		p := &markets.Parameters{StartTime: amount(uint256.NewInt(from)), EndTime: amount(uint256.NewInt(to))}
		got := amountAt(*uint256.NewInt(start), *uint256.NewInt(end), p, at)
		if got.ToBig().Cmp(want) != 0 {
			t.Fatalf("%s, want %s", &got, want)
		}
	})
}

// bid is Alice's bid, of money for what she wants.
func bid(offer []markets.OfferedItem, wanted markets.OfferedItem) *madeOrder {
	o := newOrder(alice, 0, 1)
	o.Parameters.Offer, o.Parameters.OrderType = offer, 1
	o.Parameters.Consideration = []markets.ConsideredItem{{OfferedItem: wanted, Recipient: alice.Hex()}}
	o.finish()
	return o
}

func TestBids(t *testing.T) {
	any3 := markets.OfferedItem{Type: erc721Criteria, Token: nftAt.Hex(), Identifier: "0", StartAmount: "3", EndAmount: "3"}
	one := markets.OfferedItem{Type: erc721Item, Token: nftAt.Hex(), Identifier: "1", StartAmount: "1", EndAmount: "1"}
	for name, c := range map[string]struct {
		offer  []markets.OfferedItem
		wanted markets.OfferedItem
		has    uint64
		want   string
	}{
		"enough":                    {[]markets.OfferedItem{item(1, 90, 90)}, one, 90, "yes"},
		"not enough":                {[]markets.OfferedItem{item(1, 90, 90)}, one, 89, "no balance"},
		"two items of one currency": {[]markets.OfferedItem{item(1, 50, 50), item(1, 40, 40)}, one, 89, "no balance"},
		"for one of three":          {[]markets.OfferedItem{item(1, 90, 90)}, any3, 30, "yes"},
		"not for one of three":      {[]markets.OfferedItem{item(1, 90, 90)}, any3, 29, "no balance"},
		"of the chain's own coin":   {[]markets.OfferedItem{{Type: coinItem, Token: common.Address{}.Hex(), Identifier: "0", StartAmount: "1", EndAmount: "1"}}, one, 90, "no balance"},
		"of a token to be chosen":   {[]markets.OfferedItem{{Type: erc721Criteria, Token: nftAt.Hex(), Identifier: "0", StartAmount: "1", EndAmount: "1"}}, one, 90, "unknown"},
		"more than there can be":    {[]markets.OfferedItem{item(1, new(uint256.Int).SetAllOne(), new(uint256.Int).SetAllOne()), item(1, 1, 1)}, one, 90, "no balance"},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := test(t)
			o := bid(c.offer, c.wanted)
			f.next(list(o), func(b *fakeBlock) { b.balances[alice] = c.has })
			f.expect(o, "LISTING "+c.want)
		})
	}
}

// A token that is offered twice is there once.
func TestAnERC721OfferedTwice(t *testing.T) {
	f, _ := test(t)
	o := newOrder(alice, 0, 1)
	o.Parameters.Offer = append(o.Parameters.Offer, o.Parameters.Offer[0])
	o.finish()
	f.next(list(o))
	f.expect(o, "LISTING no owner")
}

// What is left of a partly filled order is what its maker must have.
func TestWhatIsLeftOfAnOrder(t *testing.T) {
	f, _ := test(t)
	o := newOrder(alice, 0, 4)
	f.next(list(o), fill(o, bob))
	f.next(silently(func(b *fakeBlock) { b.balances[alice] = 3 }), allow(alice, true))
	f.expect(o, "LISTING yes")
	f.next(silently(func(b *fakeBlock) { b.balances[alice] = 2 }), allow(alice, true))
	f.expect(o, "LISTING no owner")
}

// A signature cannot be checked without the counter that was signed: that is unknown, and no
// failure.
func TestASignatureWithoutItsCounter(t *testing.T) {
	c := newContracts(nil, testChainID)
	c.seaports[seaportAt] = &deployment{}
	q := &inquiry{order: &markets.Order{Contract: seaportAt.Hex(), Terms: markets.Terms{Signature: "0x00", Parameters: &markets.Parameters{}}}}
	c.askSignature(&questionnaire{}, q)
	if q.signed != nil {
		t.Errorf("the signature is said to be good: %v", *q.signed)
	}
}
