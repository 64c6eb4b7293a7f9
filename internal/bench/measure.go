package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// pageOf is how many events are read at a time, as in the pipeline.
var pageOf = actors.DefaultTuning.Events

// before is the place before the first block.
var before = markets.Place{Seq: -1}

func openChain(o options) (chains.Chain, markets.Market, error) {
	market, err := catalogue.Market("seaport", definition.Site{})
	if err != nil {
		return nil, market, err
	}
	var sources []markets.Source
	for _, s := range market.Streams {
		sources = append(sources, s.Source)
	}
	chain, err := evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: o.node}}, ChainID: replay.SyntheticChainID, Sources: sources})
	return chain, market, err
}

// fetchAlone reads and decodes all streams concurrently, and discards the events.
func fetchAlone(ctx context.Context, o options) (result, error) {
	var events atomic.Int64
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range o.chains {
		group.Go(func() error {
			return fetch(ctx, o, func(batch []markets.Event) { events.Add(int64(len(batch))) })
		})
	}
	err := group.Wait()
	return result{Events: int(events.Load()), Took: time.Since(start)}, err
}

// fetch reads and decodes all streams of a chain concurrently. each is called for one
// stream's batches in order, and for several streams concurrently.
func fetch(ctx context.Context, o options, each func([]markets.Event)) error {
	chain, market, err := openChain(o)
	if err != nil {
		return err
	}
	defer chain.Close()
	view, err := chain.Advance(ctx, nil)
	if err != nil {
		return err
	}
	streams, ctx := errgroup.WithContext(ctx)
	for _, s := range market.Streams {
		streams.Go(func() error { return fetchStream(ctx, chain, view, s, each) })
	}
	return streams.Wait()
}

func fetchStream(ctx context.Context, chain chains.Chain, view *chains.View, s markets.Stream, each func([]markets.Event)) error {
	for at := before; at.Seq < view.Head.Seq; {
		page, err := chain.Read(ctx, view, s.Source, at, -1, pageOf)
		if err != nil {
			return err
		}
		events, failures := s.DecodeAll(page.Raws)
		if len(failures) > 0 {
			return fmt.Errorf("an event cannot be decoded: %w", failures[0].Reason)
		}
		each(events)
		at = page.To
	}
	return nil
}

// writeAlone writes the documents of the events in the way that is fastest for the
// store: in large ordered batches, without reads.
func writeAlone(ctx context.Context, o options) (result, error) {
	pages, err := fetchPages(ctx, o)
	if err != nil {
		return result{}, err
	}
	store, remove, err := openStore(ctx, o)
	if err != nil {
		return result{}, err
	}
	defer remove()
	actor, err := store.Claim(ctx, persistence.Claim{ID: "writer", Kind: "orders", Chain: "chain-1", Epoch: 1})
	if err != nil {
		return result{}, err
	}
	events := 0
	start := time.Now()
	for i, p := range pages {
		events += len(p.activities)
		move := persistence.Move{Actor: actor.Ref(), From: markets.Place{Seq: int64(i)}, To: markets.Place{Seq: int64(i) + 1}}
		err := store.Commit(ctx, persistence.MarketRef{Chain: p.chain, Market: "seaport"}, []persistence.Move{move}, func(tx persistence.Tx) error {
			if err := tx.Append(p.activities, nil); err != nil {
				return err
			}
			return tx.PutOrders(p.orders)
		})
		if err != nil {
			return result{}, err
		}
	}
	return result{Events: events, Took: time.Since(start)}, nil
}

// page is what one transaction of writeAlone writes.
type page struct {
	chain      string
	activities []markets.Activity
	orders     []markets.Order
}

// fetchPages fetches all events and folds them, outside of the measurement.
func fetchPages(ctx context.Context, o options) ([]page, error) {
	var pages []page
	for _, chain := range o.chainNames() {
		of, err := documentsOf(ctx, o, chain)
		if err != nil {
			return nil, err
		}
		pages = append(pages, of...)
	}
	return pages, nil
}

