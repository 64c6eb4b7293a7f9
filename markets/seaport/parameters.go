package seaport

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// orderType is Seaport's enumeration of who may fill an order, and how.
type orderType uint8

const (
	fullOpen orderType = iota
	partialOpen
	fullRestricted    // the zone must agree
	partialRestricted // the same
	contractOrder     // its offerer, a contract, makes its terms when it is filled
	orderTypes        // the number of types
)

// restricted says whether the order's zone must agree to a fill.
func (t orderType) restricted() bool { return t == fullRestricted || t == partialRestricted }

var errOrderType = errors.New("unknown order type")

// parameters are a whole order (OrderParameters in Seaport's ConsiderationStructs.sol), with
// the counter that its signature covers, too.
type parameters struct {
	order
	zone       common.Address
	kind       orderType
	start, end uint256.Int // seconds since 1970
	zoneHash   common.Hash
	salt       uint256.Int
	conduit    common.Hash // the key
	required   int         // how many of the consideration's items the signature covers
	counter    *uint256.Int
}

// validated reads the newer form of OrderValidated. It does not have the order's counter,
// but its hash, which proves the counter 0: that of all makers who have cancelled nothing in
// bulk. Later counters are random since version 1.2.
func validated(raw *markets.Raw) (p parameters, err error) {
	data := abiData{data: raw.Data}
	hash, words := data.hash(0), data.tail(1)
	p = parameters{
		order: order{
			hash:          hash,
			offerer:       words.address(0),
			offer:         words.items(2, true, false),
			consideration: words.items(3, true, true),
		},
		zone:     words.address(1),
		start:    words.number(5),
		end:      words.number(6),
		zoneHash: words.hash(7),
		salt:     words.number(8),
		conduit:  words.hash(9),
	}
	kind, ok := small(words.word(4), int(orderTypes)-1)
	if !ok {
		words.fail(errOrderType)
	}
	p.kind = orderType(kind)
	if p.required, ok = small(words.word(10), maxItems); !ok {
		words.fail(errRequired)
	}
	if words.err != nil {
		return parameters{}, words.err
	}
	if p.counter = new(uint256.Int); p.structHash() != hash {
		p.counter = nil
	}
	return p, nil
}

// public are the parameters in the form of seaport-js.
func (d *decoder) public(p *parameters) *markets.Parameters {
	out := &markets.Parameters{
		Offerer:       d.names.of(p.offerer),
		Zone:          d.names.of(p.zone),
		Offer:         make([]markets.OfferedItem, len(p.offer)),
		Consideration: make([]markets.ConsideredItem, len(p.consideration)),
		OrderType:     int(p.kind),
		StartTime:     markets.AmountOf(&p.start),
		EndTime:       markets.AmountOf(&p.end),
		ZoneHash:      p.zoneHash.Hex(),
		Salt:          markets.AmountOf(&p.salt),
		ConduitKey:    p.conduit.Hex(),
		Required:      p.required,
	}
	if p.counter != nil {
		out.Counter = markets.AmountOf(p.counter)
	}
	for i := range p.offer {
		out.Offer[i] = d.publicItem(&p.offer[i])
	}
	for i := range p.consideration {
		it := &p.consideration[i]
		out.Consideration[i] = markets.ConsideredItem{OfferedItem: d.publicItem(it), Recipient: d.names.of(it.recipient)}
	}
	return out
}

func (d *decoder) publicItem(it *item) markets.OfferedItem {
	return markets.OfferedItem{
		Type:        int(it.kind),
		Token:       d.names.of(it.contract),
		Identifier:  markets.AmountOf(&it.id),
		StartAmount: markets.AmountOf(&it.amount),
		EndAmount:   markets.AmountOf(&it.end),
	}
}
