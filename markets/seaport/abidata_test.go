package seaport

import (
	"errors"
	"math/big"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/seaportabi"
)

func drawWord(t *rapid.T, label string) (word [32]byte) {
	// Numbers small, of any size, and with their highest bits set.
	n := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, label)
	copy(word[32-rapid.SampledFrom([]int{1, 8, 20, 32}).Draw(t, label+" size"):], n)
	return word
}

func drawAddress(t *rapid.T) common.Address {
	return common.Address(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "address"))
}

func drawItems(t *rapid.T, received bool) []item {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
		it := item{kind: itemType(rapid.IntRange(0, int(itemTypes)-1).Draw(t, "type")), contract: drawAddress(t)}
		id, amount := drawWord(t, "id"), drawWord(t, "amount")
		it.id.SetBytes32(id[:])
		it.amount.SetBytes32(amount[:])
		it.end = it.amount
		if received {
			it.recipient = drawAddress(t)
		}
		return it
	}), 0, 5).Draw(t, "items")
}

// What go-ethereum's ABI package encodes is read back unchanged.
func TestFulfilledReadsWhatWasEncoded(t *testing.T) {
	d := newDecoder(contractNames(), known("ETH"))
	rapid.Check(t, func(rt *rapid.T) {
		b := newBuilder(t)
		offerer, recipient := drawAddress(rt), drawAddress(rt)
		offer, consideration := drawItems(rt, false), drawItems(rt, true)
		number := rapid.Byte().Draw(rt, "number")
		b.filled(number, offerer, recipient, offer, consideration)
		got, err := d.fulfilled(&b.raws[0])
		if err != nil {
			rt.Fatal(err)
		}
		want := &fill{raw: &b.raws[0], recipient: recipient, order: order{common.Hash{number}, offerer, offer, consideration}}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("\n got %+v\nwant %+v", got, want)
		}
	})
}

// drawParameters draws an order in both forms.
func drawParameters(t *rapid.T) (parameters, orderParameters) {
	number := func(label string) (n uint256.Int) {
		word := drawWord(t, label)
		n.SetBytes32(word[:])
		return n
	}
	p := parameters{
		order: order{hash: common.Hash{7}, offerer: drawAddress(t), offer: drawItems(t, false), consideration: drawItems(t, true)},
		zone:  drawAddress(t), kind: orderType(rapid.IntRange(0, int(orderTypes)-1).Draw(t, "type")),
		start: number("start"), end: number("end"), zoneHash: drawWord(t, "zone hash"), salt: number("salt"), conduit: drawWord(t, "conduit"),
	}
	p.required = len(p.consideration)
	out := orderParameters{
		Offerer: p.offerer, Zone: p.zone, OrderType: uint8(p.kind), StartTime: p.start.ToBig(), EndTime: p.end.ToBig(),
		ZoneHash: p.zoneHash, Salt: p.salt.ToBig(), ConduitKey: p.conduit, TotalOriginalConsiderationItems: big.NewInt(int64(p.required)),
	}
	for i := range p.offer {
		it := &p.offer[i]
		it.end = number("end amount")
		out.Offer = append(out.Offer, seaportabi.Offered(uint8(it.kind), it.contract, it.id.ToBig(), it.amount.ToBig(), it.end.ToBig()))
	}
	for i := range p.consideration {
		it := &p.consideration[i]
		it.end = number("end amount")
		out.Consideration = append(out.Consideration, seaportabi.Asked(uint8(it.kind), it.contract, it.id.ToBig(), it.amount.ToBig(), it.end.ToBig(), it.recipient))
	}
	return p, out
}

func TestValidatedReadsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBuilder(t)
		want, p := drawParameters(rt)
		b.validated(7, p)
		got, err := validated(&b.raws[0])
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("\n got %+v\nwant %+v", got, want)
		}
		public, err := parse(*newDecoder(nil, known("ETH")).public(&got))
		public.hash = want.hash
		if err != nil || !reflect.DeepEqual(public, want) {
			rt.Fatalf("parsed %v:\n got %+v\nwant %+v", err, public, want)
		}
	})
}

