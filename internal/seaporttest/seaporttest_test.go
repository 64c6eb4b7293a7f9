package seaporttest_test

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/internal/thorough"
)

// price is of 5 units, and of 3, with a fee of 2.5 %.
var price = big.NewInt(15e16)

// mint creates a token and returns its identifier.
func mint(t testing.TB, w *seaporttest.World, owner common.Address) int64 {
	t.Helper()
	id := int64(1000 + len(w.Orders))
	ok(t, w.MintERC721(owner, id))
	return id
}

func isBid(kind seaporttest.Kind) bool { return strings.Contains(string(kind), "bid") }

// create makes an order of the kind by the second maker, of units and a token that the maker
// has, or for those that the first taker has.
func create(t testing.TB, w *seaporttest.World, kind seaporttest.Kind) *seaporttest.Order {
	t.Helper()
	maker := w.Makers[1]
	terms := seaporttest.Terms{Kind: 1, Units: 5, Price: price, Taker: w.Takers[0]}
	switch {
	case kind == seaporttest.TraitBid:
		terms.Token = 1
	case isBid(kind):
		terms.Token = mint(t, w, w.Takers[0])
	default:
		terms.Token = mint(t, w, maker)
	}
	return w.Create(kind, maker, w.Input(kind, terms))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// refused says whether an error is a refusal for a reason.
func refused(t testing.TB, err error, reason string) {
	t.Helper()
	if !errors.Is(err, seaporttest.ErrRefused) || !strings.Contains(err.Error(), reason) {
		t.Errorf("%v, want a refusal: %s", err, reason)
	}
}

// What a stranger can fill is filled by seaport-js, and nothing else is.
func TestKinds(t *testing.T) {
	thorough.Only(t)
	w := seaporttest.Start(t)
	for _, kind := range seaporttest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			o := create(t, w, kind)
			fill := seaporttest.Fill{Order: o}
			taker := w.Takers[0]
			if len(o.Criteria) > 0 {
				fill.Identifier = o.Criteria[0].Identifier
			}
			if kind == seaporttest.CollectionBid {
				fill.Identifier = fmt.Sprint(mint(t, w, taker))
			}
			if o.Partial() {
				fill.Units = 1
			}
			if kind == seaporttest.TraitBid {
				taker = owner(w, fill.Identifier)
			}
			switch kind {
			case seaporttest.NotStarted:
				refused(t, w.CanFill(o, w.Head().Hash), "InvalidTime")
				refused(t, w.Fulfill(taker, fill), "")
				w.Mine(40)
			case seaporttest.Restricted:
				refused(t, w.CanFill(o, w.Head().Hash), "InvalidRestrictedOrder")
				refused(t, w.Fulfill(taker, fill), "")
				ok(t, w.Fulfill(w.Zone, fill))
				return
			case seaporttest.Private:
				refused(t, w.CanFill(o, w.Head().Hash), "NOT_AUTHORIZED")
				ok(t, w.Match(taker, o))
				return
			}
			ok(t, w.CanFill(o, w.Head().Hash))
			ok(t, w.Fulfill(taker, fill))
			got, size := w.GetOrderStatus(o.Hash, w.Head().Hash), max(1, o.Units)
			if !got.Validated || got.Cancelled || got.Filled.Int64() != 1 || got.Size.Int64() != size {
				t.Errorf("status %v, want 1 of %d", got, size)
			}
			if !o.Partial() {
				refused(t, w.CanFill(o, w.Head().Hash), "OrderAlreadyFilled")
			}
		})
	}
}

func owner(w *seaporttest.World, id string) common.Address {
	n, _ := new(big.Int).SetString(id, 10)
	return w.OwnerOf(n.Int64())
}

