package page_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/api/page"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/worker"
)

// patience limits every wait of a test.
const patience = 30 * time.Second

// buried is the block whose sales an older program could not decode. why is its hostile
// reason.
const (
	buried = 17_000_000
	why    = "not known: <script>document.title='owned'</script> \u202egnp.exe\x1b[31m"
)

// folder is a data folder.
type folder string

func (f folder) String() string { return "folder " + string(f) }

func (f folder) Open(ctx context.Context) (persistence.Store, error) {
	return embedded.Open(ctx, string(f))
}

// recorded returns the recorded chains and their nodes. more are further endpoints of
// Ethereum.
func recorded(t testing.TB, more ...chains.Endpoint) (out []actors.Chain, nodes []*replay.Node) {
	t.Helper()
	for chain, name := range map[string]string{"ethereum": "seaport", "aptos": "tradeport"} {
		recording, err := replay.Open(os.DirFS("../../testdata/recordings/" + chain))
		if err != nil {
			t.Fatal(err)
		}
		market, err := catalogue.Market(name, definition.Site{ChainID: recording.ChainID})
		if err != nil {
			t.Fatal(err)
		}
		node, err := replay.Serve(t.Context(), "127.0.0.1:0", recording)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = node.Close() })
		numbers := func(s markets.Source) []int64 { return recording.Numbers(s.Account, s.Handle, s.Field) }
		start := func(s markets.Stream) int64 {
			if market.Kind == markets.EVM {
				return 15_990_000
			}
			if known := numbers(s.Source); len(known) > 0 {
				return known[0]
			}
			return 0
		}
		first := map[string]int64{}
		for _, s := range market.Streams {
			first[s.Name] = start(s)
		}
		c := actors.Chain{Name: chain, Poll: 100 * time.Millisecond, Markets: []actors.Market{{
			Market: market, Start: func(stream string) markets.Place { return markets.Place{Seq: first[stream] - 1} },
		}}}
		at, log := []chains.Endpoint{{URL: node.URL()}}, slog.New(slog.DiscardHandler)
		if market.Kind == markets.Aptos {
			c.Chain, err = aptos.New(aptos.Config{Endpoints: at, ChainID: recording.ChainID, Numbers: numbers, Sources: worker.Sources(market)})
		} else {
			c.Chain, err = evm.New(evm.Config{Endpoints: append(at, more...), ChainID: recording.ChainID, Sources: worker.Sources(market), Log: log})
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Chain.Close)
		out, nodes = append(out, c), append(nodes, node)
	}
	return out, nodes
}

// closed returns an endpoint that is down.
func closed(t testing.TB) chains.Endpoint {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return chains.Endpoint{URL: "http://" + listener.Addr().String()}
}

// open opens a worker on a data folder.
func open(t testing.TB, data string, followed []actors.Chain) *worker.Worker {
	t.Helper()
	cfg := config.Config{Node: config.DemoNode, Tuning: actors.DefaultTuning, API: config.API{Off: true}}
	w, err := worker.Open(t.Context(), worker.Options{Config: cfg, Data: folder(data), Log: slog.New(slog.DiscardHandler), Chains: followed})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// follow starts a worker and waits until it has caught up.
func follow(t testing.TB, w *worker.Worker) {
	t.Helper()
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.CaughtUp():
	case <-time.After(patience):
		t.Fatal("the worker does not catch up")
	}
}

// older fills a data folder by a program that cannot decode the sales of one block.
func older(t testing.TB, data string) {
	t.Helper()
	followed, nodes := recorded(t)
	finish(nodes)
	for _, c := range followed {
		for i, s := range c.Markets[0].Streams {
			if c.Name == "ethereum" && s.Name == "buy" {
				c.Markets[0].Streams[i].Decode = ignorant(s.Decode)
			}
		}
	}
	w := open(t, data, followed)
	follow(t, w)
	if err := w.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

type decode = func([]markets.Raw) ([]markets.Event, []markets.Failure)

func ignorant(known decode) decode {
	return func(transaction []markets.Raw) ([]markets.Event, []markets.Failure) {
		if transaction[0].Position.Height != buried {
			return known(transaction)
		}
		var failures []markets.Failure
		for _, raw := range transaction {
			failures = append(failures, markets.Failure{Raw: raw, Reason: errors.New(why)})
		}
		return nil, failures
	}
}

// running returns the store of a running worker, with dead letters of an older program and
// an endpoint that is down.
func running(t testing.TB) persistence.Store {
	t.Helper()
	data := t.TempDir()
	older(t, data)
	followed, nodes := recorded(t, closed(t))
	finish(nodes)
	return started(t, data, followed)
}

// finish advances the recorded chains to their ends.
func finish(nodes []*replay.Node) {
	for _, node := range nodes {
		node.Finish()
	}
}

// started returns the store of a running worker that has caught up.
func started(t testing.TB, data string, followed []actors.Chain) persistence.Store {
	t.Helper()
	w := open(t, data, followed)
	t.Cleanup(func() {
		if err := w.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	follow(t, w)
	return w.Store()
}

// serve serves the page at a loopback address, and returns its URL. With a token viewers may
// make changes.
func serve(t testing.TB, data persistence.Querier, token string) string {
	t.Helper()
	var ask func(context.Context, persistence.Request) error
	if queue, ok := data.(persistence.RequestQueue); ok {
		ask = func(ctx context.Context, r persistence.Request) error {
			return queue.Ask(ctx, []persistence.Request{r}, persistence.AskWithin)
		}
	}
	return serving(t, data, token, ask)
}

func serving(t testing.TB, data persistence.Querier, token string, ask func(context.Context, persistence.Request) error) string {
	t.Helper()
	return servingAs(t, data, ask, api.Options{Token: token})
}

// servingAs serves the page, and the feed if the data have one.
func servingAs(t testing.TB, data persistence.Querier, ask func(context.Context, persistence.Request) error, o api.Options) string {
	t.Helper()
	o.Listen, o.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	p := page.New(t.Context(), page.Options{Data: data, Ask: ask, Changes: o.Token != "", Log: o.Log})
	o.Routes = p.Routes()
	if changing, ok := data.(feed.Data); ok {
		o.Routes = append(o.Routes, feed.Routes(feed.Options{Data: changing, Log: o.Log})...)
	}
	server, err := api.Serve(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Close()
		p.Close()
	})
	return server.URL()
}
