// Package aptos reads Aptos over a fullnode's REST API: event handles by their
// sequence numbers, and the transactions around their events; and events by their
// types, out of all transactions.
package aptos

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common/lru"
	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// Config describes an Aptos chain and the endpoint that serves it.
type Config struct {
	URL     string      // of the REST API, with or without /v1; all but its host is kept secret
	Header  http.Header // sent with each request, secret
	ChainID uint64      // 1 is mainnet

	// Numbers is set for a recording, which is known to be sparse: it lists, in
	// order, the sequence numbers of a handle's recorded events, and exactly these
	// must come. Where it is nil, as for every real chain, a handle's numbers must be
	// without gaps.
	Numbers func(source markets.Source) []int64

	// Sources are all that will be read: of the transactions only events of their types
	// are kept.
	Sources []markets.Source

	Timeout   time.Duration // of one request; 30 s if zero
	MaxAnswer int64         // bytes of one answer; 64 MiB if zero
}

// Chain is an Aptos chain. It implements chains.Chain.
type Chain struct {
	node    node
	numbers func(markets.Source) []int64

	transactions *lru.Cache[int64, *transaction] // by version; handles share them
	flights      singleflight.Group              // of transactions and pages being fetched

	wanted map[string]bool                // types of events of all sources, and these without their addresses
	pages  *lru.Cache[int64, *ledgerPage] // by number; streams share them

	life context.Context // until Close
	end  context.CancelFunc
}

var _ chains.Chain = (*Chain)(nil)

const transactionsKept = 512

// New makes a chain. It asks nothing of the endpoint yet.
func New(cfg Config) (*Chain, error) {
	e, err := endpoint.New(endpoint.Config{URL: strings.TrimRight(cfg.URL, "/"), Header: cfg.Header, Timeout: cfg.Timeout, MaxBody: cfg.MaxAnswer})
	if err != nil {
		return nil, err
	}
	c := &Chain{
		node:         newNode(e, cfg.ChainID),
		numbers:      cfg.Numbers,
		transactions: lru.NewCache[int64, *transaction](transactionsKept),
		pages:        lru.NewCache[int64, *ledgerPage](pagesKept),
		wanted:       map[string]bool{},
	}
	for _, source := range cfg.Sources {
		for _, name := range source.Types {
			c.wanted[name], c.wanted[withoutAddress(name)] = true, true
		}
	}
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

// Advance implements chains.Chain: the view is the newest ledger version, as Aptos
// is never reorganised.
func (c *Chain) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	version, err := c.node.ledgerVersion(ctx)
	if err != nil {
		return nil, err
	}
	if known != nil && version <= known.Head.Seq {
		return known, nil
	}
	return chains.NewLedger(version), nil
}

// Ancestor implements chains.Chain: every place that the ledger has reached is on
// the one branch there is.
func (c *Chain) Ancestor(_ context.Context, view *chains.View, trail markets.Trail, _ int64) (markets.Place, bool, error) {
	if len(trail) == 0 {
		return markets.Place{}, false, nil
	}
	newest := trail[len(trail)-1]
	if newest.Through > view.Head.Seq {
		return markets.Place{}, false, c.node.Errorf("%w: place at version %d, ledger at %d", chains.ErrAhead, newest.Through, view.Head.Seq)
	}
	return newest, true, nil
}
