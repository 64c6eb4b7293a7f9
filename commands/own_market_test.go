package commands

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/params"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// shop is the definition of a market that nobody knew before. What was sold is told by
// the transfers of the sale's transaction alone.
const shop = `market: shop
kind: evm
notifications: true
chains:
  dev:
    chainId: 1337
    start: 1
    contracts:
      shop: ["0x0000000000000000000000000000000000005101", "0x0000000000000000000000000000000000005102", "0x0000000000000000000000000000000000005103"]
abi: |
  event Listed(uint256 indexed id, address seller, uint256 price)
  event Sold(uint256 indexed id, uint256 price)
  event Removed(uint256 indexed id)
streams:
  list:
    event: Listed
    becomes: {kind: listed, order: '"ask-" + id', maker: seller, price: price, currency: coin}
  buy:
    event: Sold
    transfers: true
    becomes:
      kind: bought
      order: '"ask-" + id'
      maker: last(moved).from
      taker: last(moved).to
      bundle: moved
      price: price
      currency: coin
  delist:
    event: Removed
    becomes: {kind: delisted, order: '"ask-" + id'}
`

var (
	shopListing = common.HexToAddress("0x5101")
	shopSale    = common.HexToAddress("0x5102")
	shopRemoval = common.HexToAddress("0x5103")
	shopToken   = common.HexToAddress("0xe721")
	shopSeller  = common.HexToAddress("0x5e")
	shopBuyer   = common.HexToAddress("0xb1")
)

// A market by configuration only, on a real node whose chain reorganises: the sale and
// what people were told of it are taken back with its block, and come again with
// another one.
func TestAMarketByConfigurationOnly(t *testing.T) {
	t.Parallel()
	chain := startDevChain(t, map[common.Address][]byte{
		shopToken:   code(common.Address{}, markettest.Log(t, shopToken, "Transfer(address indexed,address indexed,uint256 indexed)", shopSeller, shopBuyer, 42)),
		shopListing: code(common.Address{}, markettest.Log(t, shopListing, "Listed(uint256 indexed,address,uint256)", 7, shopSeller, 5000)),
		shopSale:    code(shopToken, markettest.Log(t, shopSale, "Sold(uint256 indexed,uint256)", 7, 5000)),
		shopRemoval: code(common.Address{}, markettest.Log(t, shopRemoval, "Removed(uint256 indexed)", 7)),
	})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "shop.yaml"), shop)
	write(t, filepath.Join(dir, "event-worker.yaml"), fmt.Sprintf(`data: data
definitions: [shop.yaml]
chains:
  dev:
    kind: evm
    chainId: 1337
    endpoint: %s
    poll: 50ms
    markets:
      shop: {}
`, chain.url))
	listed := chain.mine(shopListing)
	chain.mine(shopSale)
	p := launch(t, dir, "run")
	data := filepath.Join(dir, "data")
	p.says("every stream has caught up")
	is := func(status string, activities int, receivers ...common.Address) {
		t.Helper()
		want := seen{status, activities, nil}
		for _, r := range receivers {
			want.told = append(want.told, r.Hex())
		}
		slices.Sort(want.told)
		var got seen
		defer func() {
			if t.Failed() {
				t.Logf("it is %v:\n%s", got, &p.out)
			}
		}()
		eventually(t, fmt.Sprintf("the market is %v", want), func() bool {
			got = seenIn(t, data)
			return fmt.Sprint(got) == fmt.Sprint(want)
		})
	}
	is("SOLD", 2, shopSeller, shopBuyer)
	if order := find(t, data, "orders", `{}`)[0]; order["maker"] != shopSeller.Hex() || order["taker"] != shopBuyer.Hex() ||
		fmt.Sprint(order["token"]) != fmt.Sprint(map[string]any{"collection": shopToken.Hex(), "id": "42", "standard": "ERC-721"}) {
		t.Errorf("the order is %v", order)
	}

	chain.fork(listed)
	chain.mine()
	chain.mine()
	is("LISTING", 1)

	chain.mine(shopSale)
	is("SOLD", 2, shopSeller, shopBuyer)

	chain.fork(listed)
	chain.mine(shopRemoval)
	for range 4 {
		chain.mine()
	}
	is("CANCELED", 2)
	if letters := find(t, data, "dead_letters", `{}`); len(letters) > 0 {
		t.Errorf("dead letters: %v", letters)
	}
	p.ends(syscall.SIGTERM)
}

// seen is what people see of the market: its one order's status, the number of
// activities, and who was told of something.
type seen struct {
	status     string
	activities int
	told       []string
}

