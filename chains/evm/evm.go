// Package evm reads EVM chains over JSON-RPC, from one endpoint: up to finality by
// ranges of blocks, above it by block hash.
package evm

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common/lru"
	"github.com/mailru/easyjson/jlexer"
	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// Config describes an EVM chain and the endpoint that serves it.
type Config struct {
	URL     string      // http or https; all but its host is kept secret
	Header  http.Header // sent with each request, secret
	ChainID uint64

	// Sources are all that will be read: above finality, a block's logs are fetched
	// once for all of them.
	Sources []markets.Source

	// Confirmations is how many blocks below the head count as final where the node
	// does not tell what is. 64 if zero.
	Confirmations int64
	// MaxUnfinal is how many blocks above finality are followed by hash. Where
	// finality lags further behind, deeper blocks count as final. 1,024 if zero.
	MaxUnfinal int64
	// MaxRange is how many blocks one eth_getLogs may span. 100,000 if zero.
	MaxRange int64

	Timeout   time.Duration // of one request; 30 s if zero
	MaxAnswer int64         // bytes of one answer; 64 MiB if zero
	Log       *slog.Logger  // slog.Default() if nil
}

// Chain is an EVM chain. It implements chains.Chain.
type Chain struct {
	node    client
	cfg     Config
	checked atomic.Bool // that the node serves the configured chain

	filters map[string]filter // by keyOf
	all     filter            // their union
	ranges  ranges

	blocks  *lru.Cache[string, []markets.Raw] // a block's logs for all sources, by hash
	times   *lru.Cache[string, time.Time]     // of blocks, by hash
	flights singleflight.Group                // of blocks being fetched, by hash

	life context.Context // until Close
	end  context.CancelFunc
}

var _ chains.Chain = (*Chain)(nil)

const (
	blocksKept = 128
	timesKept  = 1 << 14
)

// New makes a chain. It asks nothing of the endpoint yet.
func New(cfg Config) (*Chain, error) {
	node, err := endpoint.New(endpoint.Config{URL: cfg.URL, Header: cfg.Header, Timeout: cfg.Timeout, MaxBody: cfg.MaxAnswer})
	if err != nil {
		return nil, err
	}
	cfg.Confirmations = cmp.Or(cfg.Confirmations, 64)
	cfg.MaxUnfinal = cmp.Or(cfg.MaxUnfinal, 1024)
	cfg.MaxRange = cmp.Or(cfg.MaxRange, 100_000)
	if cfg.Confirmations < 0 || cfg.MaxUnfinal < 0 || cfg.MaxRange < 0 {
		return nil, fmt.Errorf("negative limit: confirmations %d, unfinal %d, range %d", cfg.Confirmations, cfg.MaxUnfinal, cfg.MaxRange)
	}
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	c := &Chain{
		node:    client{node},
		cfg:     cfg,
		filters: map[string]filter{},
		ranges:  ranges{most: cfg.MaxRange},
		blocks:  lru.NewCache[string, []markets.Raw](blocksKept),
		times:   lru.NewCache[string, time.Time](timesKept),
	}
	for _, source := range cfg.Sources {
		if c.filters[keyOf(source)], err = newFilter(source); err != nil {
			return nil, err
		}
	}
	c.all = union(c.filters)
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Close ends whatever is under way and closes connections.
func (c *Chain) Close() {
	c.end()
	c.node.Close()
}

// Heads implements chains.Chain: nothing signals new heads.
func (c *Chain) Heads() <-chan struct{} { return nil }

// Endpoints implements chains.Chain.
func (c *Chain) Endpoints() []chains.EndpointStatus { return nil }

// check asks, once, whether the node serves the configured chain.
func (c *Chain) check(ctx context.Context) error {
	if c.checked.Load() {
		return nil
	}
	var id int64
	err := c.node.do(ctx, &call{method: "eth_chainId", result: func(l *jlexer.Lexer) { id = scanInt(l) }})
	if err != nil {
		return err
	}
	if uint64(id) != c.cfg.ChainID {
		return c.node.Errorf("%w: the endpoint's chain id is %d, the configured one %d", chains.ErrWrongChain, id, c.cfg.ChainID)
	}
	c.checked.Store(true)
	return nil
}

// blockByNumber is a call for a block's header by number or tag.
func blockByNumber(number string, h *header) *call {
	return &call{method: "eth_getBlockByNumber", params: []any{number, false}, result: h.into}
}

// blockByHash is a call for a block's header by hash.
func blockByHash(hash string, h *header) *call {
	return &call{method: "eth_getBlockByHash", params: []any{hash, false}, result: h.into}
}

func quantity(v int64) string { return "0x" + strconv.FormatInt(v, 16) }
