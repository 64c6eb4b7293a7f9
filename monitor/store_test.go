package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/storetest"
)

func open(t testing.TB) persistence.Store {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // some tests close it themselves
	return store
}

// A wrapped store passes the tests of any store.
func TestStore(t *testing.T) {
	thorough.Only(t)
	storetest.Run(t, func(t testing.TB) persistence.Store { return monitor.New().Store(open(t)) })
}

func TestUnwrap(t *testing.T) {
	inner := open(t)
	if monitor.New().Store(inner).Unwrap() != inner {
		t.Error("another store")
	}
}

// told returns the series derived from the documents themselves.
func told(t testing.TB, store persistence.Store) map[string]float64 {
	t.Helper()
	series := map[string]float64{}
	for raw, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.Actors}) {
		var a persistence.Actor
		if err == nil {
			err = json.Unmarshal(raw, &a)
		}
		if err != nil {
			t.Fatal(err)
		}
		is := func(name string, value int64) { series[name] += float64(value) }
		of := fmt.Sprintf("{%s %s %s}", a.Chain, a.Market, a.Stream)
		if a.Stream == "" {
			is("chain_restarts_total{"+a.Chain+"}", a.Restarts)
		} else {
			is("stream_restarts_total"+of, a.Restarts)
		}
		is("chain_retrying{"+a.Chain+"}", 0)
		is("chain_finality_broken{"+a.Chain+"}", 0)
		switch a.Status {
		case persistence.Retrying:
			is("chain_retrying{"+a.Chain+"}", 1)
		case persistence.FinalityBroken:
			is("chain_finality_broken{"+a.Chain+"}", 1)
		}
		switch name := a.ID[strings.LastIndex(a.ID, "/")+1:]; {
		case name == "head" && a.Head > 0:
			is("chain_head{"+a.Chain+"}", a.Head)
			is("chain_finalized{"+a.Chain+"}", a.Finalized)
		case name == "activity":
			is("stream_events"+of, a.Events)
			is("stream_dead_letters"+of, a.DeadLetters)
		case name == "subject":
			is("stream_seq"+of, a.Seq)
			if a.Head > 0 {
				is("stream_head"+of, a.Head)
				is("stream_lag"+of, a.Lag)
			}
		}
	}
	return series
}

// ofDocuments returns the series that can also be derived from the documents.
func ofDocuments(series map[string]float64) map[string]float64 {
	return only(series, "chain_restarts", "chain_retrying", "chain_finality_broken", "stream_restarts", "chain_head", "chain_finalized",
		"stream_events", "stream_dead_letters", "stream_seq", "stream_head", "stream_lag")
}

