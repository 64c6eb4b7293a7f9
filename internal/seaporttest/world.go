// Package seaporttest runs a real Seaport 1.6 for tests: Foundry's node anvil with the
// contracts on it, and seaport-js to make, fill and cancel orders. All come from npm.
//
// What it guarantees:
//   - Orders, signatures and fills are seaport-js's, not a copy of its rules in Go.
//   - GetOrderStatus and CanFill are Seaport's own answers, as of the end of the block asked
//     for; a block that is not on the chain is an error.
//   - CanFill is refused only for reasons of the order, its maker, its zone and the time.
//   - Random does the same for the same numbers, but for hashes, which depend on the time.
//
// An order that its maker cannot serve for a while:
//
//	w := seaporttest.Start(t)
//	maker, taker := w.Makers[0], w.Takers[0]     // the maker owns the tokens 1 to 5
//	order := w.Create(seaporttest.Ask, maker, w.Input(seaporttest.Ask, seaporttest.Terms{Token: 1, Price: price}))
//	w.TransferERC721(maker, w.Vault, 1)
//	w.CanFill(order, w.Head().Hash)              // refused: WRONG_FROM
//	w.TransferERC721(w.Vault, maker, 1)
//	w.CanFill(order, w.Head().Hash)              // nil
//	w.Fulfill(taker, seaporttest.Fill{Order: order})
//	w.GetOrderStatus(order.Hash, w.Head().Hash)  // validated, 1 of 1 filled
//	w.Reorganise(1, nil)
//	w.GetOrderStatus(order.Hash, w.Head().Hash)  // 0 of 0 filled
//
// 150 random actions make 40 to 60 orders in about 120 blocks, and take 1 to 2 seconds after
// the second that Start takes.
package seaporttest

import (
	"context"
	"embed"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/imart/event-worker/internal/npmtest"
)

// what names these tests in required.Variable.
const what = "seaport"

//go:embed testdata
var testdata embed.FS

// ErrRefused is matched by the error of an action or a call that seaport-js or a contract
// refuses.
var ErrRefused = errors.New("refused")

// ChainID is that of anvil.
const ChainID = 31337

// World is a chain on which Seaport 1.6 is deployed, accounts that trade there, and the
// orders that they made. Its methods fail the test when the node or seaport-js does not
// answer; the errors that they return match ErrRefused. A World is not safe for concurrent
// use, its node is.
type World struct {
	Contracts
	Accounts

	t      testing.TB
	host   string
	rpc    *rpc.Client
	script *script

	// Orders are all orders made, in the order of their making. Those with no signature are
	// the counter orders of Match, and orders that were signed under an earlier counter and
	// then validated by their maker: to Seaport, that is another order.
	Orders []*Order
	// History has a line for each action of Random.
	History []string

	holding bool          // transactions wait for the end of Block
	pending []common.Hash // the transactions that do
	salt    uint64        // of the last order
	first   int           // the last block of Start
	scanned uint64        // the last block that adopt has seen
	undo    []undo        // what Random can restore
	kinds   []Kind        // of the next orders of Random
	rng     *rand.Rand    // of Random
}

// Accounts are those of a World. All but the vault and the recipient of fees have money,
// and have approved both the conduit and Seaport itself for everything.
type Accounts struct {
	Makers []common.Address // 4 that make orders, and then the smart wallet
	Takers []common.Address // 3 that fill orders
	Wallet common.Address   // a smart wallet (EIP-1271) of the first maker; takes no native coins and no ERC-1155
	Zone   common.Address   // the zone of restricted orders; can fill them
	Vault  common.Address   // where tokens and money are moved away to
	Fees   common.Address   // receives fees
}

// Start starts a node, deploys everything and hands out tokens and money. It skips the
// test where node, npm or npm's registry cannot be reached.
//
// The first block's time is an hour ago, the others follow 12 seconds apart.
func Start(t testing.TB) *World {
	t.Helper()
	data := unpack(t)
	packages := npmtest.Install(t, what, data)
	w := &World{t: t, host: startAnvil(t, packages, time.Now().Add(-time.Hour))}
	client, err := rpc.DialContext(t.Context(), w.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.rpc = client
	w.openAccounts()
	w.deploy(packages, filepath.Join(data, "multicall3.hex"))
	w.script = startScript(t, packages, filepath.Join(data, "seaport.js"))
	w.connect()
	w.endow()
	w.scanned = uint64(w.Head().Number)
	w.first = int(w.Head().Number)
	return w
}

// unpack writes the files of testdata, which other packages' tests do not find otherwise.
func unpack(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, testdata); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "testdata")
}

// URL returns the node's URL for JSON-RPC over HTTP.
func (w *World) URL() string { return "http://" + w.host }

// WebSocketURL returns the node's URL for JSON-RPC over WebSocket.
func (w *World) WebSocketURL() string { return "ws://" + w.host }

func (w *World) connect() {
	w.t.Helper()
	err := w.script.do("connect", map[string]any{
		"url": w.URL(), "chain": ChainID,
		"conduitKey": w.ConduitKey, "conduit": w.Conduit,
		"wallets": map[string][]common.Address{w.Makers[0].Hex(): {w.Wallet}},
	}, new(any))
	if err != nil {
		w.t.Fatal(err)
	}
}

// call calls a method of the node and fails the test if it cannot.
func (w *World) call(result any, method string, args ...any) {
	w.t.Helper()
	if err := w.try(result, method, args...); err != nil {
		w.t.Fatalf("%s: %v", method, err)
	}
}

func (w *World) try(result any, method string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return w.rpc.CallContext(ctx, result, method, args...)
}
