package signature

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// The limits of an order's text.
const (
	MaxText      = 256 << 10 // bytes of JSON
	MaxItems     = 100       // offered, and as many asked for
	MaxSignature = 8 << 10   // bytes
)

// Order is a signed order.
type Order struct {
	// Parameters are normalised: amounts in decimal, addresses with their checksum.
	Parameters markets.Parameters
	Signature  []byte // may be empty: some contracts accept that
	// Chain, Market and Contract say where the order lives; empty if the text does not.
	Chain, Market string
	Contract      string // EIP-55
}

// Problem is what is wrong with an order's text.
type Problem struct {
	Field  string // dotted, with indexes: parameters.offer.0.token; empty if it is the whole text
	Reason string
}

// Error is the field and the reason.
func (p *Problem) Error() string {
	if p.Field == "" {
		return p.Reason
	}
	return p.Field + ": " + p.Reason
}

// Parse reads a signed order in the form of seaport-js: {"parameters": OrderComponents,
// "signature": "0x…"}, with "chain", "market" and "contract" as far as they are known. Its
// integers are JSON integers or strings, decimal or hex. Unknown and repeated fields are
// refused. The error is a *Problem.
func Parse(text []byte) (Order, error) {
	if len(text) > MaxText {
		return Order{}, &Problem{"", fmt.Sprintf("%d bytes are too many for an order: at most %d are read", len(text), MaxText)}
	}
	root, err := readJSON(text)
	if err != nil {
		return Order{}, err
	}
	r := &reader{}
	o := r.order(root)
	if r.problem != nil {
		return Order{}, r.problem
	}
	return o, nil
}

// reader reads the fields of an order. The first problem ends the reading.
type reader struct{ problem *Problem }

func (r *reader) fail(field, format string, args ...any) {
	if r.problem == nil {
		r.problem = &Problem{field, fmt.Sprintf(format, args...)}
	}
}

func (r *reader) order(root any) Order {
	f := r.object("", root, "chain", "market", "contract", "parameters", "signature")
	o := Order{Chain: f.optional("chain"), Market: f.optional("market")}
	if _, there := f.values["contract"]; there {
		o.Contract = f.address("contract")
	}
	o.Parameters = r.parameters(f.need("parameters"))
	o.Signature = f.bytes("signature", MaxSignature)
	return o
}

func (r *reader) parameters(v any) markets.Parameters {
	f := r.object("parameters", v, "offerer", "zone", "offer", "consideration", "orderType", "startTime", "endTime",
		"zoneHash", "salt", "conduitKey", "counter", "totalOriginalConsiderationItems")
	p := markets.Parameters{
		Offerer: f.address("offerer"), Zone: f.address("zone"),
		Offer: []markets.OfferedItem{}, Consideration: []markets.ConsideredItem{},
		OrderType: f.number("orderType", 3), StartTime: f.amount("startTime"), EndTime: f.amount("endTime"),
		ZoneHash: f.hash("zoneHash"), Salt: f.amount("salt"), ConduitKey: f.hash("conduitKey"), Counter: f.amount("counter"),
	}
	for i, item := range f.items("offer") {
		p.Offer = append(p.Offer, r.item(r.object(f.at("offer", i), item, itemFields()...)))
	}
	for i, item := range f.items("consideration") {
		g := r.object(f.at("consideration", i), item, append(itemFields(), "recipient")...)
		p.Consideration = append(p.Consideration, markets.ConsideredItem{OfferedItem: r.item(g), Recipient: g.address("recipient")})
	}
	p.Required = len(p.Consideration)
	if _, there := f.values["totalOriginalConsiderationItems"]; there {
		if n := f.amount("totalOriginalConsiderationItems"); r.problem == nil && n != markets.Amount(fmt.Sprint(p.Required)) {
			r.fail(f.name("totalOriginalConsiderationItems"), "it is %s, but consideration has %d items: what is signed has no tips", n, p.Required)
		}
	}
	return p
}

func itemFields() []string {
	return []string{"itemType", "token", "identifierOrCriteria", "startAmount", "endAmount"}
}

