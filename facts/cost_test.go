package facts_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/signature"
	"github.com/imart/event-worker/persistence"
)

// counter is a proxy in front of a node that counts what it is asked. Looks at the head are
// not counted: they depend on poll only.
type counter struct {
	*httptest.Server
	mu              sync.Mutex
	requests, calls int
	methods         map[string]int
}

func count(b *testing.B, node string) *counter {
	b.Helper()
	to, err := url.Parse(node)
	if err != nil {
		b.Fatal(err)
	}
	c := &counter{methods: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		c.note(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	b.Cleanup(c.Close)
	return c
}

func (c *counter) note(body []byte) {
	type call struct {
		Method string
		Params json.RawMessage
	}
	var calls []call
	if json.Unmarshal(body, &calls) != nil {
		calls = make([]call, 1)
		_ = json.Unmarshal(body, &calls[0])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := 0
	for _, call := range calls {
		if params := string(call.Params); strings.Contains(params, `"latest"`) || strings.Contains(params, `"finalized"`) || call.Method == "eth_chainId" {
			continue
		}
		counted++
		c.methods[call.Method]++
	}
	if counted > 0 {
		c.requests++
	}
	c.calls += counted
}

// take returns what was counted since the last time.
func (c *counter) take() (requests, calls int, methods string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests, calls, methods = c.requests, c.calls, fmt.Sprint(c.methods)
	c.requests, c.calls, c.methods = 0, 0, map[string]int{}
	return requests, calls, methods
}

// signers are makers of orders, each of 10.
func signers(b *testing.B, n int) []*ecdsa.PrivateKey {
	b.Helper()
	keys := make([]*ecdsa.PrivateKey, n)
	for i := range keys {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte{byte(i), byte(i >> 8), 7}))
		if err != nil {
			b.Fatal(err)
		}
		keys[i] = key
	}
	return keys
}

// open hands orders in until n are open, 10 of each signer, each of a token of its own.
func (r *running) open(b *testing.B, keys []*ecdsa.PrivateKey) {
	b.Helper()
	domain := signature.Domain{Version: "1.6", ChainID: seaporttest.ChainID, Contract: r.world.Seaport}
	var all []persistence.SignedOrder
	for i, key := range keys {
		for j := range 10 {
			maker := crypto.PubkeyToAddress(key.PublicKey).Hex()
			p := markets.Parameters{
				Offerer: maker, Zone: common.Address{}.Hex(), ZoneHash: common.Hash{}.Hex(), ConduitKey: r.world.ConduitKey.Hex(),
				StartTime: "1", EndTime: "99999999999", Salt: markets.Amount(fmt.Sprint(i*10 + j)), Counter: "0", Required: 1,
				Offer: []markets.OfferedItem{{Type: 2, Token: r.world.ERC721.Hex(), Identifier: markets.Amount(fmt.Sprint(1_000_000 + i*10 + j)), StartAmount: "1", EndAmount: "1"}},
				Consideration: []markets.ConsideredItem{{
					OfferedItem: markets.OfferedItem{Token: common.Address{}.Hex(), Identifier: "0", StartAmount: "1000", EndAmount: "1000"}, Recipient: maker,
				}},
			}
			signed, err := crypto.Sign(domain.Digest(signature.Order{Parameters: p}.Hash()).Bytes(), key)
			if err != nil {
				b.Fatal(err)
			}
			signed[64] += 27
			text, err := json.Marshal(p)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, persistence.SignedOrder{Chain: chain, Market: "seaport", Parameters: text, Signature: hexutil.Encode(signed)})
		}
	}
	if _, err := r.Store().(persistence.SignedOrderStore).InsertSigned(b.Context(), all); err != nil {
		b.Fatal(err)
	}
	for {
		r.world.Mine(1)
		r.settle()
		pending, err := r.Store().(persistence.SignedOrderStore).PendingSigned(b.Context(), persistence.MarketRef{Chain: chain, Market: "seaport"}, 1)
		if err != nil {
			b.Fatal(err)
		}
		if len(pending) == 0 {
			break
		}
	}
	n := 0
	for _, o := range r.orders() {
		if o.Open && o.Fillable != nil {
			n++
		}
	}
	if n < len(all) {
		b.Fatalf("%d of %d orders are open", n, len(all))
	}
}

