package seaport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// MaxItems bounds the items of an order that is not read from a log, on either side: no
// block has enough gas for the transfers of more.
const MaxItems = 500

var (
	errRequired  = errors.New("is not the number of items of the consideration")
	errItems     = fmt.Errorf("has more than %d items", MaxItems)
	errAddress   = errors.New("is not an address")
	errHash      = errors.New("is not 32 bytes in hex")
	errNumber    = errors.New("is not an integer from 0 to 2^256-1")
	errNoCounter = errors.New("is missing")
)

// parser reads the values of fields. After the first invalid one err is set, which names the
// field.
type parser struct{ err error }

func (p *parser) fail(field string, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", field, err)
	}
}

// parse reads parameters in the form of seaport-js. They are not trusted.
func parse(in markets.Parameters) (parameters, error) {
	var p parser
	out := parameters{
		order: order{
			offerer:       p.address("offerer", in.Offerer),
			offer:         make([]item, 0, min(len(in.Offer), MaxItems)),
			consideration: make([]item, 0, min(len(in.Consideration), MaxItems)),
		},
		zone:     p.address("zone", in.Zone),
		kind:     orderType(p.enum("orderType", in.OrderType, int(orderTypes), errOrderType)),
		start:    p.number("startTime", in.StartTime),
		end:      p.number("endTime", in.EndTime),
		zoneHash: p.hash("zoneHash", in.ZoneHash),
		salt:     p.number("salt", in.Salt),
		conduit:  p.hash("conduitKey", in.ConduitKey),
		required: in.Required,
	}
	if in.Counter.Known() {
		out.counter = new(p.number("counter", in.Counter))
	}
	if len(in.Offer) > MaxItems {
		p.fail("offer", errItems)
	}
	if len(in.Consideration) > MaxItems {
		p.fail("consideration", errItems)
	}
	if in.Required != len(in.Consideration) {
		p.fail("totalOriginalConsiderationItems", errRequired)
	}
	for i := 0; i < len(in.Offer) && p.err == nil; i++ {
		out.offer = append(out.offer, p.item(fmt.Sprintf("offer[%d]", i), in.Offer[i]))
	}
	for i := 0; i < len(in.Consideration) && p.err == nil; i++ {
		field := fmt.Sprintf("consideration[%d]", i)
		it := p.item(field, in.Consideration[i].OfferedItem)
		it.recipient = p.address(field+".recipient", in.Consideration[i].Recipient)
		out.consideration = append(out.consideration, it)
	}
	return out, p.err
}

func (p *parser) item(field string, in markets.OfferedItem) item {
	return item{
		kind:     itemType(p.enum(field+".itemType", in.Type, int(itemTypes), errItemType)),
		contract: p.address(field+".token", in.Token),
		id:       p.number(field+".identifierOrCriteria", in.Identifier),
		amount:   p.number(field+".startAmount", in.StartAmount),
		end:      p.number(field+".endAmount", in.EndAmount),
	}
}

// enum is one of the first count values of an enumeration.
func (p *parser) enum(field string, value, count int, unknown error) int {
	if value < 0 || value >= count {
		p.fail(field, unknown)
		return 0
	}
	return value
}

// number is an integer, in decimal digits or, as seaport-js writes salts, in hex.
func (p *parser) number(field string, s markets.Amount) (n uint256.Int) {
	digits, isHex := strings.CutPrefix(string(s), "0x")
	var err error
	if isHex {
		digits = "0x" + strings.TrimLeft(digits[:max(0, len(digits)-1)], "0") + digits[max(0, len(digits)-1):]
		err = n.SetFromHex(digits)
	} else {
		err = n.SetFromDecimal(digits)
	}
	if err != nil || !isHex && digits[0] == '+' {
		p.fail(field, errNumber)
		return uint256.Int{}
	}
	return n
}

func (p *parser) address(field, s string) common.Address {
	if !strings.HasPrefix(s, "0x") || !common.IsHexAddress(s) {
		p.fail(field, errAddress)
		return common.Address{}
	}
	return common.HexToAddress(s)
}

func (p *parser) hash(field, s string) (h common.Hash) {
	if h.UnmarshalText([]byte(s)) != nil {
		p.fail(field, errHash)
	}
	return h
}