func (r *reader) item(f fields) markets.OfferedItem {
	return markets.OfferedItem{
		Type: f.number("itemType", 5), Token: f.address("token"), Identifier: f.amount("identifierOrCriteria"),
		StartAmount: f.amount("startAmount"), EndAmount: f.amount("endAmount"),
	}
}

// object returns the fields of an object that has no others than those known.
func (r *reader) object(path string, v any, known ...string) fields {
	f := fields{reader: r, path: path}
	values, ok := v.(object)
	if !ok {
		r.fail(path, "it is %s, not an object", kindOf(v))
		return f
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, name) {
			r.fail(f.name(short(name)), "unknown field: the fields are %s", strings.Join(known, ", "))
		}
	}
	f.values = values
	return f
}

// fields are the fields of an object.
type fields struct {
	*reader
	path   string
	values object
}

func (f fields) name(field string) string {
	if f.path == "" {
		return field
	}
	return f.path + "." + field
}

func (f fields) at(field string, index int) string { return fmt.Sprintf("%s.%d", f.name(field), index) }

// need returns a field that must be there.
func (f fields) need(field string) any {
	v, there := f.values[field]
	if !there {
		f.fail(f.name(field), "it is missing")
	}
	return v
}

func (f fields) items(field string) []any {
	list, ok := f.need(field).([]any)
	switch {
	case !ok:
		f.fail(f.name(field), "it is %s, not a list", kindOf(f.values[field]))
	case len(list) > MaxItems:
		f.fail(f.name(field), "%d items are too many: at most %d are read", len(list), MaxItems)
	}
	if f.problem != nil {
		return nil
	}
	return list
}

func (f fields) text(field string) string {
	v := f.need(field)
	s, ok := v.(string)
	if !ok {
		f.fail(f.name(field), "it is %s, not a string", kindOf(v))
	}
	return s
}

// optional returns a string that may be missing.
func (f fields) optional(field string) string {
	if _, there := f.values[field]; !there {
		return ""
	}
	return f.text(field)
}

// bytes returns at most limit bytes in hex.
func (f fields) bytes(field string, limit int) []byte {
	text := f.text(field)
	digits, prefixed := strings.CutPrefix(text, "0x")
	if !prefixed {
		f.fail(f.name(field), "%q does not begin with 0x", short(text))
		return nil
	}
	if len(digits) > 2*limit {
		f.fail(f.name(field), "%d bytes are too many: at most %d are read", len(digits)/2, limit)
		return nil
	}
	out, err := hex.DecodeString(digits)
	if err != nil {
		f.fail(f.name(field), "%q is not hex with two digits a byte", short(text))
	}
	return out
}

// sized returns exactly size bytes in hex.
func (f fields) sized(field string, size int) []byte {
	out := f.bytes(field, size)
	if len(out) != size {
		f.fail(f.name(field), "%q is %d bytes, not %d", short(f.text(field)), len(out), size)
	}
	return out
}

func (f fields) address(field string) string {
	address := common.BytesToAddress(f.sized(field, common.AddressLength)).Hex()
	if f.problem != nil {
		return ""
	}
	if digits := f.text(field)[2:]; digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && digits != address[2:] {
		f.fail(f.name(field), "the checksum of %s is wrong: a digit is, or write all in lower case", f.text(field))
	}
	return address
}

func (f fields) hash(field string) string {
	return common.BytesToHash(f.sized(field, common.HashLength)).Hex()
}

// number returns an integer from 0 to largest.
func (f fields) number(field string, largest uint64) int {
	a := f.amount(field)
	if f.problem != nil {
		return 0
	}
	if limit := markets.Amount(fmt.Sprint(largest)); a.Cmp(limit) > 0 {
		f.fail(f.name(field), "%s is not one of 0 to %s", a, limit)
		return 0
	}
	return int(a[0] - '0')
}

// ParseAddress reads an address: 0x and 40 hex digits, in one case or with a checksum. It
// returns the address with its checksum.
func ParseAddress(text string) (string, error) {
	r := &reader{}
	address := fields{reader: r, values: object{"": text}}.address("")
	if r.problem != nil {
		return "", r.problem
	}
	return address, nil
}