// minted mints tokens to a taker, and returns the first of their numbers.
func minted(b *testing.B, w *seaporttest.World, n int) int64 {
	b.Helper()
	const first = 5_000_000
	for i := 0; i < n; i += 100 {
		if err := w.Block(func() {
			for j := range 100 {
				if err := w.MintERC721(w.Takers[0], int64(first+i+j)); err != nil {
					b.Fatal(err)
				}
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	return first
}

// BenchmarkBlock measures what a block at the head costs: requests and calls without looks at
// the head. In a full one are 100 transfers, of which each touches the ten orders of a maker
// if there are so many, and none of the other orders.
//
//	go test ./facts -run '^$' -bench Block -benchtime 5x       (10x at most: it has tokens for that)
func BenchmarkBlock(b *testing.B) {
	for _, options := range []string{"facts: false", "10 orders", "10000 orders"} {
		b.Run(options, func(b *testing.B) {
			w := seaporttest.Start(b)
			node := count(b, w.URL())
			var r *running
			var keys []*ecdsa.PrivateKey
			if options == "facts: false" {
				r = followAt(b, w, in(b), node.URL, ", "+options)
			} else {
				r = followAt(b, w, in(b), node.URL, "")
				r.settle()
				keys = signers(b, 1)
				if options != "10 orders" {
					keys = signers(b, 1000)
				}
				r.open(b, keys)
			}
			settle := func() {
				if keys == nil {
					r.settleStream("buy", w.Head())
					r.settleStream("list", w.Head())
				} else {
					r.settle()
				}
			}
			quiet := func() { w.Mine(1) }
			tokens := minted(b, w, 2000)
			transfers := func(to func(i int) common.Address) func() {
				return func() {
					if err := w.Block(func() {
						for i := range 100 {
							if err := w.TransferERC721(w.Takers[0], to(i), tokens); err != nil {
								b.Fatal(err)
							}
							tokens++
						}
					}); err != nil {
						b.Fatal(err)
					}
				}
			}
			vault := transfers(func(int) common.Address { return w.Vault })
			makers := transfers(func(i int) common.Address {
				if len(keys) == 0 {
					return w.Vault
				}
				return crypto.PubkeyToAddress(keys[i%len(keys)].PublicKey)
			})
			for _, block := range []struct {
				name string
				mine func()
			}{{"quiet", quiet}, {"in a slow round", quiet}, {"100 transfers of others", vault}, {"100 transfers of makers", makers}} {
				b.Run(block.name, func(b *testing.B) {
					if block.name == "quiet" { // after the round in which orders were opened
						for node.take(); ; {
							block.mine()
							settle()
							if _, calls, _ := node.take(); calls <= 4 {
								break
							}
						}
					}
					if block.name == "in a slow round" {
						w.Advance(11 * time.Minute)
						settle()
					}
					settle()
					node.take()
					for b.Loop() {
						block.mine()
						settle()
					}
					requests, calls, methods := node.take()
					b.ReportMetric(float64(requests)/float64(b.N), "requests/block")
					b.ReportMetric(float64(calls)/float64(b.N), "calls/block")
					b.Logf("%d blocks: %d requests of %s", b.N, requests, methods)
				})
			}
		})
	}
}

// BenchmarkBackfill measures what facts add to a backfill: of 3,000 blocks and the orders of
// 300 random actions.
//
//	go test ./facts -run '^$' -bench Backfill -benchtime 5x
func BenchmarkBackfill(b *testing.B) {
	w := seaporttest.Start(b)
	rng := rand.New(rand.NewPCG(1, 0))
	w.Random(rng, 150)
	w.Mine(1500)
	w.Random(rng, 150)
	w.Mine(1500)
	for _, options := range []string{"facts: false", "facts: true"} {
		b.Run(options, func(b *testing.B) {
			requests, calls := 0, 0
			for b.Loop() {
				node := count(b, w.URL())
				r := followAt(b, w, in(b), node.URL, ", "+options)
				for _, stream := range []string{"list", "buy", "delist", "bulk-cancel"} {
					r.settleStream(stream, w.Head())
				}
				if options == "facts: true" {
					r.settle()
				}
				n, c, methods := node.take()
				requests, calls = requests+n, calls+c
				b.Log(n, methods)
				if err := r.Stop(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(requests)/float64(b.N), "requests")
			b.ReportMetric(float64(calls)/float64(b.N), "calls")
		})
	}
}
