package commands

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
)

// pool is the definition of a market of pairs that a factory creates.
const pool = `market: pool
kind: evm
raw: true
chains: {dev: {chainId: 1337, start: 1, contracts: {factory: ["0x000000000000000000000000000000000000fac1", "0x000000000000000000000000000000000000fac2"]}}}
abi: |
  event NewPair(address pair)
  event Swap(uint256 id, uint256 price)
factories:
  pair: {event: NewPair, address: pair}
streams:
  buy:
    event: Swap
    contract: pair
    becomes: {kind: bought, order: 'emitter + "-" + id', price: price, currency: coin}
`

var (
	firstFactory, secondFactory = common.HexToAddress("0xfac1"), common.HexToAddress("0xfac2")
	firstPair, secondPair       = common.HexToAddress("0xa1"), common.HexToAddress("0xa2")
	stranger                    = common.HexToAddress("0xa3")
)

// Of a real node whose chain reorganises, the events of pairs are read that were announced
// before, in the same transaction too: after a restart as before it, and decoded again.
func TestAMarketOfAnnouncedContracts(t *testing.T) {
	t.Parallel()
	swap := func(pair common.Address, id int) []byte {
		return code(common.Address{}, markettest.Log(t, pair, "Swap(uint256,uint256)", id, 5000))
	}
	created := func(pair common.Address) []byte {
		return code(common.Address{}, markettest.Log(t, firstFactory, "NewPair(address)", pair))
	}
	chain := startDevChain(t, map[common.Address][]byte{
		firstFactory: created(firstPair), secondFactory: created(secondPair),
		firstPair: swap(firstPair, 1), stranger: swap(stranger, 3),
		secondPair: code(secondFactory, markettest.Log(t, secondPair, "Swap(uint256,uint256)", 2, 5000)), // created by its first swap
	})
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	write(t, filepath.Join(dir, "pool.yaml"), pool)
	write(t, filepath.Join(dir, "event-worker.yaml"), fmt.Sprintf("data: data\ndefinitions: [pool.yaml]\nchains:\n  dev: {kind: evm, chainId: 1337, endpoint: %q, poll: 50ms, markets: {pool: {}}}\n", chain.url))
	is := func(want ...string) {
		t.Helper()
		var got []string
		defer func() {
			if t.Failed() {
				t.Logf("it is %v", got)
			}
		}()
		eventually(t, fmt.Sprintf("the log is %v", want), func() bool {
			got = nil
			for _, a := range find(t, data, "activities", `{}`, "--sort", "position.height,position.log") {
				got = append(got, strings.Replace(strings.ToLower(fmt.Sprint(a["kind"], " ", a["contract"])), "0x00000000000000000000000000000000000000", "", 1))
			}
			return slices.Equal(got, want)
		})
		orders := map[string]bool{}
		for _, s := range want {
			if pair, ok := strings.CutPrefix(s, "bought "); ok {
				orders[pair] = true
			}
		}
		eventually(t, fmt.Sprintf("%d orders", len(orders)), func() bool { return len(find(t, data, "orders", `{status: "SOLD"}`)) == len(orders) })
	}
	before := chain.mine(firstPair, stranger)
	chain.mine(firstFactory)
	chain.mine(firstPair, stranger)
	p := launch(t, dir, "run")
	p.says("every stream has caught up")
	is("contract_created a1", "bought a1")
	chain.mine(secondPair)
	is("contract_created a1", "bought a1", "contract_created a2", "bought a2")

	chain.fork(before)
	chain.mine(firstPair)
	for range 4 {
		chain.mine()
	}
	is()
	chain.mine(firstFactory)
	is("contract_created a1")
	p.ends(syscall.SIGTERM)

	chain.mine(firstPair, stranger)
	p = launch(t, dir, "run")
	defer func() {
		if t.Failed() {
			t.Log(p.out.String())
		}
	}()
	is("contract_created a1", "bought a1")
	chain.mine(secondPair, stranger)
	is("contract_created a1", "bought a1", "contract_created a2", "bought a2")
	p.ends(syscall.SIGTERM)

	write(t, filepath.Join(dir, "pool.yaml"), strings.Replace(pool, "address: pair", `address: pair, when: 'pair endsWith "2"'`, 1))
	output(t, dir, "redecode", "dev/pool/buy")
	is("contract_created a2", "bought a2")
}