func seenIn(t *testing.T, data string) (s seen) {
	t.Helper()
	for _, order := range find(t, data, "orders", `{}`) {
		s.status += order["status"].(string)
	}
	s.activities = len(find(t, data, "activities", `{}`))
	for _, n := range find(t, data, "notifications", `{}`) {
		s.told = append(s.told, n["receiver"].(string))
	}
	slices.Sort(s.told)
	return s
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// devChain is a real go-ethereum node whose blocks are made on demand. Its contracts
// log when they are called.
type devChain struct {
	t *testing.T
	*simulated.Backend
	url string
}

func startDevChain(t *testing.T, contracts map[common.Address][]byte) *devChain {
	t.Helper()
	alloc := types.GenesisAlloc{
		devAccount(t): {Balance: new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether))},
	}
	for address, code := range contracts {
		alloc[address] = types.Account{Code: code, Balance: new(big.Int)}
	}
	for range 10 {
		if chain := (&devChain{t: t}); chain.start(alloc) {
			t.Cleanup(func() { chain.Close() })
			return chain
		}
	}
	t.Fatal("no port for the node")
	return nil
}

// start starts the node on a port that was free just now. It reports false if somebody
// else has taken that since, over which the node panics.
func (c *devChain) start(alloc types.GenesisAlloc) (started bool) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	defer func() {
		if reason := recover(); reason != nil {
			c.t.Logf("port %d: %v", port, reason)
		}
	}()
	c.Backend = simulated.NewBackend(alloc, func(n *node.Config, _ *ethconfig.Config) {
		n.HTTPHost, n.HTTPPort, n.HTTPModules = "127.0.0.1", port, []string{"eth"}
	})
	c.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	return true
}

// mine makes a block of calls to contracts, and returns its hash.
func (c *devChain) mine(contracts ...common.Address) common.Hash {
	c.t.Helper()
	client, nonce := c.Client(), c.settle()
	for _, contract := range contracts {
		tx := types.MustSignNewTx(devKey(c.t), types.LatestSignerForChainID(big.NewInt(1337)), &types.DynamicFeeTx{
			ChainID: big.NewInt(1337), Nonce: nonce, To: &contract, Gas: 200_000, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(100 * params.GWei),
		})
		if err := client.SendTransaction(context.Background(), tx); err != nil {
			c.t.Fatal(err)
		}
		nonce++
	}
	eventually(c.t, "the transactions are pending", func() bool { return c.pending() == nonce })
	block := c.Commit()
	logs, err := client.FilterLogs(context.Background(), ethereum.FilterQuery{BlockHash: &block})
	if err != nil || len(logs) < len(contracts) {
		c.t.Fatalf("block %s has logs %v, %v", block, logs, err)
	}
	return block
}

// fork goes back to a block, and forgets the transactions behind it.
func (c *devChain) fork(to common.Hash) {
	c.t.Helper()
	c.settle()
	if err := c.Fork(to); err != nil {
		c.t.Fatal(err)
	}
}

// settle waits until the node's pool of transactions, which follows the chain on a
// goroutine of its own, is empty at the head. It returns the next nonce.
func (c *devChain) settle() (nonce uint64) {
	c.t.Helper()
	nonce, err := c.Client().NonceAt(context.Background(), devAccount(c.t), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "the pool is at the head", func() bool {
		c.Rollback()
		return c.pending() == nonce
	})
	return nonce
}

// pending returns the nonce behind the pool's transactions.
func (c *devChain) pending() uint64 {
	c.t.Helper()
	nonce, err := c.Client().PendingNonceAt(context.Background(), devAccount(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	return nonce
}

// code is a contract's code: it calls another one, if it is named, and logs.
func code(calls common.Address, log markets.Raw) (code []byte) {
	const (
		pop, mstore, gas, push1, push2, push20, push32, log0, call = 0x50, 0x52, 0x5a, 0x60, 0x61, 0x73, 0x7f, 0xa0, 0xf1
	)
	size := func(n int) []byte { return []byte{push2, byte(n >> 8), byte(n)} }
	if calls != (common.Address{}) {
		code = append(code, push1, 0, push1, 0, push1, 0, push1, 0, push1, 0, push20)
		code = append(append(code, calls[:]...), gas, call, pop)
	}
	for at := 0; at < len(log.Data); at += 32 {
		code = append(append(code, push32), log.Data[at:at+32]...)
		code = append(append(code, size(at)...), mstore)
	}
	for _, topic := range slices.Backward(log.Topics) {
		code = append(append(code, push32), topic[:]...)
	}
	code = append(append(code, size(len(log.Data))...), size(0)...)
	return append(code, log0+byte(len(log.Topics)), 0)
}

func devKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.ToECDSA(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func devAccount(t *testing.T) common.Address {
	t.Helper()
	return crypto.PubkeyToAddress(devKey(t).PublicKey)
}
