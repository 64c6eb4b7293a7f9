package seaport

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// itemType is Seaport's enumeration of what an item can be.
type itemType uint8

const (
	nativeCoin itemType = iota
	erc20
	erc721
	erc1155
	erc721Criteria // any token of the collection, or any of a set
	erc1155Criteria
	itemTypes // the number of types
)

// item is one thing that an order offers or asks for.
type item struct {
	kind      itemType
	contract  common.Address
	id        uint256.Int // of a token; the set's root of a criteria item
	amount    uint256.Int
	end       uint256.Int    // the amount when the order ends; amount, in a fill
	recipient common.Address // in a consideration
}

var errItemType = errors.New("unknown item type")

// items reads an array of items: their type, contract, identifier and amount, the amount at
// the order's end in listings (moving), and the recipient in considerations (received).
func (w *abiData) items(i int, moving, received bool) []item {
	size, end := 4, 3
	if moving {
		size, end = 5, 4
	}
	if received {
		size++
	}
	raw := w.array(i, size)
	all := make([]item, 0, len(raw)/wordSize/size)
	for ; len(raw) > 0; raw = raw[size*wordSize:] {
		element := abiData{data: raw[:size*wordSize]}
		kind, ok := small(element.word(0), int(itemTypes)-1)
		if !ok {
			w.fail(errItemType)
			return nil
		}
		it := item{kind: itemType(kind), contract: element.address(1), id: element.number(2), amount: element.number(3), end: element.number(end)}
		if received {
			it.recipient = element.address(size - 1)
		}
		all = append(all, it)
	}
	return all
}

// isToken says whether the item is an NFT, rather than currency.
func (it *item) isToken() bool { return it.kind >= erc721 }

// currency is the contract of an item that is currency; the zero address is the chain's own
// coin.
func (it *item) currency() common.Address {
	if it.kind == nativeCoin {
		return common.Address{}
	}
	return it.contract
}

// divisible says whether the item can change hands in parts.
func (it *item) divisible() bool { return it.kind == erc1155 || it.kind == erc1155Criteria }

// token is the item's token; for a criteria item, any of the collection.
func (d *decoder) token(it *item) markets.Token {
	t := markets.Token{Collection: d.names.of(it.contract), Standard: markets.ERC721}
	if it.divisible() {
		t.Standard = markets.ERC1155
	}
	if it.kind == erc721 || it.kind == erc1155 {
		t.ID = it.id.Dec()
	}
	return t
}

// asset identifies a token among the items of several orders.
type asset struct {
	contract common.Address
	id       uint256.Int
}

func (it *item) asset() asset { return asset{it.contract, it.id} }

// criteria is the root of the set of tokens of a criteria item; zero for the whole collection,
// and for other items.
func (it *item) criteria() common.Hash {
	if it.kind == erc721Criteria || it.kind == erc1155Criteria {
		return it.id.Bytes32()
	}
	return common.Hash{}
}

// order is what logs say of an order.
type order struct {
	hash          common.Hash
	offerer       common.Address
	offer         []item
	consideration []item
}

// side is the side of the order that has its token; empty if neither has one.
func (o *order) side() markets.Side {
	switch {
	case firstToken(o.offer) != nil:
		return markets.Ask
	case firstToken(o.consideration) != nil:
		return markets.Bid
	}
	return ""
}

// trades are the items on the side of the order that has its token.
func (o *order) trades() []item {
	if o.side() == markets.Ask {
		return o.offer
	}
	return o.consideration
}

// offers are the tokens that the order offers.
func (o *order) offers() (offered []asset) {
	for _, it := range tokens(o.offer) {
		offered = append(offered, it.asset())
	}
	return offered
}

// wants are the tokens that the order asks for and does not offer itself: a private sale
// names its buyer by asking for its own token on the buyer's behalf.
func (o *order) wants() (wanted []asset) {
	if firstToken(o.consideration) == nil {
		return nil
	}
	own := map[asset]bool{}
	addAll(own, o.offers())
	for _, it := range tokens(o.consideration) {
		if !own[it.asset()] {
			wanted = append(wanted, it.asset())
		}
	}
	return wanted
}

// tokens are those of the items that are tokens.
func tokens(items []item) (all []*item) {
	for i := range items {
		if items[i].isToken() {
			all = append(all, &items[i])
		}
	}
	return all
}

// firstToken is the first item that is a token; nil if there is none.
func firstToken(items []item) *item {
	for i := range items {
		if items[i].isToken() {
			return &items[i]
		}
	}
	return nil
}
