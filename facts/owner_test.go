package facts

import (
	"context"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// told are the receivers of notifications of offers, as of the store.
func (f *follower) told() (receivers []string) {
	f.Helper()
	all, err := persistence.Collect[markets.Notification](context.Background(), f.store, persistence.Query{Collection: persistence.Notifications})
	f.must(err)
	for _, n := range all {
		if n.Message != markets.OfferReceived || n.From != alice.Hex() || n.Price != "90" || n.Token.ID == "" || n.Order == "" {
			f.Errorf("notification %+v", n)
		}
		receivers = append(receivers, n.Receiver)
	}
	return receivers
}

// The owner of a token is told of a bid for it: once, by who had it in the block in which the
// contracts were first asked about the bid, and not if they made it.
func TestTheOwnerIsToldOfABid(t *testing.T) {
	money := []markets.OfferedItem{item(1, 90, 90)}
	one := markets.OfferedItem{Type: erc721Item, Token: nftAt.Hex(), Identifier: "0", StartAmount: "1", EndAmount: "1"}
	anyOf := markets.OfferedItem{Type: erc721Criteria, Token: nftAt.Hex(), Identifier: "0", StartAmount: "1", EndAmount: "1"}
	f, fake := test(t)
	f.next(transfer(0, bob))
	f.next(list(bid(money, one)), list(bid(money, anyOf)))
	if told := f.told(); len(told) != 1 || told[0] != bob.Hex() {
		t.Fatalf("told %v, want %s", told, bob)
	}
	f.next(allow(alice, false)) // asked again, with another answer
	f.restart()
	f.next(transfer(0, makerOf(3)))
	if told := f.told(); len(told) != 1 {
		t.Fatalf("told %v later", told)
	}
	fake.reorganise(3)
	f.next(transfer(0, makerOf(3)))
	if told := f.told(); len(told) != 0 {
		t.Fatalf("told %v of a bid that was abandoned", told)
	}
	f.next(list(bid(money, one)))
	if told := f.told(); len(told) != 1 || told[0] != makerOf(3).Hex() {
		t.Fatalf("told %v, want %s", told, makerOf(3))
	}
}

func TestNobodyIsToldOfTheirOwnBid(t *testing.T) {
	f, _ := test(t)
	mine := markets.OfferedItem{Type: erc721Item, Token: nftAt.Hex(), Identifier: "0", StartAmount: "1", EndAmount: "1"}
	burnt, stranger := mine, mine
	burnt.Identifier, stranger.Token = "99", common.HexToAddress("0xbad").Hex()
	for i, wanted := range []markets.OfferedItem{mine, burnt, stranger} {
		f.next(transfer(0, alice), list(bid([]markets.OfferedItem{item(1, 90, 90)}, wanted).salted(i)))
	}
	if told := f.told(); len(told) != 0 {
		t.Fatalf("told %v", told)
	}
}
