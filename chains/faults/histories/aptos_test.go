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
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// aptosTrials are the trials of the recorded Aptos ledger.
var aptosTrials = []trial{
	{name: "none"},
	{name: "aptos-short-pages", faults: `[{fault: aptos-short-page, most: 2}]`},
	{name: "aptos-units", faults: `[{fault: compute-units, units: 4000, window: 1s, methods: [ledger, events, transactions, transaction]}]`},
	{name: "aptos-pruned", mayStall: true},
	{name: "aptos-pruned-old", mayStall: true},
	{name: "aptos-lagging", faults: `[{fault: aptos-lag, versions: 100_000, chance: 0.3}]`},
	{name: "aptos-no-handle"},
	{name: "aptos-newest"},
	{name: "aptos-other-chain", faults: `[{fault: aptos-chain-id, after: 300ms, lasts: 400ms}]`},
	{name: "aptos-provider", faults: `[{fault: latency, fixed: 5ms, jitter: 20ms}, {fault: status, status: 503, chance: 0.01},
		{fault: aptos-lag, versions: 100_000, chance: 0.2}, {fault: aptos-short-page, most: 2, chance: 0.5}]`},
	{name: "aptos-liar"},
	{name: "other-chain", faults: `[{fault: other-chain, after: 300ms, lasts: 400ms}]`},
	{name: "other-chain-for-ever", faults: `[{fault: other-chain, after: 300ms}]`, mayStall: true},
	{name: "rate", faults: `[{fault: rate, burst: 20, refill: 40}]`},
	{name: "not-json"}, {name: "echo"},
	{name: "slow", faults: `[{fault: latency, fixed: 10ms, jitter: 60ms}]`},
	{name: "endless", mayStall: true},
	{name: "endless-at-times", faults: `[{fault: endless, chance: 0.05}]`},
	{name: "huge-at-times", faults: `[{fault: huge, mib: 3, chance: 0.1}]`},
	{name: "gzip-bomb", faults: `[{fault: gzip-bomb, mib: 8}]`, mayStall: true},
	{name: "hangs-at-times", faults: `[{fault: hang, chance: 0.03}]`},
	{name: "all-fails", faults: `[{fault: status, status: 500}]`, mayStall: true},
	{name: "outage", faults: `[{fault: status, status: 502, after: 300ms, lasts: 700ms}]`},
	{name: "flaky", faults: `[{fault: status, status: 502, chance: 0.02}, {fault: status, status: 503, chance: 0.02}, {fault: status, status: 429, chance: 0.02}, {fault: cut, bytes: 50, chance: 0.02}]`},
	{name: "hostile", faults: `[{fault: endless, chance: 0.02}, {fault: gzip-bomb, chance: 0.02, mib: 8}, {fault: not-json, chance: 0.02}, {fault: not-json, chance: 0.02, how: binary},
		{fault: echo, chance: 0.02}, {fault: headers, chance: 0.02}, {fault: headers, chance: 0.02, how: malformed}, {fault: cut, chance: 0.02}]`},
}

// ledger is the recorded ledger and its expected documents.
type ledger struct {
	recording *replay.Recording
	market    markets.Market
	want      documents
}