func TestMatchedReadsWhatWasEncoded(t *testing.T) {
	d := newDecoder(contractNames(), known("ETH"))
	rapid.Check(t, func(rt *rapid.T) {
		b := newBuilder(t)
		numbers := rapid.SliceOf(rapid.Byte()).Draw(rt, "hashes")
		b.match(numbers...)
		hashes, err := d.matched(&b.raws[0])
		if err != nil || len(hashes) != len(numbers)*wordSize {
			rt.Fatalf("%d bytes, %v, want %d hashes", len(hashes), err, len(numbers))
		}
		for i, n := range numbers {
			if common.Hash(hashes[i*wordSize:(i+1)*wordSize]) != (common.Hash{n}) {
				rt.Fatalf("hash %d = %x, want %x", i, hashes[i*wordSize:], n)
			}
		}
	})
}

// The signatures are those of the events that the ABI package knows.
func TestTopics(t *testing.T) {
	for name, got := range map[string]common.Hash{
		"OrderFulfilled": fulfilledTopic, "OrderValidated": validatedTopic, "OrdersMatched": matchedTopic,
		"OrderCancelled": cancelledTopic, "CounterIncremented": counterTopic,
	} {
		if want := seaportabi.Topic(name); got != want {
			t.Errorf("topic of %s = %v, want %v", name, got, want)
		}
	}
}

// number is the word of a number.
func number(n int64) []byte { return common.LeftPadBytes(big.NewInt(n).Bytes(), wordSize) }

func data(numbers ...int64) (all []byte) {
	for _, n := range numbers {
		all = append(all, number(n)...)
	}
	return all
}

func TestArrayBounds(t *testing.T) {
	huge := append(make([]byte, 24), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	for name, c := range map[string]struct {
		data []byte
		want int // elements, -1 for an error
	}{
		"whole":                     {data(32, 2, 10, 11), 2},
		"empty":                     {data(32, 0), 0},
		"nothing at all":            {nil, -1},
		"half a word":               {data(32)[:16], -1},
		"offset at the end":         {data(32), -1},
		"offset beyond":             {data(33), -1},
		"offset of 64 bits":         {append(huge, data(0)...), -1},
		"offset of 2^64":            {append(common.LeftPadBytes(new(big.Int).Lsh(common.Big1, 64).Bytes(), wordSize), data(0)...), -1},
		"offset of 256 bits":        {append(common.MaxHash[:], data(0)...), -1},
		"an element short":          {data(32, 2, 10), -1},
		"a byte short":              {data(32, 2, 10, 11)[:127], -1},
		"count of 64 bits":          {append(data(32), huge...), -1},
		"count beyond what is read": {append(data(32, maxItems+1), make([]byte, (maxItems+1)*wordSize)...), -1},
		"count at the limit":        {append(data(32, maxItems), make([]byte, maxItems*wordSize)...), maxItems},
	} {
		w := abiData{data: c.data}
		elements := w.array(0, 1)
		if c.want < 0 && w.err == nil {
			t.Errorf("%s: no error", name)
		}
		if c.want >= 0 && (w.err != nil || len(elements) != c.want*wordSize) {
			t.Errorf("%s: %d bytes, %v, want %d elements", name, len(elements), w.err, c.want)
		}
	}
}

// A log that ends early, at any byte, is an error, never half an order.
func TestEveryTruncationFails(t *testing.T) {
	b := newBuilder(t)
	b.filled(1, seller, buyer, []item{nft(1)}, []item{eth(100, seller), eth(5, market)})
	b.validated(1, orderParameters{
		Offer:         []offerItem{seaportabi.Offered(2, common.Address{1}, big.NewInt(1), big.NewInt(1), big.NewInt(1))},
		Consideration: []considerationItem{seaportabi.Asked(0, common.Address{}, new(big.Int), big.NewInt(1), big.NewInt(1), seller)},
	})
	b.match(1, 2)
	for i, stream := range []string{"buy", "list", "buy"} {
		for n := range len(b.raws[i].Data) {
			raw := b.raws[i]
			raw.Data = raw.Data[:n:n]
			events, failures := streamOf(t, stream).Decode([]markets.Raw{raw})
			if len(events) != 0 || len(failures) != 1 || !errors.Is(failures[0].Reason, errShort) {
				t.Fatalf("%s log cut after %d bytes: %d events, %v", stream, n, len(events), failures)
			}
		}
	}
}
