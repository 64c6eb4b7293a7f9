// Package evm reads EVM chains over JSON-RPC from a pool of endpoints: up to finality in
// windows of blocks, which all streams of the chain share, above it block by block, by hash.
//
// What it guarantees, whatever single endpoints do:
//   - An empty answer is believed only of an endpoint that has proved to have the blocks asked
//     for, and only as far as the blooms of their headers allow (completeness.go).
//   - A finality violation is believed only once it is confirmed: the chain id is right, no
//     other endpoint contradicts it, and it has lasted (finality.go).
//   - A lower head is a lagging node until parent hashes prove a reorganisation (head.go).
//   - Logs above finality are asked for by block hash, together with the header of the block:
//     they are of the view's branch, or the error is ErrReorganised (block.go).
//   - Contracts are asked by block hash, which must be on the chain, together with the header at
//     its height and code that says in which block it is run (internal/calls). Where a
//     node takes numbers only, the header must be the same before and after.
//   - A contract spoils the answers of no other one: what fails in an aggregate of Multicall3 is
//     asked for alone (internal/calls).
//   - What was answered is kept, whatever fails beside it (internal/jsonrpc, internal/backfill).
//   - What is refused is asked for in another way: fewer blocks, fewer addresses, receipts,
//     another endpoint (ranges.go, block.go).
//
// For example, with the head at block 100, finality at 90 and a stream at block 40:
//
//	40 ──▶ 65 ──▶ 90                          windows: logs by range, with the last block's header
//	              90 ─▶ 91 ─▶ 92 … ─▶ 100     blocks: logs by hash, with each block's header
//
// Then block 99 is replaced. The view of the new head ends the old branch; a stream at 100
// learns from View.Stand that its place is off the branch, goes back to the ancestor, 98, and
// reads 99' and 100' by their hashes:
//
//	90 ─ … ─ 98 ─ 99  ─ 100      off the branch
//	           ╰─ 99' ─ 100'     the view
//
// If it were block 89 that is replaced, below finality, Advance would return ErrFinality until
// the violation is confirmed (Config.ConfirmViolations) and then count it in
// View.FinalityViolations.
//
// Inside: internal/jsonrpc batches calls and splits refused batches, internal/eth is
// Ethereum's data (headers, logs, filters, blooms), internal/backfill schedules the windows,
// internal/multicall is the coding of aggregates. Package contract, beside it, is the coding of
// the calls that contracts of markets and tokens are asked.
package evm

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common/lru"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/backfill"
	"github.com/imart/event-worker/chains/evm/internal/calls"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/chains/internal/sized"
	"github.com/imart/event-worker/markets"
)

// Config describes an EVM chain and the endpoints that serve it.
type Config struct {
	Endpoints []chains.Endpoint
	ChainID   uint64

	// Sources are all sources that will be read: a block's logs are fetched once for all.
	Sources []markets.Source

	// Confirmations is how many blocks below the head count as final where the node
	// does not know the tag "finalized". 64 if zero.
	Confirmations int64
	// MaxUnfinal is how many blocks above finality are followed by hash. Where
	// finality lags further behind, deeper blocks count as final. 1,024 if zero.
	MaxUnfinal int64
	// MaxRange is how many blocks one eth_getLogs may span. 100,000 if zero.
	MaxRange int64
	// InFlight is how many windows are fetched concurrently. 8 if zero.
	InFlight int
	// MaxBatch is how many calls one request may hold. 100 if zero; 1: no batches.
	MaxBatch int
	// IncompleteBlooms says that blooms may lack some of their block's logs.
	IncompleteBlooms bool
	// ConfirmViolations is how long a finality violation must last before it is confirmed.
	// 3 minutes if zero; negative: the first observation confirms it.
	ConfirmViolations time.Duration
	// HoldViolations stalls the chain at a finality violation until a person decides.
	HoldViolations bool

	Timeout   time.Duration  // of one request; 30 s if zero
	MaxAnswer int64          // bytes of one answer; as many as Budget allows, 64 MiB at most, if zero
	Budget    *chains.Budget // of the bytes of all answers in flight; one of its own if nil
	Log       *slog.Logger   // slog.Default() if nil
}

// Chain is an EVM chain. It implements chains.Chain.
type Chain struct {
	pool   *endpoint.Pool
	budget *chains.Budget
	cfg    Config
	ids    map[*endpoint.Endpoint]*atomic.Int64 // of calls, where connections are kept

	filters    map[string]eth.Filter // by eth.SourceKey
	all        eth.Filter            // their union
	blooms     bloomTrust
	violations violations
	finality   finalityTag
	history    history
	multicall  calls.Deployed
	backfill   *backfill.Windows

	blocks      *sized.Cache[string, []markets.Raw]   // a block's logs for all sources, by hash
	headers     *lru.Cache[string, eth.Header]        // by hash
	receiptLogs *sized.Cache[string, []markets.Log]   // a transaction's logs, by block and hash
	envelopes   *lru.Cache[string, *markets.Envelope] // a transaction's, by block and hash
	flights     singleflight.Group                    // of blocks being fetched, by hash
	heads       chan struct{}

	contradictions atomic.Int64 // blooms that held more than two sources had
	warned         atomic.Int64 // when it was last said that blocks are read one by one, Unix seconds

	ctx    context.Context // until Close
	cancel context.CancelFunc
}

var _ chains.Chain = (*Chain)(nil)

const (
	blocksKept      = 128
	headersKept     = 1 << 13
	receiptLogsKept = 1 << 11
	envelopesKept   = 1 << 12
	bytesKept       = 8 << 20 // of blocks, and of what is around events
)

