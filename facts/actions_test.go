package facts

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport"
	"github.com/imart/event-worker/markets/seaport/signature"
	"github.com/imart/event-worker/persistence"
)

var testCurrencies = []markets.Currency{{Address: common.Address{}.Hex(), Symbol: "ETH", Decimals: 18}}

// madeOrder is an order of a test.
type madeOrder struct {
	signature.Order
	hash  common.Hash
	maker common.Address
	token uint64
	size  uint64 // units; 1 of an ERC-721
}

func (o *madeOrder) key() string { return seaport.Key(seaportAt.Hex(), o.hash) }

// newOrder is an ask of a maker's with the counter 0: for an ERC-721 or, of several units, an
// ERC-1155.
func newOrder(maker common.Address, token, units uint64) *madeOrder {
	item := markets.OfferedItem{Type: erc721Item, Token: nftAt.Hex(), StartAmount: "1", EndAmount: "1"}
	kind := 0
	if units > 1 {
		item.Type, item.Token = erc1155Item, unitsAt.Hex()
		item.StartAmount = markets.Amount(fmt.Sprint(units))
		item.EndAmount, kind = item.StartAmount, 1
	}
	item.Identifier = markets.Amount(fmt.Sprint(token))
	price := markets.OfferedItem{Token: common.Address{}.Hex(), Identifier: "0", StartAmount: "1200", EndAmount: "1200"}
	o := &madeOrder{maker: maker, token: token, size: units}
	o.Parameters = markets.Parameters{
		Offerer: maker.Hex(), Zone: common.Address{}.Hex(), Offer: []markets.OfferedItem{item},
		Consideration: []markets.ConsideredItem{{OfferedItem: price, Recipient: maker.Hex()}},
		OrderType:     kind, StartTime: "0", EndTime: "2000000000", ZoneHash: common.Hash{}.Hex(), Salt: "7",
		ConduitKey: common.Hash{}.Hex(), Counter: "0", Required: 1,
	}
	o.finish()
	return o
}

// finish computes the hash, after the parameters have changed.
func (o *madeOrder) finish() { o.hash = o.Hash() }

// salted is the order with another salt: another order.
func (o *madeOrder) salted(salt int) *madeOrder {
	o.Parameters.Salt = markets.Amount(fmt.Sprint(salt))
	o.finish()
	return o
}

// sign is Alice's signature.
func (o *madeOrder) sign() {
	digest := signature.Domain{Version: "1.6", ChainID: testChainID, Contract: seaportAt}.Digest(o.hash)
	signed, err := crypto.Sign(digest[:], aliceKey)
	if err != nil {
		panic(err)
	}
	signed[64] += 27
	o.Signature = signed
}

// listed is the event of the order's validation.
func (o *madeOrder) listed() markets.Event {
	e, err := seaport.Listing(seaportAt.Hex(), o.Parameters, o.hash, testCurrencies)
	if err != nil {
		panic(err)
	}
	e.Stream = "list"
	return e
}

func (o *madeOrder) event(stream string, kind markets.Kind) markets.Event {
	return markets.Event{Stream: stream, Kind: kind, Order: o.key(), Contract: seaportAt.Hex(), Side: markets.Ask, Maker: o.maker.Hex(), Fixed: true}
}

// orderLog adds a log that names the order.
func (b *fakeBlock) orderLog(o *madeOrder, signature string) {
	b.log(seaportAt, signature, o.maker)
	copy(b.logs[len(b.logs)-1].Data, o.hash[:])
}

const (
	fulfilledEvent = "OrderFulfilled(bytes32,address,address,address,(uint8,address,uint256,uint256)[],(uint8,address,uint256,uint256,address)[])"
	validatedEvent = "OrderValidated(bytes32,address,address)"
	cancelledEvent = "OrderCancelled(bytes32,address,address)"
)

// list validates an order on chain.
func list(o *madeOrder) func(*fakeBlock) {
	return func(b *fakeBlock) {
		s := b.orders[o.hash]
		s.validated = true
		b.orders[o.hash] = s
		b.orderLog(o, validatedEvent)
		b.events = append(b.events, o.listed())
	}
}

// canFill says whether a stranger could fill what remains of an order at a block.
func (b *fakeBlock) canFill(o *madeOrder) bool {
	s := b.orders[o.hash]
	owns := b.owners[o.token] == o.maker
	if o.size > 1 {
		owns = b.balances[o.maker] >= o.size-s.filled
	}
	return (s.validated || len(o.Signature) > 0) && !s.cancelled && (s.size == 0 || s.filled < s.size) &&
		b.counters[o.maker] == 0 && owns && b.allowed[o.maker]
}

// fill fills one unit of an order, if that can be done.
func fill(o *madeOrder, taker common.Address) func(*fakeBlock) {
	return func(b *fakeBlock) {
		if !b.canFill(o) || taker == o.maker {
			return
		}
		s := b.orders[o.hash]
		s.validated, s.size, s.filled = true, o.size, s.filled+1
		b.orders[o.hash] = s
		if o.size > 1 {
			b.balances[o.maker]--
			b.balances[taker]++
			b.log(unitsAt, "TransferSingle(address,address,address,uint256,uint256)", seaportAt, o.maker, taker)
		} else {
			transfer(o.token, taker)(b)
		}
		b.orderLog(o, fulfilledEvent)
		e := o.event("trade", markets.Bought)
		e.Taker, e.Quantity, e.Price, e.Partial = taker.Hex(), "1", "300", o.size > 1
		e.Token = o.listed().Token
		b.events = append(b.events, e)
	}
}

func cancel(o *madeOrder) func(*fakeBlock) {
	return func(b *fakeBlock) {
		s := b.orders[o.hash]
		s.cancelled, s.validated = true, false
		b.orders[o.hash] = s
		b.orderLog(o, cancelledEvent)
		b.events = append(b.events, o.event("trade", markets.Delisted))
	}
}

// cancelAll raises a maker's counter.
func cancelAll(maker common.Address) func(*fakeBlock) {
	return func(b *fakeBlock) {
		b.counters[maker]++
		b.log(seaportAt, "CounterIncremented(uint256,address)", maker)
		b.events = append(b.events, markets.Event{Stream: "trade", Kind: markets.OrdersCancelled, Maker: maker.Hex(), Contract: seaportAt.Hex()})
	}
}

// transfer gives an ERC-721 to somebody.
func transfer(id uint64, to common.Address) func(*fakeBlock) {
	return func(b *fakeBlock) {
		b.log(nftAt, "Transfer(address,address,uint256)", b.owners[id], to)
		b.owners[id] = to
	}
}

// allow allows Seaport to move what an account has, or forbids it.
func allow(account common.Address, is bool) func(*fakeBlock) {
	return func(b *fakeBlock) {
		b.allowed[account] = is
		for _, token := range []common.Address{nftAt, unitsAt} {
			b.log(token, "ApprovalForAll(address,address,bool)", account, seaportAt)
		}
		b.log(moneyAt, "Approval(address,address,uint256)", account, seaportAt)
	}
}

// silently does something without any log.
func silently(do func(*fakeBlock)) func(*fakeBlock) {
	return func(b *fakeBlock) {
		logs, events := b.logs, b.events
		do(b)
		b.logs, b.events = logs, events
	}
}

// document is the order as it is submitted.
func (o *madeOrder) document() persistence.SignedOrder {
	text, err := json.Marshal(o.Parameters)
	if err != nil {
		panic(err)
	}
	return persistence.SignedOrder{Parameters: text, Signature: "0x" + hex.EncodeToString(o.Signature), Contract: seaportAt.Hex()}
}
