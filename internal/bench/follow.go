package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
)

// follow counts the actors' requests for new blocks. Each block is added after all
// streams have read the previous one, so that the count does not depend on timing.
func follow(ctx context.Context, o options) (result, error) {
	streams, err := someStreams(o.streams)
	if err != nil {
		return result{}, err
	}
	chain, err := newSignalled(o.node, streams)
	if err != nil {
		return result{}, err
	}
	defer chain.Close()
	store, remove, err := openStore(ctx, o)
	if err != nil {
		return result{}, err
	}
	defer remove()
	durable := &durable{Store: store, at: map[string]int64{}, moved: make(chan struct{}, 1)}
	node, err := actors.Start(actors.Config{
		Node: "bench", Store: durable, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Chains: []actors.Chain{{
			Name: "chain-1", Chain: chain, Poll: time.Hour,
			Markets: []actors.Market{{
				Market: markets.Market{Name: "seaport", Kind: markets.EVM, Streams: streams},
				Start:  func(string) markets.Place { return before },
			}},
		}},
	})
	if err != nil {
		return result{}, err
	}
	r, err := chain.countBlocks(ctx, o, durable)
	if stopErr := node.Stop(context.WithoutCancel(ctx)); err == nil {
		err = stopErr
	}
	return r, err
}

// someStreams returns Seaport's listings and count-1 more streams, each with its own
// contract and event.
func someStreams(count int) ([]markets.Stream, error) {
	market, err := catalogue.Market("seaport", definition.Site{})
	if err != nil {
		return nil, err
	}
	streams := market.Streams[:1]
	for i := 1; i < count; i++ {
		other := market.Streams[0]
		other.Name, other.Observer = fmt.Sprint("stream-", i), ""
		other.Source = markets.Source{Addresses: []string{fmt.Sprintf("0x%040x", 1<<20+i)}, Topics: []string{fmt.Sprintf("0x%064x", 1<<20+i)}}
		streams = append(slices.Clip(streams), other)
	}
	return streams, nil
}

// signalled is a chain whose new blocks are signalled explicitly, and that records how
// far its streams have read.
type signalled struct {
	chains.Chain
	url   string
	heads chan struct{}

	mu      sync.Mutex
	streams int
	at      map[string]int64 // by stream
	read    chan struct{}    // signals that a stream has read further
}

func newSignalled(url string, streams []markets.Stream) (*signalled, error) {
	var sources []markets.Source
	for _, s := range streams {
		sources = append(sources, s.Source)
	}
	chain, err := evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: url}}, ChainID: replay.SyntheticChainID, Sources: sources})
	if err != nil {
		return nil, err
	}
	return &signalled{
		Chain: chain, url: url, heads: make(chan struct{}, 1),
		streams: len(streams), at: map[string]int64{}, read: make(chan struct{}, 1),
	}, nil
}

func (c *signalled) Heads() <-chan struct{} { return c.heads }

func (c *signalled) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	page, err := c.Chain.Read(ctx, view, source, after, through, limit)
	if err == nil {
		c.note(source.Topics[0], page.To.Seq)
	}
	return page, err
}

func (c *signalled) note(stream string, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[stream] = max(c.at[stream], at)
	select {
	case c.read <- struct{}{}:
	default:
	}
}

// readTo waits until all streams have read up to a block.
func (c *signalled) readTo(ctx context.Context, block int64) error {
	for !c.haveReadTo(block) {
		select {
		case <-c.read:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (c *signalled) haveReadTo(block int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.at {
		if at < block {
			return false
		}
	}
	return len(c.at) == c.streams
}

// countBlocks counts the requests for new blocks.
func (c *signalled) countBlocks(ctx context.Context, o options, store *durable) (result, error) {
	if err := c.readTo(ctx, settledBlocks); err != nil {
		return result{}, err
	}
	before, err := askedOf(ctx, c.url)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	var took []time.Duration
	for i := range o.of.steps {
		if err := step(ctx, c.url); err != nil {
			return result{}, err
		}
		signalled := time.Now()
		c.heads <- struct{}{}
		if err := c.readTo(ctx, settledBlocks+i+1); err != nil {
			return result{}, err
		}
		if err := store.reach(ctx, settledBlocks+i+1); err != nil {
			return result{}, err
		}
		took = append(took, time.Since(signalled))
	}
	slices.Sort(took)
	after, err := askedOf(ctx, c.url)
	return result{Events: int(o.of.steps), Took: time.Since(start), Asked: after.since(before), Durable: [2]time.Duration{took[len(took)/2], took[len(took)*99/100]}}, err
}

// durable is a store that records how far its observers have committed.
type durable struct {
	persistence.Store

	mu    sync.Mutex
	at    map[string]int64 // by observer
	moved chan struct{}    // signals that an observer has advanced
}

// Commit implements persistence.Store.
func (d *durable) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	err := d.Store.Commit(ctx, market, moves, do)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range moves {
		if strings.HasSuffix(m.Actor.ID, "/orders") { // this actor follows no blocks
			continue
		}
		d.at[m.Actor.ID] = m.To.Seq
	}
	select {
	case d.moved <- struct{}{}:
	default:
	}
	return nil
}

// reach waits until all observers have committed up to a block.
func (d *durable) reach(ctx context.Context, block int64) error {
	for !d.reached(block) {
		select {
		case <-d.moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (d *durable) reached(block int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, at := range d.at {
		if at < block {
			return false
		}
	}
	return true
}
