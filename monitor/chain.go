package monitor

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Chain records metrics of a chain's calls. Its results are those of the inner chain.
type Chain struct {
	chains.Chain
	head, read, ancestor operation
	events               prometheus.Counter
}

var _ chains.Chain = (*Chain)(nil)

// operation holds the metrics of one kind of request to the chain's endpoints.
type operation struct {
	ok, failed prometheus.Observer
	errors     *prometheus.CounterVec // by class
}

// Chain wraps a chain; name is its name in the configuration. Code that needs more than
// chains.Chain of the inner chain calls Unwrap.
func (m *Metrics) Chain(inner chains.Chain, name string) *Chain {
	errors := m.errors.MustCurryWith(prometheus.Labels{"chain": name})
	for _, class := range chains.Classes { // start at 0, so that Prometheus sees the first increase
		errors.WithLabelValues(class)
	}
	of := func(name, what string) operation {
		return operation{m.fetches.WithLabelValues(name, what, "ok"), m.fetches.WithLabelValues(name, what, "error"), errors}
	}
	m.endpoints.add(name, inner)
	m.asked.add(name, inner)
	return &Chain{inner, of(name, "head"), of(name, "read"), of(name, "ancestor"), m.fetched.WithLabelValues(name)}
}

// Unwrap returns the inner chain.
func (c *Chain) Unwrap() chains.Chain { return c.Chain }

// Advance implements chains.Chain.
func (c *Chain) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	started := time.Now()
	view, err := c.Chain.Advance(ctx, known)
	c.head.observe(started, err)
	return view, err
}

// Read implements chains.Chain.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	started := time.Now()
	page, err := c.Chain.Read(ctx, view, source, after, through, limit)
	c.read.observe(started, err)
	if err == nil {
		c.events.Add(float64(len(page.Raws)))
	}
	return page, err
}

// Ancestor implements chains.Chain.
func (c *Chain) Ancestor(ctx context.Context, view *chains.View, trail markets.Trail, final int64) (markets.Place, bool, error) {
	started := time.Now()
	place, ok, err := c.Chain.Ancestor(ctx, view, trail, final)
	c.ancestor.observe(started, err)
	return place, ok, err
}

// observe records the outcome of an operation. A canceled operation says nothing about the
// endpoint.
func (o operation) observe(started time.Time, err error) {
	class := chains.Class(err)
	switch {
	case err == nil:
		o.ok.Observe(time.Since(started).Seconds())
	case class != "":
		o.failed.Observe(time.Since(started).Seconds())
		o.errors.WithLabelValues(class).Inc()
	}
}