func openLedger(t *testing.T) *ledger {
	t.Helper()
	recording, err := replay.Open(os.DirFS("../../../testdata/recordings/aptos"))
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{recording: recording, market: markettest.Mainnet(t, "tradeport")}
	node := replay.NewNode(recording)
	node.Finish()
	server := httptest.NewServer(node)
	defer server.Close()
	chain, err := l.follow([]chains.Endpoint{{URL: server.URL + recording.Base()}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	l.want, err = l.plain(t.Context(), chain)
	if err != nil || len(l.want) < 20 {
		t.Fatalf("%d documents: %v", len(l.want), err)
	}
	return l
}

// follow returns the chain that reads the ledger.
func (l *ledger) follow(endpoints []chains.Endpoint, log *slog.Logger) (chains.Chain, error) {
	var sources []markets.Source
	for _, s := range l.market.Streams {
		sources = append(sources, s.Source)
	}
	return aptos.New(aptos.Config{
		Endpoints: endpoints, ChainID: 1, Sources: sources, Log: log, Timeout: 400 * time.Millisecond, MaxAnswer: 1 << 20, Budget: chains.NewBudget(8 << 20),
		Numbers: func(s markets.Source) []int64 { return l.recording.Numbers(s.Account, s.Handle, s.Field) },
	})
}

// start returns the position before all events.
func start(string) markets.Place { return markets.Place{Seq: -1} }

// plain returns the documents of the whole ledger, read without faults and actors.
func (l *ledger) plain(ctx context.Context, chain chains.Chain) (documents, error) {
	view, err := chain.Advance(ctx, nil)
	if err != nil {
		return nil, err
	}
	var all []markets.Event
	for _, s := range l.market.Streams {
		for at := start(s.Name); ; {
			page, err := chain.Read(ctx, view, s.Source, at, -1, 100)
			if err != nil {
				return nil, err
			}
			decoded, _ := s.DecodeAll(page.Raws)
			all = append(all, decoded...)
			if page.To == at {
				break
			}
			at = page.To
		}
	}
	return documentsOf(l.market.Name, all), nil
}

// The documents of the recorded ledger are correct, whatever its nodes do and however
// often the worker is killed.
func TestAptosHistories(t *testing.T) {
	l := openLedger(t)
	trials := make([]trial, len(aptosTrials))
	for i, tr := range aptosTrials {
		if err := tr.read(); err != nil {
			t.Fatal(err)
		}
		trials[i] = tr
	}
	each(t, perProfile*len(trials), func(ctx context.Context, seed uint64) {
		tr := trials[seed%uint64(len(trials))]
		var out logged
		if err := l.run(ctx, seed, tr, &out); err != nil {
			t.Errorf("profile %s, seed %d: %v\nlog:\n%s\nto repeat: go test ./chains/faults/histories -run TestAptosHistories -seed %d -seeds 1", tr.name, seed, err, out.tail(), seed)
		}
	})
}

// run runs the history of a seed.
func (l *ledger) run(ctx context.Context, seed uint64, tr trial, out *logged) (err error) {
	random := rand.New(rand.NewPCG(seed, 14))
	dir, err := os.MkdirTemp("", "histories-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := embedded.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	node := replay.NewNode(l.recording)
	proxy, err := faults.New(tr.profile, seed, node, faults.Options{})
	if err != nil {
		return err
	}
	handlers := []http.Handler{proxy}
	backed := random.IntN(3) == 0
	if backed {
		handlers = append(handlers, node)
	}
	var endpoints []chains.Endpoint
	for _, handler := range handlers {
		server := httptest.NewServer(handler)
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		defer server.Close()
		defer server.CloseClientConnections()
		endpoints = append(endpoints, chains.Endpoint{URL: server.URL + l.recording.Base()})
	}
	defer proxy.Close()
	log := slog.New(slog.NewTextHandler(out, nil))
	w := &worker{store: store, log: log, market: l.market, start: start, open: func() (chains.Chain, error) { return l.follow(endpoints, log) }}
	if err := w.boot(); err != nil {
		return err
	}
	defer w.end()
	for range 8 + random.IntN(16) {
		if random.IntN(8) == 0 {
			w.kill()
			if err := w.boot(); err != nil {
				return err
			}
		}
		for range random.IntN(8) {
			node.Step()
		}
		time.Sleep(time.Duration(random.Int64N(int64(60 * time.Millisecond))))
	}
	node.Finish()
	return l.settle(ctx, store, tr.mayStall && !backed)
}

// settle waits until the documents are those of the ledger, or, where the ledger may be
// unreadable, a subset of them.
func (l *ledger) settle(ctx context.Context, store persistence.Store, mayStand bool) error {
	started := time.Now()
	for idle := (idleness{since: started}); ; time.Sleep(look) {
		got, err := stored(ctx, store)
		if err != nil {
			return err
		}
		wrong := difference(got, l.want)
		if wrong == "" {
			return nil
		}
		passed := time.Since(started)
		if mayStand && passed > while && got.among(l.want) && reportsError(ctx, store) {
			return nil
		}
		if idle.of(wrong) > patience {
			return fmt.Errorf("the documents are wrong and have not changed for %s:\n  %s\nactors:\n  %s", patience, wrong, report(ctx, store))
		}
	}
}

// among reports whether all activities are among the correct ones.
func (d documents) among(right documents) bool {
	for key, is := range d {
		if strings.HasPrefix(key, "activity ") && is != right[key] {
			return false
		}
	}
	return true
}

// reportsError reports whether an actor reports an error.
func reportsError(ctx context.Context, store persistence.Store) bool {
	all, err := persistence.Collect[persistence.Actor](ctx, store, persistence.Query{Collection: persistence.Actors})
	for _, a := range all {
		if a.Failing() && a.LastError != "" {
			return err == nil
		}
	}
	return false
}
