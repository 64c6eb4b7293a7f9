package seaport

import (
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/currency"
	"github.com/imart/event-worker/markets/seaport/seaportabi"
)

// The items of Seaport's events.
type (
	spentItem         = seaportabi.SpentItem
	receivedItem      = seaportabi.ReceivedItem
	offerItem         = seaportabi.OfferItem
	considerationItem = seaportabi.ConsiderationItem
	orderParameters   = seaportabi.OrderParameters
)

// contracts are those that the tests' markets have: 1.1, 1.4, 1.5 and 1.6 among them.
var contracts = []common.Address{
	version11,
	common.HexToAddress("0x00000000000006c7676171937C444f6BDe3D6282"),
	common.HexToAddress("0x0000000000000aD24e80fd803C6ac37206a45f15"),
	common.HexToAddress("0x00000000000001ad428e4906aE43D8F9852d0dD6"),
	common.HexToAddress("0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"),
	common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395"),
}

func contractNames() (names []string) {
	for _, c := range contracts {
		names = append(names, c.Hex())
	}
	return names
}

// coin is a chain's own coin with a symbol.
func coin(symbol string) markets.Currency {
	return markets.Currency{Address: common.Address{}.Hex(), Symbol: symbol, Decimals: 18}
}

// known is what is known of currencies on a chain like Ethereum whose coin has a symbol.
func known(symbol string) []markets.Currency {
	return append(currency.WellKnown(markets.EVM, 1), coin(symbol))
}

// streams are the market's streams on a chain whose coin has the symbol.
func streams(symbol string) (all []markets.Stream) {
	for _, name := range []string{"list", "buy", "delist", "bulk-cancel"} {
		d := Decoders()["seaport/"+name]
		all = append(all, markets.Stream{
			Name: name, Source: markets.Source{Addresses: contractNames(), Topics: d.Topics}, Decode: d.Decode(contractNames(), known(symbol)),
		})
	}
	return all
}

// builder makes logs of one transaction on one contract.
type builder struct {
	t        testing.TB
	contract common.Address
	raws     []markets.Raw
	skipped  int // logs of other contracts before the next
}

func newBuilder(t testing.TB) *builder {
	t.Helper()
	return &builder{t: t, contract: contracts[4]}
}

// log adds a log of an event with its indexed addresses and its data.
func (b *builder) log(event string, indexed []common.Address, data ...any) {
	b.t.Helper()
	var topics [][32]byte
	for _, topic := range seaportabi.Topics(event, indexed...) {
		topics = append(topics, topic)
	}
	b.raw(topics, seaportabi.Data(event, data...))
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
		spent = append(spent, seaportabi.Spent(uint8(it.kind), it.contract, it.id.ToBig(), it.amount.ToBig()))
	}
	received := make([]receivedItem, 0, len(consideration))
	for _, it := range consideration {
		received = append(received, seaportabi.Received(uint8(it.kind), it.contract, it.id.ToBig(), it.amount.ToBig(), it.recipient))
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