// An order cannot be filled while its maker lacks something, and could be before and after.
func TestMakersSide(t *testing.T) {
	w := seaporttest.Start(t)
	maker, none := w.Makers[1], new(big.Int)
	much := new(big.Int).Lsh(big.NewInt(1), 100)
	lacks := map[string]struct {
		kind       seaporttest.Kind
		take, give func(id int64) error
		reason     string
	}{
		"token": {
			seaporttest.Ask,
			func(id int64) error { return w.TransferERC721(maker, w.Vault, id) },
			func(id int64) error { return w.TransferERC721(w.Vault, maker, id) },
			"WRONG_FROM",
		},
		"units": {
			seaporttest.AskUnits,
			func(int64) error { return w.TransferERC1155(maker, w.Vault, 1, 20) },
			func(int64) error { return w.TransferERC1155(w.Vault, maker, 1, 20) },
			"underflow",
		},
		"approval": {
			seaporttest.Ask,
			func(int64) error { return w.SetApprovalForAll(maker, w.ERC721, w.Conduit, false) },
			func(int64) error { return w.SetApprovalForAll(maker, w.ERC721, w.Conduit, true) },
			"NOT_AUTHORIZED",
		},
		"approval of the token": {
			seaporttest.Ask,
			func(int64) error { return w.SetApprovalForAll(maker, w.ERC721, w.Conduit, false) },
			func(id int64) error { return w.ApproveERC721(maker, w.Conduit, id) },
			"NOT_AUTHORIZED",
		},
		"WETH": {
			seaporttest.Bid,
			func(int64) error { return w.Withdraw(maker, w.Balance(w.WETH, maker)) },
			func(int64) error { return w.Deposit(maker, price) },
			"TokenTransferGenericFailure",
		},
		"allowance": {
			seaporttest.CollectionBid,
			func(int64) error { return w.Approve(maker, w.WETH, w.Conduit, none) },
			func(int64) error { return w.Approve(maker, w.WETH, w.Conduit, much) },
			"TokenTransferGenericFailure",
		},
	}
	for name, lack := range lacks {
		t.Run(name, func(t *testing.T) {
			o := create(t, w, lack.kind)
			id := int64(1000 + len(w.Orders) - 1)
			before := w.Head().Hash
			ok(t, w.CanFill(o, before))
			ok(t, lack.take(id))
			without := w.Head().Hash
			refused(t, w.CanFill(o, without), lack.reason)
			ok(t, lack.give(id))
			ok(t, w.CanFill(o, w.Head().Hash))
			ok(t, w.CanFill(o, before))
			refused(t, w.CanFill(o, without), lack.reason)
			ok(t, w.SetApprovalForAll(maker, w.ERC721, w.Conduit, true))
		})
	}
}

// An order ends when it is cancelled, its time is over, or its maker's counter rises.
func TestEnds(t *testing.T) {
	w := seaporttest.Start(t)
	expiring := create(t, w, seaporttest.Expiring)
	w.Mine(9)
	ok(t, w.CanFill(expiring, w.Head().Hash))
	w.Mine(1)
	refused(t, w.CanFill(expiring, w.Head().Hash), "InvalidTime")

	cancelled := create(t, w, seaporttest.Ask)
	ok(t, w.CancelElsewhere(cancelled))
	ok(t, w.CanFill(cancelled, w.Head().Hash))
	ok(t, w.Cancel(cancelled))
	refused(t, w.CanFill(cancelled, w.Head().Hash), "OrderIsCancelled")
	if got := w.GetOrderStatus(cancelled.Hash, w.Head().Hash); !got.Cancelled {
		t.Errorf("status %v, want cancelled", got)
	}

	// The same parameters are another order under another counter.
	earlier := create(t, w, seaporttest.Ask)
	ok(t, w.Validate(earlier))
	ok(t, w.CanFill(earlier, w.Head().Hash))
	ok(t, w.BulkCancel(earlier.Parameters.Offerer))
	refused(t, w.CanFill(earlier, w.Head().Hash), "counter")
	ok(t, w.Validate(earlier))
	refused(t, w.CanFill(earlier, w.Head().Hash), "counter")
	later := w.Orders[len(w.Orders)-1]
	if later == earlier || !later.Validated || later.Hash == earlier.Hash {
		t.Fatalf("%v was made of %v", later, earlier)
	}
	ok(t, w.CanFill(later, w.Head().Hash))
	later.Signature = earlier.Signature // for seaport-js, which does without
	ok(t, w.Fulfill(w.Takers[0], seaporttest.Fill{Order: later}))
	if got := w.GetOrderStatus(later.Hash, w.Head().Hash); got.Filled.Int64() != 1 {
		t.Errorf("status %v, want filled", got)
	}
}

// Part of an order can be filled when the whole cannot.
func TestUnits(t *testing.T) {
	w := seaporttest.Start(t)
	o := create(t, w, seaporttest.AskUnits)
	ok(t, w.TransferERC1155(o.Parameters.Offerer, w.Vault, 1, 17)) // 3 are left
	ok(t, w.CanFillUnits(o, 3, w.Head().Hash))
	refused(t, w.CanFillUnits(o, 4, w.Head().Hash), "underflow")
	ok(t, w.Fulfill(w.Takers[0], seaporttest.Fill{Order: o, Units: 3}))
	filled := w.Head().Hash
	ok(t, w.Cancel(o))
	got := w.GetOrderStatus(o.Hash, filled)
	if got.Cancelled || got.Filled.Int64() != 3 || got.Size.Int64() != 5 {
		t.Errorf("status %v, want 3 of 5", got)
	}
	refused(t, w.CanFill(o, filled), "underflow")
	refused(t, w.CanFill(o, w.Head().Hash), "OrderIsCancelled")
}

