package evm

import (
	"context"
	"time"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// Heads implements chains.Chain: endpoints that keep a connection announce new heads. It is
// only a hint, as a connection can go silent without an error.
func (c *Chain) Heads() <-chan struct{} { return c.heads }

// followHeads subscribes to new heads at the endpoints that keep a connection, until Close.
func (c *Chain) followHeads() {
	announce := func() {
		select {
		case c.heads <- struct{}{}:
		default: // one is announced already
		}
	}
	for _, e := range c.pool.All() {
		if !e.OnHeads(announce) {
			continue
		}
		if c.heads == nil {
			c.heads = make(chan struct{}, 1)
		}
		go c.keepSubscribed(e)
	}
}

const subscription = "eth_subscribe"

// resubscribeInterval is how often a lost subscription is looked for.
const resubscribeInterval = time.Second

// keepSubscribed renews an endpoint's subscription to new heads with each connection.
func (c *Chain) keepSubscribed(e *endpoint.Endpoint) {
	var on any // the connection that is subscribed
	tick := time.NewTicker(resubscribeInterval)
	defer tick.Stop()
	for {
		if now := e.Connection(); (now == nil || now != on) && !e.Limits.LacksMethod(subscription) {
			on = c.subscribeOnce(e)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// subscribeOnce subscribes, and returns the connection on which it did; nil on an error.
func (c *Chain) subscribeOnce(e *endpoint.Endpoint) any {
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	subscribe := &jsonrpc.Call{Method: subscription, Params: []any{"newHeads"}, Result: func(l *jlexer.Lexer) { l.SkipRecursive() }}
	if err := c.client(e).Do(ctx, subscribe); err != nil {
		if endpoint.ClassOf(err) == endpoint.MissingMethod {
			e.Limits.MarkMethodMissing(subscription)
		}
		return nil
	}
	return e.Connection()
}