// Failing and stopped actors are counted by chain.
func TestStatesAreCounted(t *testing.T) {
	m := monitor.New()
	disk := open(t)
	store := m.Store(disk)
	for i, state := range []string{persistence.FinalityBroken, persistence.Retrying, persistence.Retrying, persistence.Following} {
		actor, err := store.Claim(t.Context(), persistence.Claim{ID: fmt.Sprint("bsc/", i), Kind: "worker", Chain: "bsc", Epoch: 1})
		if err == nil {
			err = store.Report(t.Context(), actor.Ref(), persistence.Report{Status: state})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	same(t, only(gather(t, m), "chain_retrying", "chain_finality"), map[string]float64{"chain_retrying{bsc}": 2, "chain_finality_broken{bsc}": 1})
}

// Actors follow a recorded chain through a store that occasionally fails, or loses the
// answer to a successful call. In the end the metrics equal the documents.
func TestActorsAreSeen(t *testing.T) {
	recording := replaytest.Open(t, os.DirFS("../testdata/recordings/ethereum"))
	served := replaytest.Serve(t, recording)
	served.Finish()
	market, err := catalogue.Market("seaport", definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	var sources []markets.Source
	for _, s := range market.Streams {
		sources = append(sources, s.Source)
	}
	chain, err := evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: served.URL()}}, ChainID: recording.ChainID, Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()

	disk := open(t)
	faulty := storetest.NewFaulty(disk)
	commits := 0
	faulty.OnCommit(func([]persistence.Move) storetest.Fault {
		switch commits++; commits % 7 {
		case 3:
			return storetest.FailBefore
		case 5:
			return storetest.FailAfter
		}
		return storetest.Pass
	})
	m := monitor.New()
	node, err := actors.Start(actors.Config{
		Node: "test", Store: m.Store(faulty), Log: slog.New(slog.DiscardHandler),
		Chains: []actors.Chain{{
			Name: "ethereum", Chain: m.Chain(chain, "ethereum"), Poll: 10 * time.Millisecond,
			Markets: []actors.Market{{Market: market, Start: func(string) markets.Place { return markets.Place{Seq: 15_990_000} }}},
		}},
		Backoff: supervision.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-node.CaughtUp():
	case <-time.After(time.Minute):
		t.Error("the actors never catch up")
	}
	if err := node.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	series := gather(t, m)
	want := told(t, disk)
	if want["stream_events{ethereum seaport buy}"] == 0 || want["stream_restarts_total{ethereum seaport buy}"] == 0 {
		t.Errorf("too little happened:\n%s", lines(want))
	}
	same(t, ofDocuments(series), want)
	for name, least := range map[string]float64{
		"stream_batches_total{ethereum seaport list}":     1,
		"commit_duration_seconds{ethereum seaport ok}":    8,
		"commit_duration_seconds{ethereum seaport error}": 2,
		"fetch_duration_seconds{ethereum head ok}":        1,
		"fetch_duration_seconds{ethereum read ok}":        4,
		"fetched_events_total{ethereum}":                  want["stream_events{ethereum seaport buy}"],
		"chain_epoch{ethereum}":                           1,
		"node_chains{}":                                   1,
	} {
		if series[name] < least {
			t.Errorf("%s is %v, want at least %v", name, series[name], least)
		}
	}
	if n, ok := series["fenced_commits_total{ethereum}"]; !ok || n != 0 {
		t.Errorf("fenced commits: %v, %v", n, ok)
	}
}

// Whatever happens to commits, claims and reports, including lost answers and take-overs
// by another process: once the actors whose documents are uncertain have claimed them
// again, the metrics equal the documents.
func TestMetricsAreTheDocuments(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		disk, err := embedded.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		faulty, m := storetest.NewFaulty(disk), monitor.New()
		p := &process{ctx: t.Context(), store: m.Store(faulty), docs: map[string]persistence.Actor{}, certain: map[string]bool{}, commits: map[string]float64{}}
		p.takeOver(r)
		r.Repeat(map[string]func(*rapid.T){
			"claim":  func(r *rapid.T) { p.claim(r, rapid.SampledFrom(claims).Draw(r, "claim")) },
			"report": p.report,
			"commit": func(r *rapid.T) {
				faulty.FailNext(1, rapid.SampledFrom([]storetest.Fault{storetest.Pass, storetest.Pass, storetest.FailBefore, storetest.FailAfter}).Draw(r, "fault"))
				p.commit(r)
			},
			"the chain changes hands": func(r *rapid.T) {
				switch rapid.IntRange(0, 9).Draw(r, "to") { // mostly it does not
				case 8:
					p.takeOver(r)
				case 9:
					p.lose(r, disk)
				}
			},
		})
		if p.lost {
			p.takeOver(r)
		}
		for _, claim := range claims {
			if !p.certain[claim.ID] {
				p.claim(r, claim)
			}
		}
		series := gather(t, m)
		same(r, ofDocuments(series), told(t, disk))
		same(r, only(series, "stream_batches"), p.commits)
		stored, err := persistence.Collect[persistence.Actor](t.Context(), disk, persistence.Query{Collection: persistence.Actors, Sort: []persistence.SortKey{{Path: "_id"}}})
		if err != nil {
			r.Fatal(err)
		}
		for i := range stored {
			stored[i].Trail, stored[i].Pending, stored[i].UpdatedAt = nil, nil, time.Time{}
		}
		if got := m.Actors("ethereum"); !reflect.DeepEqual(got, stored) || m.Actors("bsc") != nil {
			r.Fatalf("in memory are\n%+v, stored are\n%+v", got, stored)
		}
	})
}

// process is a process whose actors act at random.
type process struct {
	ctx     context.Context
	store   persistence.Store
	epoch   int64
	lost    bool                         // to another process
	docs    map[string]persistence.Actor // as the process believes
	certain map[string]bool              // that they are
	commits map[string]float64           // of its logs, by their series
}

// claims are those of the process's actors.
var claims = []persistence.Claim{
	{ID: "ethereum", Kind: "chain"},
	{ID: "ethereum/head", Kind: "head"},
	{ID: "ethereum/seaport/orders", Kind: "orders", Market: "seaport"},
	{ID: "ethereum/seaport/list", Kind: "worker", Market: "seaport", Stream: "list"},
	{ID: "ethereum/seaport/list/subject", Kind: "subject", Market: "seaport", Stream: "list"},
	{ID: "ethereum/seaport/list/activity", Kind: "observer", Market: "seaport", Stream: "list"},
	{ID: "ethereum/seaport/list/order-list", Kind: "observer", Market: "seaport", Stream: "list", Documents: true},
	{ID: "ethereum/seaport/buy/activity", Kind: "observer", Market: "seaport", Stream: "buy"},
}

