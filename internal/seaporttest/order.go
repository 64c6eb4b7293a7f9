package seaporttest

import (
	"encoding/json"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// The types of items of Seaport.
const (
	Native = iota
	ERC20
	ERC721
	ERC1155
	ERC721WithCriteria
	ERC1155WithCriteria
)

// Input is what seaport-js makes an order of: its CreateOrderInput.
type Input struct {
	Offer             []InputItem     `json:"offer"`
	Consideration     []InputItem     `json:"consideration"`
	StartTime         uint64          `json:"startTime,string"` // seconds; 0: the newest block's
	EndTime           uint64          `json:"endTime,string"`   // seconds; 0: a month after StartTime
	Zone              *common.Address `json:"zone,omitempty"`
	RestrictedByZone  bool            `json:"restrictedByZone,omitempty"`
	AllowPartialFills bool            `json:"allowPartialFills,omitempty"`
	Fees              []InputFee      `json:"fees,omitempty"`
	ConduitKey        common.Hash     `json:"conduitKey"`
	Counter           *hexutil.Big    `json:"counter,omitempty"` // nil: the maker's
	Salt              hexutil.Uint64  `json:"salt"`              // 0: one that is new
}

// InputItem is an item of an Input: money if ItemType is 0.
type InputItem struct {
	ItemType    int             `json:"itemType,omitempty"` // ERC721 or ERC1155, with Identifiers too
	Token       common.Address  `json:"token"`              // zero: native coins
	Identifier  string          `json:"identifier,omitempty"`
	Identifiers []string        `json:"identifiers,omitzero"` // criteria; empty and not nil: the whole collection
	Amount      string          `json:"amount,omitempty"`
	EndAmount   string          `json:"endAmount,omitempty"`
	Recipient   *common.Address `json:"recipient,omitempty"` // nil: the maker
}

// InputFee is deducted from the money of an order.
type InputFee struct {
	Recipient   common.Address `json:"recipient"`
	BasisPoints int            `json:"basisPoints"`
}

// Order is an order that a maker signed.
type Order struct {
	Kind       Kind
	Parameters Parameters
	Signature  hexutil.Bytes
	Hash       common.Hash
	Units      int64 // the equal parts into which the amounts can be divided
	// Validated: Seaport's validate was mined for it, perhaps in a block that is no longer
	// on the chain.
	Validated bool
	// Criteria are the identifiers wanted, with their Merkle proofs; empty for a whole
	// collection.
	Criteria []Criterion

	parameters json.RawMessage // in seaport-js's words
}

// Parameters are the OrderComponents of seaport-js. Numbers are decimal, criteria hexadecimal.
type Parameters struct {
	Offerer       common.Address `json:"offerer"`
	Zone          common.Address `json:"zone"`
	Offer         []Item         `json:"offer"`
	Consideration []Item         `json:"consideration"`
	OrderType     uint8          `json:"orderType"`
	StartTime     string         `json:"startTime"`
	EndTime       string         `json:"endTime"`
	ZoneHash      common.Hash    `json:"zoneHash"`
	Salt          string         `json:"salt"`
	ConduitKey    common.Hash    `json:"conduitKey"`
	Counter       string         `json:"counter"`
}

// Item is an item of an offer, or of a consideration if it has a recipient.
type Item struct {
	ItemType             uint8           `json:"itemType"`
	Token                common.Address  `json:"token"`
	IdentifierOrCriteria string          `json:"identifierOrCriteria"`
	StartAmount          string          `json:"startAmount"`
	EndAmount            string          `json:"endAmount"`
	Recipient            *common.Address `json:"recipient,omitempty"`
}

// Criterion is an identifier that an order's criteria allow, with the proof that they do.
type Criterion struct {
	Identifier string        `json:"identifier"`
	Proof      []common.Hash `json:"proof"`
}

// MarshalJSON writes an order as seaport-js does: {"parameters": …, "signature": "0x…"}.
func (o *Order) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"parameters": o.parameters, "signature": o.Signature})
}

// Partial says whether parts of the order can be filled.
func (o *Order) Partial() bool { return o.Parameters.OrderType%2 == 1 }

// Expand replaces the compact signature (EIP-2098) that seaport-js makes by one of 65 bytes.
func (o *Order) Expand() {
	const compact = 64
	// A bulk order's signature is followed by 3 bytes of its index and 32 for each hash of its proof.
	if len(o.Signature) != compact && len(o.Signature)%32 != 3 {
		return
	}
	v := 27 + o.Signature[32]>>7
	o.Signature = slices.Insert(slices.Clone(o.Signature), compact, v)
	o.Signature[32] &= 0x7f
}

// Create lets a maker sign an order with seaport-js, off chain. Nothing is checked: makers
// may offer what is not theirs.
func (w *World) Create(kind Kind, maker common.Address, input Input) *Order {
	w.t.Helper()
	return w.CreateBulk(kind, maker, input)[0]
}

// CreateBulk lets a maker sign several orders at once: each has the signature of their
// Merkle root and its own proof. A smart wallet cannot sign more than one.
func (w *World) CreateBulk(kind Kind, maker common.Address, inputs ...Input) []*Order {
	w.t.Helper()
	for i := range inputs {
		w.complete(&inputs[i])
	}
	var made []struct {
		Parameters json.RawMessage
		Signature  hexutil.Bytes
		Hash       common.Hash
		Units      int64 `json:",string"`
		Criteria   []Criterion
	}
	if err := w.script.do("create", map[string]any{"account": maker, "inputs": inputs}, &made); err != nil {
		w.t.Fatal(err)
	}
	orders := make([]*Order, len(made))
	for i, m := range made {
		o := &Order{Kind: kind, Signature: m.Signature, Hash: m.Hash, Units: m.Units, Criteria: m.Criteria, parameters: m.Parameters}
		if err := json.Unmarshal(m.Parameters, &o.Parameters); err != nil {
			w.t.Fatal(err)
		}
		orders[i] = o
	}
	w.Orders = append(w.Orders, orders...)
	return orders
}

// complete sets what an Input leaves to the World.
func (w *World) complete(in *Input) {
	w.t.Helper()
	if in.StartTime == 0 {
		in.StartTime = uint64(w.Head().Time)
	}
	if in.EndTime == 0 {
		in.EndTime = in.StartTime + 30*24*3600
	}
	if in.Salt == 0 {
		w.salt++
		in.Salt = hexutil.Uint64(w.salt)
	}
}
