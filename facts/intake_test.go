package facts

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func signed(o *madeOrder) *madeOrder {
	o.sign()
	return o
}

func TestASignedOrderIsTakenIn(t *testing.T) {
	f, fake := test(t)
	o := signed(newOrder(alice, 0, 1))
	f.insert(o.document())
	f.next()
	f.expect(o, "LISTING yes")
	if doc := f.doc(o); doc.Parameters == nil || doc.Signature == "" || doc.Parameters.Counter != "0" {
		t.Errorf("%+v", doc)
	}
	if got := f.answers(); got[0] != persistence.SignedAccepted {
		t.Error(got)
	}
	fake.reorganise(1)
	f.next(transfer(0, bob))
	f.expect(o, "LISTING no owner")
	if got := f.answers(); len(got) != 1 || got[0] != persistence.SignedAccepted {
		t.Errorf("after a reorganisation: %v", got)
	}
	f.checkLog()
}

// Each reason for which an order is refused names what is wrong.
func TestSignedOrdersThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*madeOrder, *persistence.SignedOrder)
		block  func(*madeOrder) func(*fakeBlock)
		reason string
	}{
		"another signer":   {func(o *madeOrder, d *persistence.SignedOrder) { o.Parameters.Offerer = bob.Hex() }, nil, "signature: neither"},
		"another contract": {func(o *madeOrder, d *persistence.SignedOrder) { d.Contract = nftAt.Hex() }, nil, "contract: "},
		"expired":          {func(o *madeOrder, d *persistence.SignedOrder) { o.Parameters.EndTime = "1700000001" }, nil, "parameters.endTime: "},
		"another counter":  {func(o *madeOrder, d *persistence.SignedOrder) { o.Parameters.Counter = "1" }, nil, "parameters.counter: it is 1, and the maker's is 0"},
		"cancelled":        {nil, cancel, "the order is cancelled"},
		"filled":           {nil, func(o *madeOrder) func(*fakeBlock) { return fill(o, bob) }, "the order is filled"},
		"not JSON": {func(o *madeOrder, d *persistence.SignedOrder) {
			d.Parameters = []byte(`"` + strings.Repeat("é", 1000) + `"`)
		}, nil, "parameters: "},
		"no Seaport": {nil, func(*madeOrder) func(*fakeBlock) {
			return func(b *fakeBlock) { b.answers[function{seaportAt, 0}] = chains.CallResult{} }
		}, "contract: no known version of Seaport for chain 31337"},
		"no status": {nil, func(*madeOrder) func(*fakeBlock) {
			return func(b *fakeBlock) {
				b.answers[function{seaportAt, getOrderStatus}] = chains.CallResult{Err: chains.ErrReverted}
			}
		}, "does not answer as Seaport does"},
		"no counter": {nil, func(*madeOrder) func(*fakeBlock) {
			return func(b *fakeBlock) { b.answers[function{seaportAt, getCounter}] = huge }
		}, "parameters.counter: "},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := test(t)
			o := newOrder(alice, 0, 1)
			doc := o.document()
			if c.change != nil {
				c.change(o, &doc)
				o.finish()
			}
			o.sign()
			if d := o.document(); doc.Parameters[0] == '{' {
				doc.Parameters, doc.Signature = d.Parameters, d.Signature
			}
			f.insert(doc)
			if c.block != nil {
				f.next(c.block(o))
			} else {
				f.next()
			}
			if got := f.answers(); len(got) != 1 || !strings.HasPrefix(got[0], "rejected: ") || !strings.Contains(got[0], c.reason) || len(got[0]) > 520 {
				t.Errorf("%v, want %q", got, c.reason)
			}
		})
	}
}

