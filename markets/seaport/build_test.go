package seaport

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// The items of Seaport's events as go-ethereum's ABI package encodes them: an
// encoder that shares nothing with the decoder under test.
type (
	spentItem struct {
		ItemType   uint8
		Token      common.Address
		Identifier *big.Int
		Amount     *big.Int
	}
	receivedItem struct {
		ItemType   uint8
		Token      common.Address
		Identifier *big.Int
		Amount     *big.Int
		Recipient  common.Address
	}
	offerItem struct {
		ItemType             uint8
		Token                common.Address
		IdentifierOrCriteria *big.Int
		StartAmount          *big.Int
		EndAmount            *big.Int
	}
	considerationItem struct {
		ItemType             uint8
		Token                common.Address
		IdentifierOrCriteria *big.Int
		StartAmount          *big.Int
		EndAmount            *big.Int
		Recipient            common.Address
	}
	orderParameters struct {
		Offerer                         common.Address
		Zone                            common.Address
		Offer                           []offerItem
		Consideration                   []considerationItem
		OrderType                       uint8
		StartTime                       *big.Int
		EndTime                         *big.Int
		ZoneHash                        [32]byte
		Salt                            *big.Int
		ConduitKey                      [32]byte
		TotalOriginalConsiderationItems *big.Int
	}
)

const seaportABI = `[
{"type":"event","name":"OrderFulfilled","inputs":[
 {"name":"orderHash","type":"bytes32"},{"name":"offerer","type":"address","indexed":true},{"name":"zone","type":"address","indexed":true},{"name":"recipient","type":"address"},
 {"name":"offer","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifier","type":"uint256"},{"name":"amount","type":"uint256"}]},
 {"name":"consideration","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifier","type":"uint256"},{"name":"amount","type":"uint256"},{"name":"recipient","type":"address"}]}]},
{"type":"event","name":"OrderValidated","inputs":[
 {"name":"orderHash","type":"bytes32"},
 {"name":"orderParameters","type":"tuple","components":[
  {"name":"offerer","type":"address"},{"name":"zone","type":"address"},
  {"name":"offer","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifierOrCriteria","type":"uint256"},{"name":"startAmount","type":"uint256"},{"name":"endAmount","type":"uint256"}]},
  {"name":"consideration","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifierOrCriteria","type":"uint256"},{"name":"startAmount","type":"uint256"},{"name":"endAmount","type":"uint256"},{"name":"recipient","type":"address"}]},
  {"name":"orderType","type":"uint8"},{"name":"startTime","type":"uint256"},{"name":"endTime","type":"uint256"},{"name":"zoneHash","type":"bytes32"},{"name":"salt","type":"uint256"},{"name":"conduitKey","type":"bytes32"},{"name":"totalOriginalConsiderationItems","type":"uint256"}]}]},
{"type":"event","name":"OrdersMatched","inputs":[{"name":"orderHashes","type":"bytes32[]"}]},
{"type":"event","name":"OrderCancelled","inputs":[{"name":"orderHash","type":"bytes32"},{"name":"offerer","type":"address","indexed":true},{"name":"zone","type":"address","indexed":true}]},
{"type":"event","name":"CounterIncremented","inputs":[{"name":"newCounter","type":"uint256"},{"name":"offerer","type":"address","indexed":true}]}
]`

// builder makes logs of one transaction on one contract.
type builder struct {
	t        testing.TB
	abi      abi.ABI
	contract common.Address
	raws     []markets.Raw
	skipped  int // logs of other contracts before the next
}

func newBuilder(t testing.TB) *builder {
	t.Helper()
	parsed, err := abi.JSON(strings.NewReader(seaportABI))
	if err != nil {
		t.Fatal(err)
	}
	return &builder{t: t, abi: parsed, contract: contracts[4]}
}

// log adds a log of an event with its indexed addresses and its data.
func (b *builder) log(event string, indexed []common.Address, data ...any) {
	b.t.Helper()
	e := b.abi.Events[event]
	packed, err := e.Inputs.NonIndexed().Pack(data...)
	if err != nil {
		b.t.Fatal(err)
	}
	topics := [][32]byte{e.ID}
	for _, a := range indexed {
		topics = append(topics, common.BytesToHash(a[:]))
	}
	b.raw(topics, packed)
}

func (b *builder) raw(topics [][32]byte, data []byte) {
	b.raws = append(b.raws, markets.Raw{
		Position: markets.Position{Height: 1, Transaction: 2, Log: int32(len(b.raws) + b.skipped)}, Seq: 1,
		Block: "0xb10c", Transaction: "0x7a", Address: b.contract, Topics: topics, Data: data,
	})
}

// filled adds an OrderFulfilled. The order's hash is its number.
func (b *builder) filled(number byte, offerer, recipient common.Address, offer, consideration []item) {
	b.t.Helper()
	spent := make([]spentItem, 0, len(offer))
	for _, it := range offer {
		spent = append(spent, spentItem{uint8(it.kind), it.contract, it.id.ToBig(), it.amount.ToBig()})
	}
	received := make([]receivedItem, 0, len(consideration))
	for _, it := range consideration {
		received = append(received, receivedItem{uint8(it.kind), it.contract, it.id.ToBig(), it.amount.ToBig(), it.recipient})
	}
	b.log("OrderFulfilled", []common.Address{offerer, {}}, [32]byte{number}, recipient, spent, received)
}

// match adds an OrdersMatched.
func (b *builder) match(numbers ...byte) {
	b.t.Helper()
	var hashes [][32]byte
	for _, n := range numbers {
		hashes = append(hashes, [32]byte{n})
	}
	b.log("OrdersMatched", nil, hashes)
}

// validated adds an OrderValidated of version 1.4 and later.
func (b *builder) validated(number byte, p orderParameters) {
	b.t.Helper()
	for _, n := range []**big.Int{&p.StartTime, &p.EndTime, &p.Salt, &p.TotalOriginalConsiderationItems} {
		if *n == nil {
			*n = new(big.Int)
		}
	}
	b.log("OrderValidated", nil, [32]byte{number}, p)
}

// decode decodes the logs as a stream does; all of them must be good.
func (b *builder) decode(stream string) []markets.Event {
	b.t.Helper()
	s := streamOf(b.t, stream)
	for _, raw := range b.raws {
		if !slices.Contains(s.Source.Topics, common.Hash(raw.Topics[0]).Hex()) || !slices.Contains(s.Source.Addresses, common.Address(raw.Address).Hex()) {
			b.t.Fatalf("log %v is not of the stream %s", raw.Position, stream)
		}
	}
	events, failures := s.DecodeAll(b.raws)
	for _, f := range failures {
		b.t.Fatalf("log %v: %v", f.Raw.Position, f.Reason)
	}
	return events
}
