package histories

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// Once the chain has stopped growing, the documents may stay wrong without a change for
// at most patience. If they cannot become correct, an actor must report that within the
// same time, and nothing may be wrong after a while.
const (
	patience = 30 * time.Second
	look     = 25 * time.Millisecond
	while    = 500 * time.Millisecond

	longestLie = time.Second // about finality, in a profile with lies that end
)

// history is a chain that grows and is reorganised under a worker that is killed
// occasionally, while the chain's nodes are faulty.
type history struct {
	trial    trial
	random   *rand.Rand
	chain    *blockchain
	store    persistence.Store
	worker   *worker
	servers  []*httptest.Server
	backed   bool // by an endpoint without faults
	sockets  bool
	deep     map[string]bool // activities far below finality that were stored
	killed   int
	replaced int
}

// run runs the history of a seed. Its log goes to out.
func run(ctx context.Context, seed uint64, tr trial, out *logged) (err error) {
	random := rand.New(rand.NewPCG(seed, 13))
	h := &history{trial: tr, random: random, chain: newBlockchain(random, chainName, chainID, 1+random.IntN(60)+tr.blocks), backed: random.IntN(3) == 0, sockets: tr.sockets || random.IntN(6) == 0}
	dir, err := os.MkdirTemp("", "histories-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if h.store, err = embedded.Open(ctx, dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.store.Close()) }()
	endpoints, stop, err := h.serve(seed)
	if err != nil {
		return err
	}
	defer stop()
	if err := h.startWorker(endpoints, slog.New(slog.NewTextHandler(out, nil))); err != nil {
		return err
	}
	defer h.worker.end()
	if err := h.live(ctx); err != nil {
		return fmt.Errorf("%w\nactors:\n  %s", err, report(ctx, h.store))
	}
	if err := h.settle(ctx); err != nil {
		return fmt.Errorf("%d blocks, %d killed, %d reorganised, backed %v, sockets %v:\n  %w", len(h.chain.Blocks()), h.killed, h.replaced, h.backed, h.sockets, err)
	}
	return nil
}

// serve starts the chain's nodes: one with faults, and sometimes one without.
func (h *history) serve(seed uint64) ([]chains.Endpoint, func(), error) {
	node, err := devnet.Serve(h.chain.Chain)
	if err != nil {
		return nil, nil, err
	}
	options := faults.Options{Heads: 10 * time.Millisecond}
	if h.trial.foreign {
		other := newBlockchain(h.random, "foreign", 1, 40)
		if options.Other, err = devnet.Serve(other.Chain); err != nil {
			return nil, nil, err
		}
	}
	proxy, err := faults.New(h.trial.profile, seed, node, options)
	if err != nil {
		return nil, nil, err
	}
	handlers := []http.Handler{proxy}
	if h.backed {
		handlers = append(handlers, node)
	}
	var endpoints []chains.Endpoint
	for _, handler := range handlers {
		server := httptest.NewServer(handler)
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		h.servers = append(h.servers, server)
		endpoints = append(endpoints, chains.Endpoint{URL: server.URL})
	}
	if h.sockets {
		endpoints[0].URL = "ws" + strings.TrimPrefix(endpoints[0].URL, "http")
	}
	return endpoints, func() {
		proxy.Close()
		for _, server := range h.servers {
			server.CloseClientConnections()
			server.Close()
		}
	}, nil
}

// startWorker starts the worker.
func (h *history) startWorker(endpoints []chains.Endpoint, log *slog.Logger) error {
	shop, err := market()
	if err != nil {
		return err
	}
	var sources []markets.Source
	for _, s := range shop.Streams {
		sources = append(sources, s.Source)
	}
	confirm := longestLie + time.Second
	if h.trial.held {
		confirm = time.Hour
	}
	open := func() (chains.Chain, error) {
		return evm.New(evm.Config{
			Endpoints: endpoints, ChainID: chainID, Sources: sources, Log: log,
			Confirmations: 16, Timeout: 400 * time.Millisecond, MaxAnswer: 1 << 20, Budget: chains.NewBudget(8 << 20),
			IncompleteBlooms: h.trial.hollow, ConfirmViolations: confirm,
		})
	}
	h.worker = &worker{store: h.store, log: log, open: open, market: shop, start: func(string) markets.Place { return markets.Place{Seq: 0} }}
	return h.worker.boot()
}

// live mines, reorganises and kills at random.
func (h *history) live(ctx context.Context) error {
	for range 8 + h.random.IntN(16) {
		switch h.random.IntN(8) {
		case 0, 1:
			h.chain.reorganise()
			h.replaced++
		case 2:
			h.worker.kill()
			h.killed++
			if err := h.worker.boot(); err != nil {
				return err
			}
		default:
			h.chain.mine(1 + h.random.IntN(3))
		}
		time.Sleep(time.Duration(h.random.Int64N(int64(60 * time.Millisecond))))
		if err := h.checkKept(ctx); err != nil {
			return err
		}
	}
	return nil
}

// below is how far below the finalized block a reorganisation above it may move a stream
// back.
const below = 40

// checkKept returns an error if an activity far below the finalized block has disappeared:
// no fault lies about finality long enough to justify that.
func (h *history) checkKept(ctx context.Context) error {
	activities, err := persistence.Collect[markets.Activity](ctx, h.store, persistence.Query{Collection: persistence.Activities})
	if err != nil {
		return err
	}
	branch, final, now := h.chain.Blocks(), h.chain.Final(), map[string]bool{}
	for _, a := range activities {
		if a.Seq <= final-below && branch[a.Seq].Hash.Hex() == a.Block {
			now[a.ID()] = true
		}
	}
	for id := range h.deep {
		if !now[id] {
			return fmt.Errorf("final at %d, and %s is gone", final, id)
		}
	}
	h.deep = now
	return nil
}

// idleness is how long the documents have been wrong in the same way: a loaded machine
// is slow, but it does not stop.
type idleness struct {
	since time.Time
	wrong string
}

func (i *idleness) of(wrong string) time.Duration {
	if wrong != i.wrong {
		i.wrong, i.since = wrong, time.Now()
	}
	return time.Since(i.since)
}

// settle waits until the documents are correct, or until the worker reports that they
// cannot be, where that is true.
func (h *history) settle(ctx context.Context) error {
	branch, started := h.chain.Blocks(), time.Now()
	want := documentsOf(h.worker.market.Name, h.all(branch))
	idle := idleness{since: started}
	for {
		got, err := stored(ctx, h.store)
		if err != nil {
			return err
		}
		wrong := h.difference(got, want)
		if wrong == "" {
			return nil
		}
		passed, unchanged := time.Since(started), idle.of(wrong)
		if unchanged > patience {
			return fmt.Errorf("the documents are wrong and have not changed for %s:\n  %s\nactors:\n  %s", patience, wrong, report(ctx, h.store))
		}
		if h.trial.mayStall && (!h.backed || h.trial.forks) && passed > while {
			err := h.checkStalled(ctx)
			if err == nil {
				return nil
			}
			if unchanged > patience-time.Second {
				return fmt.Errorf("%w\nactors:\n  %s", err, report(ctx, h.store))
			}
		}
		time.Sleep(look)
	}
}

// all returns all events of a branch.
func (h *history) all(branch []*devnet.Block) (all []markets.Event) {
	for _, s := range h.worker.market.Streams {
		all = append(all, events(s, branch)...)
	}
	return all
}

// difference describes what is wrong with the documents.
func (h *history) difference(got, want documents) string {
	if h.trial.numbers {
		got, want = got.unnumbered(), want.unnumbered()
	}
	if h.trial.halves {
		return got.missingFrom(want)
	}
	return difference(got, want)
}

// checkStalled returns an error unless the worker is stalled as expected: with the documents
// of a prefix of the chain, and a reported error.
func (h *history) checkStalled(ctx context.Context) error {
	all, err := persistence.Collect[persistence.Actor](ctx, h.store, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return err
	}
	got, err := stored(ctx, h.store)
	if err != nil {
		return err
	}
	if h.trial.forks { // a worker that knew nothing yet may have taken them for the chain's
		return h.checkMined(ctx)
	}
	told := false
	var logged, folded []markets.Event
	for _, a := range all {
		told = told || a.Failing() && a.LastError != ""
		if a.Kind != "observer" {
			continue
		}
		of, err := h.until(a)
		switch {
		case err != nil:
			return err
		case a.Documents:
			folded = append(folded, of...)
		default:
			logged = append(logged, of...)
		}
	}
	if !told {
		return errors.New("the worker is stalled and reports no error")
	}
	want := documents{}
	for key, text := range documentsOf(h.worker.market.Name, logged) {
		if strings.HasPrefix(key, "activity ") {
			want[key] = text
		}
	}
	for key, text := range documentsOf(h.worker.market.Name, folded) {
		if strings.HasPrefix(key, "order ") {
			want[key] = text
		}
	}
	if wrong := difference(got, want); wrong != "" {
		return fmt.Errorf("not the documents of a prefix:\n  %s", wrong)
	}
	return nil
}

// checkMined returns an error if an activity is from a block that was never mined.
func (h *history) checkMined(ctx context.Context) error {
	activities, err := persistence.Collect[markets.Activity](ctx, h.store, persistence.Query{Collection: persistence.Activities})
	for _, a := range activities {
		if h.chain.ByHash(common.HexToHash(a.Block)) == nil {
			return fmt.Errorf("%s is of block %s, which was never mined", a.ID(), a.Block)
		}
	}
	return err
}

// until returns the events of a stream up to an observer's position, on a branch that
// was once the chain's.
func (h *history) until(a persistence.Actor) ([]markets.Event, error) {
	if a.Hash == "" {
		return nil, nil
	}
	b := h.chain.ByHash(common.HexToHash(a.Hash))
	if b == nil {
		return nil, fmt.Errorf("%s is at %d %s, which is on no branch", a.ID, a.Seq, a.Hash)
	}
	for _, s := range h.worker.market.Streams {
		if s.Name == a.Stream {
			return events(s, branchOf(b)), nil
		}
	}
	return nil, fmt.Errorf("%s: no such stream", a.ID)
}