// Two documents of one order are one order: submitted together, and one after the other.
func TestOneOrderHandedInTwice(t *testing.T) {
	f, _ := test(t)
	o := signed(newOrder(alice, 0, 1))
	again, third := o.document(), o.document()
	again.Parameters = append(again.Parameters, ' ')
	third.Parameters = append(third.Parameters, "\n"...)
	f.insert(o.document(), again)
	f.next()
	want := "rejected: the order " + o.key() + " was submitted before"
	if got := f.answers(); len(got) != 2 || got[0] != "accepted" || got[1] != want {
		t.Error(got)
	}
	f.insert(third)
	f.next()
	if got := f.answers(); len(got) != 3 || got[0] != "accepted" || got[2] != want {
		t.Error(got)
	}
	if n := len(collect[markets.Order](f, persistence.Orders)); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// An order that was validated on chain gets its signature.
func TestAnOrderOnChainIsHandedIn(t *testing.T) {
	f, _ := test(t)
	o := newOrder(alice, 0, 1)
	f.next(list(o))
	o.sign()
	f.insert(o.document())
	f.next()
	f.expect(o, "LISTING yes")
	if f.doc(o).Signature == "" || f.answers()[0] != "accepted" {
		t.Errorf("%+v", f.doc(o))
	}
}

// Orders wait for endpoints that do not answer, and are not refused for it.
func TestSignedOrdersWaitForAnswers(t *testing.T) {
	for _, silent := range []uint32{everything, information, getOrderStatus, getCounter} {
		f, _ := test(t)
		o := signed(newOrder(alice, 0, 1))
		f.insert(o.document())
		f.next(func(b *fakeBlock) {
			b.answers[function{seaportAt, silent}] = chains.CallResult{Err: chains.ErrUnanswerable}
		})
		if got := f.answers(); got[0] != "pending" {
			t.Errorf("without %x: %v", silent, got)
		}
		f.next(func(b *fakeBlock) { clear(b.answers) })
		f.expect(o, "LISTING yes")
	}
}

// A contract of another chain says so by its separator.
func TestASeaportOfAnotherChain(t *testing.T) {
	f, fake := test(t)
	o := signed(newOrder(alice, 0, 1))
	other := fake.head.answer(chains.ContractCall{To: seaportAt, Data: []byte{0xf4, 0x7b, 0x77, 0x40}})
	other.Data = append([]byte{}, other.Data...)
	other.Data[40]++
	f.insert(o.document())
	f.next(func(b *fakeBlock) { b.answers[function{seaportAt, information}] = other })
	if got := f.answers(); !strings.Contains(got[0], "contract: no known version of Seaport for chain 31337 at") {
		t.Error(got)
	}
}

// A smart wallet decides on its signatures, then and later.
func TestSignaturesOfSmartWallets(t *testing.T) {
	const isValidSignature = 0x1626ba7e
	f, _ := test(t)
	wallet := common.HexToAddress("0x1271")
	yes := chains.CallResult{Data: common.RightPadBytes([]byte{0x16, 0x26, 0xba, 0x7e}, 32)}
	o := signed(newOrder(wallet, 0, 1))
	f.insert(o.document())
	owns := func(b *fakeBlock) { b.owners[0], b.allowed[wallet] = wallet, true }
	f.next(owns, func(b *fakeBlock) { b.answers[function{wallet, isValidSignature}] = yes })
	f.expect(o, "LISTING yes")
	f.next(allow(wallet, true), func(b *fakeBlock) { clear(b.answers) })
	f.expect(o, "LISTING no signature")
}

// A contract that is not there yet at a block below the head may be deployed above it: the order
// waits.
func TestASignedOrderWaitsForItsContract(t *testing.T) {
	f, fake := test(t)
	f.insert(signed(newOrder(alice, 0, 1)).document())
	fake.mine(func(b *fakeBlock) { b.answers[function{seaportAt, information}] = chains.CallResult{} })
	fake.mine(func(b *fakeBlock) { delete(b.answers, function{seaportAt, information}) })
	f.execute("trade", 1)
	f.execute("list", 1)
	f.facts()
	if got := f.answers(); got[0] != "pending" {
		t.Fatalf("at the block before: %v", got)
	}
	f.sync()
	if got := f.answers(); got[0] != persistence.SignedAccepted {
		t.Errorf("once it is deployed: %v", got)
	}
}