// Seaport takes signatures of every form, and no others.
func TestSignatures(t *testing.T) {
	thorough.Only(t)
	w := seaporttest.Start(t)
	maker := w.Makers[2]
	var orders []*seaporttest.Order
	for _, account := range []common.Address{maker, w.Wallet} {
		orders = append(orders, w.Create(seaporttest.Bid, account, w.Input(seaporttest.Bid, seaporttest.Terms{Token: 1, Price: price})))
	}
	var inputs []seaporttest.Input
	for id := range int64(3) {
		inputs = append(inputs, w.Input(seaporttest.Bid, seaporttest.Terms{Token: 1 + id, Price: price}))
	}
	orders = append(orders, w.CreateBulk(seaporttest.Bid, maker, inputs...)...)
	for i, o := range orders {
		compact := len(o.Signature)
		ok(t, w.CanFill(o, w.Head().Hash))
		o.Expand()
		o.Expand()
		if len(o.Signature) != compact+1 {
			t.Errorf("a signature of %d bytes is expanded to %d", compact, len(o.Signature))
		}
		ok(t, w.CanFill(o, w.Head().Hash))
		o.Signature[1] ^= 1
		err := w.CanFill(o, w.Head().Hash)
		if !errors.Is(err, seaporttest.ErrRefused) {
			t.Errorf("order %d with a wrong signature: %v", i, err)
		}
	}
}

// A reorganisation takes a fill away, or moves it to another block.
func TestReorganise(t *testing.T) {
	thorough.Only(t)
	w := seaporttest.Start(t)
	o := create(t, w, seaporttest.Ask)
	ok(t, w.Fulfill(w.Takers[0], seaporttest.Fill{Order: o}))
	w.Mine(2)
	client := dial(t, w)
	defer client.Close()
	filled := func() int64 { return w.GetOrderStatus(o.Hash, w.Head().Hash).Filled.Int64() }
	for _, keep := range []bool{true, false} {
		before := w.Head()
		w.Reorganise(3, func(int) bool { return keep })
		after := w.Head()
		if after.Number != before.Number || after.Hash == before.Hash {
			t.Errorf("block %v is replaced by %v", before, after)
		}
		if got := filled() == 1; got != keep {
			t.Errorf("transactions kept: %t, filled: %t", keep, got)
		}
		for block, want := range map[common.Hash]bool{before.Hash: false, after.Hash: true} {
			_, err := client.CallContractAtHash(t.Context(), ethereum.CallMsg{To: &w.Vault}, block)
			if got := err == nil; got != want {
				t.Errorf("a call at a block that is on the chain: %t: %v", want, err)
			}
		}
	}
	snapshot := w.Snapshot()
	ok(t, w.Fulfill(w.Takers[0], seaporttest.Fill{Order: o}))
	if filled() != 1 {
		t.Error("not filled")
	}
	w.Revert(snapshot)
	if filled() != 0 {
		t.Error("filled")
	}
}

// The contracts are what they are called.
func TestContracts(t *testing.T) {
	w := seaporttest.Start(t)
	client := dial(t, w)
	defer client.Close()
	for name, test := range map[string]struct {
		contract common.Address
		function string
		want     []string
	}{
		"Seaport":       {w.Seaport, "information()", []string{"\x031.6", string(w.Controller[:])}},
		"other Seaport": {w.Other, "information()", []string{"\x031.6", string(w.Controller[:])}},
		"Multicall3":    {w.Multicall, "getChainId()", []string{"\x7a\x69"}},
		"WETH":          {w.WETH, "symbol()", []string{"\x04WETH"}},
		"ERC-20":        {w.ERC20, "symbol()", []string{"\x05TST20"}},
	} {
		got, err := client.CallContract(t.Context(), ethereum.CallMsg{
			To: &test.contract, Data: crypto.Keccak256([]byte(test.function))[:4],
		}, nil)
		for _, want := range test.want {
			if err != nil || !strings.Contains(string(got), want) {
				t.Errorf("%s: %s says %q, %v; want %q", name, test.function, got, err, want)
			}
		}
	}
}
