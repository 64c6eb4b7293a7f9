package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/worker"
)

// load counts the requests to the API and their results.
type load struct {
	Sent, Answered int
	Refused        map[int]int      // by status; 0: no response
	Took           [2]time.Duration // the 50th and the 99th percentile of the answered ones
	CPU            time.Duration    // of the clients
}

// compareServed measures the pipeline without and with concurrent requests to the API, in pairs
// of alternating order, and prints the ratio of their times.
func compareServed(ctx context.Context, o options) error {
	node, err := startNode(ctx, o, "node")
	if err != nil {
		return err
	}
	defer node.stop()
	o.node = node.url
	var ratios []float64
	for i := range o.runs {
		names := []string{"pipeline", "served"}
		if i%2 == 1 {
			slices.Reverse(names)
		}
		took := map[string]result{}
		for _, name := range names {
			if took[name], err = inProcess(ctx, o, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		quiet, served := took["pipeline"], took["served"]
		ratios = append(ratios, served.Took.Seconds()/quiet.Took.Seconds())
		fmt.Printf("pair %d: %6.0f events/s alone, %6.0f beside %d requests/s: takes %.2f times as long; answered %d of %d in %s (99 %%: %s), refused %v\n",
			i+1, quiet.rate(), served.rate(), o.requests, ratios[i], served.Load.Answered, served.Load.Sent,
			served.Load.Took[0].Round(time.Millisecond/10), served.Load.Took[1].Round(time.Millisecond), served.Load.Refused)
		fmt.Printf("        CPU seconds of the pipeline %.2f alone, %.2f beside; of MongoDB %.2f and %.2f; of the clients %.2f\n",
			quiet.CPU.Seconds(), served.CPU.Seconds(), quiet.MongoDB.Seconds(), served.MongoDB.Seconds(), served.Load.CPU.Seconds())
	}
	slices.Sort(ratios)
	fmt.Printf("a backfill of %d events takes %.2f times as long beside %d requests/s: median of %d pairs\n", o.listings+o.sales, ratios[len(ratios)/2], o.requests, o.runs)
	return nil
}

// pipelineServed is pipeline while another process sends requests to the API.
func pipelineServed(ctx context.Context, o options) (result, error) {
	var l load
	r, err := runPipeline(ctx, o, func(store persistence.Store, node *actors.Node) (func() error, error) {
		server, err := worker.ServeAPI(ctx, config.API{Listen: "127.0.0.1:0"}, store.(worker.Served), worker.AccessOf(store, node), slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		o.node = server.URL()
		clients := command(ctx, o, "load")
		out, err := clients.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := clients.Start(); err != nil {
			return nil, err
		}
		return func() error {
			defer server.Close()
			if err := clients.Process.Signal(os.Interrupt); err != nil {
				return err
			}
			if err := json.NewDecoder(out).Decode(&l); err != nil {
				return err
			}
			return clients.Wait()
		}, nil
	})
	r.Load = l
	return r, err
}

// clients send requests to an API and count the results.
type clients struct {
	base string

	mu   sync.Mutex
	load load
	took []time.Duration
	ids  []string // of orders
	// The token collection and the currency of an order.
	collection, currency string
}

// sendLoad sends requests at a constant rate, however long the responses take, until ctx ends.
// Then it prints the results.
func sendLoad(ctx context.Context, o options) error {
	c := &clients{base: o.node, load: load{Refused: map[int]int{}}}
	every := time.NewTicker(time.Second / time.Duration(o.requests))
	defer every.Stop()
	var open sync.WaitGroup
	for n := 0; ctx.Err() == nil; n++ {
		path := c.path(n)
		open.Go(func() { c.send(path) })
		select {
		case <-every.C:
		case <-ctx.Done():
		}
	}
	open.Wait()
	slices.Sort(c.took)
	if n := len(c.took); n > 0 {
		c.load.Took = [2]time.Duration{c.took[n/2], c.took[n*99/100]}
	}
	c.load.CPU = cpu()
	return json.NewEncoder(os.Stdout).Encode(c.load)
}

// path returns the path of the nth request: the open orders of a token collection, an order, or
// the newest activities.
func (c *clients) path(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := func(collection, filter, sort string) string {
		return "/" + collection + "?" + url.Values{"filter": {filter}, "sort": {sort}, "limit": {"20"}}.Encode()
	}
	switch {
	case n%3 == 1 && len(c.ids) > 0:
		return "/orders/" + c.ids[n%len(c.ids)]
	case n%3 == 2:
		return list("activities", `{chain: "chain-1", market: "seaport"}`, "-time")
	case c.collection == "":
		return list("orders", "", "")
	}
	// Fits the index floor. The benchmark asks no contracts, so no order has fillable.
	return list("orders", fmt.Sprintf(`{"token.collection": %q, side: "ask", status: "LISTING", "fillable.answer": null, "currency.address": %q}`, c.collection, c.currency), "unitPrice")
}

// client keeps connections open, as clients with frequent requests do.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func (c *clients) send(path string) {
	started := time.Now()
	status, body := 0, []byte(nil)
	res, err := client.Get(c.base + path)
	if err == nil {
		status = res.StatusCode
		body, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load.Sent++
	if err != nil || status != http.StatusOK {
		c.load.Refused[status]++
		return
	}
	c.load.Answered++
	c.took = append(c.took, time.Since(started))
	var page struct {
		Data []struct {
			ID       string `json:"_id"`
			Order    string
			Token    struct{ Collection string }
			Currency struct{ Address string }
		}
	}
	if json.Unmarshal(body, &page) != nil || len(page.Data) == 0 {
		return
	}
	if first := page.Data[0]; first.Order == "" { // orders
		c.collection, c.currency, c.ids = first.Token.Collection, first.Currency.Address, nil
		for _, o := range page.Data {
			c.ids = append(c.ids, o.ID)
		}
	}
}
