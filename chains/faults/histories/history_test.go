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
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// The documents of a chain that no longer grows may stay the same, and wrong, for as long as
// patience. Where they cannot become right, that must be told within it, and nothing may be
// wrong after a while.
const (
	patience = 30 * time.Second
	look     = 25 * time.Millisecond
	while    = 500 * time.Millisecond

	longestLie = time.Second // about finality, in a profile in which lies end
)

// history is a chain that grows and is reorganised under a worker that is killed now
// and then, while the chain's nodes are faulty.
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

// run lives through the history of a seed. What it logs goes to out.
func run(ctx context.Context, seed uint64, tr trial, out *logged) (err error) {
	random := rand.New(rand.NewPCG(seed, 13))
	h := &history{trial: tr, random: random, chain: newBlockchain(random, 2+random.IntN(60)+tr.blocks), backed: random.IntN(3) == 0, sockets: tr.sockets || random.IntN(6) == 0}
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
	if err := h.begin(endpoints, slog.New(slog.NewTextHandler(out, nil))); err != nil {
		return err
	}
	defer h.worker.end()
	if err := h.live(ctx); err != nil {
		return fmt.Errorf("%w\nactors:\n  %s", err, report(ctx, h.store))
	}
	if err := h.settle(ctx); err != nil {
		return fmt.Errorf("%d blocks, %d killed, %d reorganised, backed %v, sockets %v:\n  %w", len(h.chain.now()), h.killed, h.replaced, h.backed, h.sockets, err)
	}
	return nil
}

// serve starts the chain's nodes: one with faults, and at times one without.
func (h *history) serve(seed uint64) ([]chains.Endpoint, func(), error) {
	node, err := serve(h.chain)
	if err != nil {
		return nil, nil, err
	}
	options := faults.Options{Heads: 10 * time.Millisecond}
	if h.trial.foreign {
		other, err := serve(newBlockchain(h.random, 40))
		if err != nil {
			return nil, nil, err
		}
		options.Other = renamed{other}
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

// begin starts the worker.
func (h *history) begin(endpoints []chains.Endpoint, log *slog.Logger) error {
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
		if err := h.keeps(ctx); err != nil {
			return err
		}
	}
	return nil
}

// below is how far below finality a reorganisation above it may make a stream go back.
const below = 40

// keeps says whether an activity far below finality, once stored, is gone: no lie about
// finality lasts so long that it is to be believed.
func (h *history) keeps(ctx context.Context) error {
	activities, err := load[markets.Activity](ctx, h.store, persistence.Activities)
	if err != nil {
		return err
	}
	branch, final, now := h.chain.now(), h.chain.finalized(), map[string]bool{}
	for _, a := range activities {
		if a.Seq <= final-below && branch[a.Seq].hash.Hex() == a.Block {
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

// idleness is for how long the documents have been wrong in the same way: a loaded machine
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

// settle waits until the documents are right, or until the worker says that they cannot
// be where that is so.
func (h *history) settle(ctx context.Context) error {
	branch, began := h.chain.now(), time.Now()
	want := documentsOf(h.worker.market.Name, h.all(branch))
	idle := idleness{since: began}
	for {
		got, err := stored(ctx, h.store)
		if err != nil {
			return err
		}
		wrong := h.difference(got, want)
		if wrong == "" {
			return nil
		}
		passed, unchanged := time.Since(began), idle.of(wrong)
		if unchanged > patience {
			return fmt.Errorf("the documents are not right and have not changed for %s:\n  %s\nactors:\n  %s", patience, wrong, report(ctx, h.store))
		}
		if h.trial.stands && (!h.backed || h.trial.forks) && passed > while {
			err := h.stands(ctx)
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

// all are all events of a branch.
func (h *history) all(branch []*block) (all []markets.Event) {
	for _, s := range h.worker.market.Streams {
		all = append(all, events(s, branch)...)
	}
	return all
}

// difference is what is wrong with the documents.
func (h *history) difference(got, want documents) string {
	if h.trial.numbers {
		got, want = got.unnumbered(), want.unnumbered()
	}
	if h.trial.halves {
		return got.but(want)
	}
	return difference(got, want)
}

// stands says why the worker does not stand as it ought to: with the documents of a
// prefix of the chain, and saying so.
func (h *history) stands(ctx context.Context) error {
	all, err := load[persistence.Actor](ctx, h.store, persistence.Actors)
	if err != nil {
		return err
	}
	got, err := stored(ctx, h.store)
	if err != nil {
		return err
	}
	if h.trial.forks { // a worker that knew nothing yet may have taken them for the chain's
		return h.mined(got)
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
		return errors.New("it stands and does not say so")
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

// mined says which activity is of no block that was ever mined.
func (h *history) mined(got documents) error {
	for key := range got {
		if block := key[strings.LastIndex(key, "/")+1:]; strings.HasPrefix(key, "activity ") && !h.chain.has(block) {
			return fmt.Errorf("%s is of a block that was never mined", key)
		}
	}
	return nil
}

// until are the events of a stream up to where an observer stands, on a branch that was
// the chain's.
func (h *history) until(a persistence.Actor) ([]markets.Event, error) {
	if a.Hash == "" {
		return nil, nil
	}
	branch := h.chain.upTo(common.HexToHash(a.Hash))
	if branch == nil {
		return nil, fmt.Errorf("%s stands at %d %s, which is of no branch", a.ID, a.Seq, a.Hash)
	}
	for _, s := range h.worker.market.Streams {
		if s.Name == a.Stream {
			return events(s, branch), nil
		}
	}
	return nil, fmt.Errorf("%s: no such stream", a.ID)
}