func documentsOf(ctx context.Context, o options, chain string) ([]page, error) {
	const perPage = 10_000
	batches := make(chan []markets.Event, 16)
	var err error
	go func() {
		defer close(batches)
		err = fetch(ctx, o, func(batch []markets.Event) { batches <- batch })
	}()
	var pages []page
	p := page{chain: chain}
	orders := map[string]markets.Order{}
	for batch := range batches {
		for _, e := range batch {
			order, known := orders[e.Order]
			if known {
				order.Apply(e)
			} else {
				order, _ = markets.FoldOrder(chain, "seaport", e.Order, []markets.Event{e})
			}
			orders[e.Order] = order
			p.orders = append(p.orders, order)
			p.activities = append(p.activities, markets.Activity{Chain: chain, Market: "seaport", Event: e})
		}
		if len(p.activities) >= perPage {
			pages, p = append(pages, p), page{chain: chain}
		}
	}
	return append(pages, p), err
}

// openStore opens a new store, in MongoDB if the options name one.
func openStore(ctx context.Context, o options) (persistence.Store, func(), error) {
	if o.mongodb != "" {
		return openDatabase(ctx, o)
	}
	dir, err := os.MkdirTemp("", "event-worker-bench-*")
	if err != nil {
		return nil, nil, err
	}
	store, err := embedded.Open(ctx, dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return store, func() {
		store.Close()
		os.RemoveAll(dir)
	}, nil
}

// pipeline follows the recorded node from its first block to its head with the real
// actors.
func pipeline(ctx context.Context, o options) (result, error) {
	return runPipeline(ctx, o, func(persistence.Store, *actors.Node) (func() error, error) {
		return func() error { return nil }, nil
	})
}

// runPipeline runs the pipeline after calling beside, which may start concurrent work. The
// function that beside returns ends that work.
func runPipeline(ctx context.Context, o options, beside func(persistence.Store, *actors.Node) (end func() error, err error)) (result, error) {
	store, remove, err := openStore(ctx, o)
	if err != nil {
		return result{}, err
	}
	defer remove()
	var followed []actors.Chain
	for _, name := range o.chainNames() {
		chain, market, err := openChain(o)
		if err != nil {
			return result{}, err
		}
		defer chain.Close()
		followed = append(followed, actors.Chain{
			Name: name, Chain: chain, Poll: time.Second,
			Markets: []actors.Market{{Market: market, Start: func(string) markets.Place { return before }}},
		})
	}
	start, before := time.Now(), cpu()
	server, err := cpuOfMongoDB(ctx, o)
	if err != nil {
		return result{}, err
	}
	node, err := actors.Start(actors.Config{
		Node: "bench", Store: store, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Chains: followed,
	})
	if err != nil {
		return result{}, err
	}
	end, err := beside(store, node)
	if err != nil {
		return result{}, err
	}
	select {
	case <-node.CaughtUp():
	case <-ctx.Done():
	}
	r := result{Events: o.listings + o.sales, Took: time.Since(start), CPU: cpu() - before}
	if r.MongoDB, err = cpuOfMongoDB(ctx, o); err != nil {
		return result{}, err
	}
	r.MongoDB -= server
	if err := errors.Join(end(), node.Stop(context.WithoutCancel(ctx))); err != nil {
		return result{}, err
	}
	return r, check(ctx, store, o)
}

// check checks the documents of the pipeline.
func check(ctx context.Context, store persistence.Store, o options) error {
	sold, listed := 0, 0
	for doc, err := range store.Query(ctx, persistence.Query{Collection: persistence.Orders}) {
		if err != nil {
			return err
		}
		var order markets.Order
		if err := json.Unmarshal(doc, &order); err != nil {
			return err
		}
		switch order.Status {
		case markets.Sold:
			sold++
		case markets.Listing:
			listed++
		}
	}
	if sold != o.sales || listed != o.listings-o.sales {
		return fmt.Errorf("%d orders sold and %d listed, want %d and %d", sold, listed, o.sales, o.listings-o.sales)
	}
	return nil
}
