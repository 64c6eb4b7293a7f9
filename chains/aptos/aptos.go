// Package aptos reads Aptos over the REST API of a pool of fullnodes, and over the transaction
// stream (gRPC) where one is configured: events of handles by their sequence numbers, and
// module events by their types, out of all transactions.
//
// What it guarantees, whatever single nodes do:
//   - A handle's events come without gaps: event n is followed by n+1, or the error is ErrGap
//     (handle.go).
//   - An empty page is the end only if the handle's own counter agrees (handlepages.go), and a
//     handle is missing only if its resource is, too (handle.go).
//   - Each answer names its chain and its ledger version: it is of the configured chain and no
//     older than what was read before, or another node is asked (node.go).
//   - Pruned history is read from the transaction stream where there is one, else ErrPruned
//     says which is the first event left (history.go, start.go).
//   - Where the stream fails, the REST API is read instead (streamhealth.go).
//
// Aptos is never reorganised: a view is a ledger version. A place in a handle is (Seq, Through):
// the last event read, and the ledger version up to which the handle has no further event. For
// example, events 0 to 3 of a handle, read two a page from nodes at version 1000:
//
//	event      0     1     2     3
//	version   200   300   300   700
//
//	page      of        place after it
//	1 (full)  0, 1      (1, 299)     the page may have ended inside version 300
//	2 (full)  2, 3      (3, 699)
//	3 (empty) –         (3, 1000)    the counter says 4 events, too: read up to that answer's version
//
// A stream that has read up to 299 knows that no event of the handle is missing below that
// version, so observers of several handles can be put in ledger order. A page gives no index of
// an event within its transaction: the transaction is read for it, once for all handles.
//
// Module events have no index either. All transactions are read in pages of 100, once for all
// streams, and a place is (version, version): all transactions up to it were read.
package aptos

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/chains/internal/sized"
	"github.com/imart/event-worker/markets"
)

// Config describes an Aptos chain and the endpoints that serve it.
type Config struct {
	Endpoints []chains.Endpoint // of the REST API, with or without /v1
	ChainID   uint64            // 1 is mainnet

	// Numbers is set for a recording, which has gaps: it returns, in order, the sequence
	// numbers of a handle's recorded events, and exactly these must come. Nil, as for every
	// real chain: a handle's numbers have no gaps.
	Numbers func(source markets.Source) []int64

	// Stream is the transaction stream over gRPC (aptos.indexer.v1.RawData) that is read
	// for module events and history where there is one: https://host:port, or
	// grpc://host:port without TLS. The REST API is read where it fails.
	Stream      string
	StreamToken string // sent to it as authorization, secret

	// Sources are all sources that will be read: only events of their types are kept.
	Sources []markets.Source

	Timeout   time.Duration  // of one request; 30 s if zero
	MaxAnswer int64          // bytes of one answer; as many as Budget allows, 64 MiB at most, if zero
	Budget    *chains.Budget // of the bytes of all answers in flight; one of its own if nil
	Log       *slog.Logger   // slog.Default() if nil
}

// Chain is an Aptos chain. It implements chains.Chain.
type Chain struct {
	node    node
	numbers func(markets.Source) []int64

	transactions *sized.Cache[int64, *transaction] // by version; handles share them
	flights      singleflight.Group                // of transactions and pages

	stream   *stream // nil without one
	log      *slog.Logger
	pageSize atomic.Int64 // events of a full page of a handle
	mu       sync.Mutex
	handles  map[string]*handleState // by handle

	accounts map[string]bool                  // of handles, as shortAddress has them
	wanted   map[string]bool                  // types of events of all sources, with and without address
	pages    *sized.Cache[int64, *ledgerPage] // by number; streams share them

	ctx    context.Context // until Close
	cancel context.CancelFunc
}

var _ chains.Chain = (*Chain)(nil)

const (
	transactionsKept = 1024
	bytesKept        = 16 << 20 // of transactions, and of pages
)

// New makes a chain. It asks nothing of the endpoint yet.
func New(cfg Config) (*Chain, error) {
	c := &Chain{
		numbers:      cfg.Numbers,
		transactions: sized.New[int64](transactionsKept, bytesKept, (*transaction).size),
		pages:        sized.New[int64](pagesKept, bytesKept, (*ledgerPage).size),
		wanted:       map[string]bool{},
		accounts:     accountsOf(cfg.Sources),
		log:          cmp.Or(cfg.Log, slog.Default()),
		handles:      map[string]*handleState{},
	}
	c.pageSize.Store(maxPage)
	for _, source := range cfg.Sources {
		for _, name := range source.Types {
			c.wanted[name], c.wanted[withoutAddress(name)] = true, true
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	err := c.openPool(cfg)
	if err == nil && cfg.Stream != "" {
		if c.stream, err = newStream(c, cfg); err != nil {
			c.node.pool.Close()
		}
	}
	if err != nil {
		c.cancel()
		return nil, err
	}
	return c, nil
}

func (c *Chain) openPool(cfg Config) (err error) {
	budget := cfg.Budget
	if budget == nil {
		budget = chains.NewBudget(chains.DefaultBudget)
	}
	endpoints := make([]endpoint.Config, len(cfg.Endpoints))
	for i, e := range cfg.Endpoints {
		if at, err := url.Parse(e.URL); err == nil && at.Scheme != "http" && at.Scheme != "https" {
			return errors.New("endpoint URL of Aptos must be http://host… or https://host…") // the URL itself is secret
		}
		e.URL = strings.TrimRight(e.URL, "/")
		e.Timeout, e.MaxBody, e.Budget = cmp.Or(e.Timeout, cfg.Timeout), cmp.Or(e.MaxBody, cfg.MaxAnswer), budget
		endpoints[i] = e
	}
	c.node.chainID = cfg.ChainID
	c.node.pool, err = endpoint.NewPool(endpoints, nil, c.log) // each answer names its chain
	return err
}

// Close cancels requests under way and closes connections.
func (c *Chain) Close() {
	c.cancel()
	c.stream.close()
	c.node.pool.Close()
}

// Heads implements chains.Chain: nothing signals new heads.
func (c *Chain) Heads() <-chan struct{} { return nil }

// Endpoints implements chains.Chain.
func (c *Chain) Endpoints() []chains.EndpointStatus {
	statuses := c.node.pool.Statuses()
	if c.stream != nil {
		statuses = append(statuses, c.stream.status())
	}
	return statuses
}

// Advance implements chains.Chain. The view is the newest ledger version: Aptos is never
// reorganised.
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

// Ancestor implements chains.Chain. Every place that the ledger has reached is on its only
// branch.
func (c *Chain) Ancestor(_ context.Context, view *chains.View, trail markets.Trail, _ int64) (markets.Place, bool, error) {
	if len(trail) == 0 {
		return markets.Place{}, false, nil
	}
	newest := trail[len(trail)-1]
	if newest.Through > view.Head.Seq {
		return markets.Place{}, false, c.node.Errorf("%w: stream at version %d, ledger at %d", chains.ErrAhead, newest.Through, view.Head.Seq)
	}
	return newest, true, nil
}

// Read implements chains.Chain.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	if len(source.Types) > 0 {
		return c.readTypes(ctx, view, source, after, through, limit)
	}
	return c.readHandle(ctx, view, source, after, through, max(int64(limit), 1))
}
