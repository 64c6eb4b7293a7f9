package seaporttest_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/internal/thorough"
)

// Random makes orders of all kinds in all states, the world knows all of them, and CanFill
// agrees with transactions of takers.
func TestRandom(t *testing.T) {
	thorough.Only(t)
	kinds, reasons := map[seaporttest.Kind]int{}, map[string]int{}
	for seed := range uint64(3) {
		w := seaporttest.Start(t)
		w.Random(rand.New(rand.NewPCG(seed, 0)), 150)
		known(t, w)
		block := w.Head().Hash
		for _, o := range w.Orders {
			err := w.CanFill(o, block)
			kinds[o.Kind]++
			reasons[reason(err)]++
			if o.Kind == seaporttest.Counter || o.Kind == seaporttest.Private || reason(err) == "counter" {
				continue
			}
			snapshot := w.Snapshot()
			soon(t, w) // no order begins or ends within this second
			filled := fill(w, o)
			// seaport-js does not see the approval of a single token.
			careful := filled != nil && strings.Contains(filled.Error(), "sufficient approvals")
			if (filled == nil) != (err == nil) && !careful {
				t.Errorf("seed %d: %s %s: a stranger's call: %v; a taker's transaction: %v", seed, o.Kind, o.Hash, err, filled)
			}
			w.Revert(snapshot)
		}
		if t.Failed() {
			t.Log(strings.Join(w.History, "\n"))
			break
		}
	}
	t.Log(kinds, reasons)
	for _, kind := range seaporttest.Kinds {
		if kinds[kind] == 0 {
			t.Errorf("no %s was made", kind)
		}
	}
	for _, reason := range []string{
		"", "counter", "InvalidTime", "InvalidRestrictedOrder", "OrderIsCancelled", "OrderAlreadyFilled",
		"WRONG_FROM", "NOT_AUTHORIZED", "underflow", "TokenTransferGenericFailure",
	} {
		if reasons[reason] == 0 {
			t.Errorf("no order is refused: %s", reason)
		}
	}
}

func reason(err error) string {
	switch {
	case err == nil:
		return ""
	case strings.Contains(err.Error(), "counter"):
		return "counter"
	case strings.Contains(err.Error(), "underflow"):
		return "underflow"
	}
	words := strings.Fields(err.Error())
	return words[len(words)-1]
}

// fill fills the smallest part of an order by someone who has what it wants.
func fill(w *seaporttest.World, o *seaporttest.Order) error {
	if len(o.Signature) == 0 {
		o.Signature = make([]byte, 64) // seaport-js wants one of valid orders, too, and leaves it out
	}
	f := seaporttest.Fill{Order: o}
	if o.Partial() {
		f.Units = 1
	}
	if !isBid(o.Kind) || o.Kind == seaporttest.BidUnits {
		return w.Fulfill(w.Takers[0], f)
	}
	wanted := o.Parameters.Consideration[0]
	ids := []string{wanted.IdentifierOrCriteria}
	if wanted.ItemType == seaporttest.ERC721WithCriteria {
		ids = nil
		for id := 1; id <= 40; id++ {
			ids = append(ids, fmt.Sprint(id))
		}
		if len(o.Criteria) > 0 {
			ids = nil
			for _, c := range o.Criteria {
				ids = append(ids, c.Identifier)
			}
		}
	}
	able := append(slices.Clone(w.Takers), w.Zone)
	for _, id := range ids {
		if wanted.ItemType == seaporttest.ERC721WithCriteria {
			f.Identifier = id
		}
		if o := owner(w, id); slices.Contains(able, o) {
			return w.Fulfill(o, f)
		}
	}
	// None of them owns a wanted token: one is transferred.
	holder := owner(w, ids[0])
	var id int64
	fmt.Sscan(ids[0], &id)
	if err := w.TransferERC721(holder, w.Takers[0], id); err != nil {
		return err
	}
	return w.Fulfill(w.Takers[0], f)
}

// soon lets the next block come a second after the newest.
func soon(t *testing.T, w *seaporttest.World) {
	t.Helper()
	client := dial(t, w)
	defer client.Close()
	if err := client.Client().Call(nil, "evm_setNextBlockTimestamp", uint64(w.Head().Time)+1); err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, w *seaporttest.World) *ethclient.Client {
	t.Helper()
	client, err := ethclient.DialContext(t.Context(), w.WebSocketURL())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// known fails the test if Seaport speaks of orders that the world does not know, or if
// nothing came back that was taken away.
func known(t *testing.T, w *seaporttest.World) {
	t.Helper()
	orders := map[common.Hash]bool{}
	for _, o := range w.Orders {
		orders[o.Hash] = true
	}
	client := dial(t, w)
	defer client.Close()
	const items = "(uint8,address,uint256,uint256"
	var topics []common.Hash
	for _, event := range []string{
		"OrderFulfilled(bytes32,address,address,address," + items + ")[]," + items + ",address)[])",
		"OrderCancelled(bytes32,address,address)",
	} {
		topics = append(topics, crypto.Keccak256Hash([]byte(event)))
	}
	logs, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{
		Addresses: []common.Address{w.Seaport}, Topics: [][]common.Hash{topics},
	})
	if err != nil || len(logs) == 0 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	back, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{
		Addresses: []common.Address{w.ERC721}, Topics: [][]common.Hash{
			{crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))}, {common.BytesToHash(w.Vault[:])},
		},
	})
	if err != nil || len(back) == 0 {
		t.Errorf("%d tokens come back from the vault, %v", len(back), err)
	}
	for _, log := range logs {
		if hash := common.BytesToHash(log.Data[:32]); !orders[hash] {
			t.Errorf("block %d: an unknown order %s", log.BlockNumber, hash)
		}
	}
}

var hexadecimal = regexp.MustCompile("0x[0-9a-f]+")

// The same seed does the same.
func TestRandomRepeats(t *testing.T) {
	thorough.Only(t)
	var histories [2]string
	for i := range histories {
		w := seaporttest.Start(t)
		w.Random(rand.New(rand.NewPCG(7, 0)), 60)
		histories[i] = hexadecimal.ReplaceAllString(strings.Join(w.History, "\n"), "0x")
	}
	if histories[0] != histories[1] {
		t.Errorf("not the same:\n%s\n\n%s", histories[0], histories[1])
	}
}