func (p *process) takeOver(r *rapid.T) {
	var err error
	if p.epoch, err = p.store.TakeOver(p.ctx, "ethereum", "this"); err != nil {
		r.Fatal(err)
	}
	p.lost = false
	clear(p.certain)
}

func (p *process) lose(r *rapid.T, disk persistence.Store) {
	if _, err := disk.TakeOver(p.ctx, "ethereum", "another"); err != nil {
		r.Fatal(err)
	}
	p.lost = true
}

func (p *process) claim(r *rapid.T, claim persistence.Claim) {
	claim.Chain, claim.Node, claim.Epoch, claim.Restarts, claim.Start = "ethereum", "this", p.epoch, 1, markets.Place{Seq: -1}
	doc, err := p.store.Claim(p.ctx, claim)
	switch {
	case err == nil:
		p.docs[doc.ID], p.certain[doc.ID] = doc, true
		if strings.HasSuffix(doc.ID, "/activity") {
			p.commits[batches(doc.Stream)] += 0 // its series exists from now on
		}
	case !errors.Is(err, persistence.ErrFenced):
		r.Fatal(err)
	}
}

// some returns one of the actors, which claims its document if it has never done so.
func (p *process) some(r *rapid.T) (persistence.Actor, bool) {
	claim := rapid.SampledFrom(claims).Draw(r, "actor")
	if _, ok := p.docs[claim.ID]; !ok {
		p.claim(r, claim)
	}
	doc, ok := p.docs[claim.ID]
	return doc, ok
}

func (p *process) report(r *rapid.T) {
	doc, ok := p.some(r)
	if !ok {
		return
	}
	report := persistence.Report{Head: rapid.Int64Range(1, 9).Draw(r, "head"), Finalized: 1, Lag: rapid.Int64Range(0, 9).Draw(r, "lag")}
	if doc.Kind == "subject" {
		report.Place = &markets.Place{Seq: rapid.Int64Range(0, 9).Draw(r, "seq")}
	}
	if err := p.store.Report(p.ctx, doc.Ref(), report); err != nil && !errors.Is(err, persistence.ErrFenced) {
		r.Fatal(err)
	}
}

func batches(stream string) string { return "stream_batches_total{ethereum seaport " + stream + "}" }

// commit moves one or two actors, perhaps from a position where they no longer are.
func (p *process) commit(r *rapid.T) {
	var moves []persistence.Move
	for range 2 {
		doc, ok := p.some(r)
		if !ok || len(moves) > 0 && moves[0].Actor.ID == doc.ID {
			continue
		}
		moves = append(moves, persistence.Move{
			Actor: doc.Ref(), From: doc.Place, To: markets.Place{Seq: doc.Seq + 1}, Report: doc.Report,
			Events: rapid.Int64Range(-3, 9).Draw(r, "events"), DeadLetters: rapid.Int64Range(-1, 2).Draw(r, "letters"),
		})
	}
	err := p.store.Commit(p.ctx, persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, moves, nil)
	for _, move := range moves {
		if err != nil {
			p.certain[move.Actor.ID] = false
			continue
		}
		doc := p.docs[move.Actor.ID]
		doc.Place = move.To
		p.docs[doc.ID] = doc
		if strings.HasSuffix(doc.ID, "/activity") {
			p.commits[batches(doc.Stream)]++
		}
	}
}

func TestOutcomes(t *testing.T) {
	disk, m := storetest.NewFaulty(open(t)), monitor.New()
	store := m.Store(disk)
	market := persistence.MarketRef{Chain: "ethereum", Market: "seaport"}
	commit := func(ctx context.Context, moves ...persistence.Move) { _ = store.Commit(ctx, market, moves, nil) }
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	commit(t.Context())
	commit(canceled)
	commit(t.Context(), persistence.Move{Actor: persistence.ActorRef{ID: "unknown"}})
	disk.SetDown(true)
	commit(t.Context())
	same(t, only(gather(t, m), "commit", "fenced"), map[string]float64{
		"commit_duration_seconds{ethereum seaport ok}": 1, "commit_duration_seconds{ethereum seaport canceled}": 1,
		"commit_duration_seconds{ethereum seaport fenced}": 1, "commit_duration_seconds{ethereum seaport error}": 1,
		"fenced_commits_total{ethereum}": 1,
	})
}