// New makes a chain. It asks nothing of the endpoints yet.
func New(cfg Config) (*Chain, error) {
	cfg.Confirmations = cmp.Or(cfg.Confirmations, 64)
	cfg.MaxUnfinal = cmp.Or(cfg.MaxUnfinal, 1024)
	cfg.MaxRange = cmp.Or(cfg.MaxRange, 100_000)
	cfg.InFlight = cmp.Or(cfg.InFlight, 8)
	cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 100)
	cfg.ConfirmViolations = cmp.Or(cfg.ConfirmViolations, 3*time.Minute)
	if cfg.Confirmations < 0 || cfg.MaxUnfinal < 0 || cfg.MaxRange < 0 || cfg.InFlight < 0 || cfg.MaxBatch < 0 {
		return nil, fmt.Errorf("negative limit: confirmations %d, unfinal %d, range %d, in flight %d, batch %d",
			cfg.Confirmations, cfg.MaxUnfinal, cfg.MaxRange, cfg.InFlight, cfg.MaxBatch)
	}
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	c := &Chain{
		cfg:         cfg,
		filters:     map[string]eth.Filter{},
		blocks:      sized.New[string](blocksKept, bytesKept, eth.SizeOf),
		headers:     lru.NewCache[string, eth.Header](headersKept),
		receiptLogs: sized.New[string](receiptLogsKept, bytesKept, eth.SizeOfLogs),
		envelopes:   lru.NewCache[string, *markets.Envelope](envelopesKept),
		ids:         map[*endpoint.Endpoint]*atomic.Int64{},
		history:     history{sampling: semaphore.NewWeighted(1)},
	}
	for _, source := range cfg.Sources {
		f, err := eth.NewFilter(source)
		if err != nil {
			return nil, err
		}
		c.filters[eth.SourceKey(source)] = f
	}
	c.all = eth.Union(c.filters)
	c.blooms.incomplete.Store(cfg.IncompleteBlooms)
	if c.budget = cfg.Budget; c.budget == nil {
		c.budget = chains.NewBudget(chains.DefaultBudget)
	}
	if err := c.openPool(); err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.backfill = backfill.New(c.ctx, backfill.Config{Filters: c.filters, MaxRange: cfg.MaxRange, InFlight: cfg.InFlight, Budget: c.budget}, endpointWindows{c})
	c.followHeads()
	return c, nil
}

func (c *Chain) openPool() (err error) {
	endpoints := make([]endpoint.Config, len(c.cfg.Endpoints))
	for i, e := range c.cfg.Endpoints {
		e.Timeout, e.MaxBody, e.Budget = cmp.Or(e.Timeout, c.cfg.Timeout), cmp.Or(e.MaxBody, c.cfg.MaxAnswer), c.budget
		endpoints[i] = e
	}
	verify := func(ctx context.Context, e *endpoint.Endpoint) error { return c.verifyChain(ctx, c.client(e)) }
	if c.pool, err = endpoint.NewPool(endpoints, verify, c.cfg.Log); err != nil {
		return err
	}
	for _, e := range c.pool.All() {
		if e.KeepsConnection() {
			c.ids[e] = new(atomic.Int64)
		}
	}
	return nil
}

// Close cancels requests under way and closes connections.
func (c *Chain) Close() {
	c.cancel()
	c.pool.Close()
}

// Endpoints implements chains.Chain.
func (c *Chain) Endpoints() []chains.EndpointStatus { return c.pool.Statuses() }

// client is the client of one endpoint.
func (c *Chain) client(e *endpoint.Endpoint) jsonrpc.Client {
	return jsonrpc.Client{Endpoint: e, MaxBatch: c.cfg.MaxBatch, IDs: c.ids[e]}
}

// use runs an attempt with the fittest endpoint, and with others while it fails.
func (c *Chain) use(ctx context.Context, need endpoint.Need, attempt func(context.Context, jsonrpc.Client) error) error {
	return c.pool.Use(ctx, need, func(ctx context.Context, e *endpoint.Endpoint) error { return attempt(ctx, c.client(e)) })
}

// ask sends independent calls: what one endpoint does not answer, another is asked for. With a
// single endpoint it waits while the rate is limited.
func (c *Chain) ask(ctx context.Context, need endpoint.Need, calls ...*jsonrpc.Call) error {
	return c.use(ctx, need, func(ctx context.Context, n jsonrpc.Client) error {
		if len(c.pool.All()) == 1 {
			n.RateRetries = maxRateRetries
		}
		return n.Do(ctx, calls...)
	})
}

// maxRateRetries is how many rate limits in a row are waited for.
const maxRateRetries = 6

// verifyChain asks whether an endpoint serves the configured chain.
func (c *Chain) verifyChain(ctx context.Context, n jsonrpc.Client) error {
	var id int64
	if err := n.Do(ctx, eth.ChainID(&id)); err != nil {
		return err
	}
	return c.checkChainID(n, id)
}

// checkChainID checks the chain id that an endpoint has answered.
func (c *Chain) checkChainID(n jsonrpc.Client, id int64) error {
	if uint64(id) != c.cfg.ChainID {
		n.MarkWrongChain()
		return n.Errorf("%w: the endpoint's chain id is %d, the configured one %d", chains.ErrWrongChain, id, c.cfg.ChainID)
	}
	n.MarkVerified()
	return nil
}

// withBlock is the need for an endpoint that has a block.
func withBlock(height int64) endpoint.Need { return endpoint.Need{To: height} }
