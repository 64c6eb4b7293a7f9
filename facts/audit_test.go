package facts_test

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/worker"
)

// audit audits the worker's log against the world's node.
func (r *running) audit() (audit.Report, []audit.Difference) {
	r.t.Helper()
	cfg, closed, err := worker.AuditOf(r.config, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	defer closed()
	var found []audit.Difference
	cfg.Docs, cfg.Found = r.Store(), func(d audit.Difference) { found = append(found, d) }
	report, err := audit.Run(r.t.Context(), cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return report, found
}

// Contracts are asked again for each fact, as of its block. All facts agree, except those
// that were changed in the log.
func TestFactsAreAudited(t *testing.T) {
	thorough.Only(t)
	w := seaporttest.Start(t)
	r := follow(t, w, in(t))
	rng := rand.New(rand.NewPCG(3, 0))
	for range 30 {
		w.Random(rng, 2)
		r.handIn()
		r.settle()
	}
	w.Mine(70) // so that all facts are final
	r.settle()
	report, found := r.audit()
	i := slices.IndexFunc(report.Streams, func(s audit.Stream) bool { return s.Stream == markets.StateStream })
	if len(found) > 0 || i < 0 || report.Streams[i].Agree < 20 {
		t.Fatalf("undamaged: %+v, %+v", report, found)
	}
	t.Logf("%d facts agree, %d are not compared", report.Streams[i].Agree, report.Streams[i].NotAsked)

	want := r.change(func(nth int, f *markets.Fact) bool {
		switch {
		case nth%5 != 0:
			return false
		case nth%2 == 0 && f.State != nil:
			f.State = &markets.ContractState{Validated: f.State.Validated, Cancelled: !f.State.Cancelled, Filled: f.State.Filled, Size: f.State.Size}
		case f.Fillable != nil && f.Fillable.Answer == markets.Yes:
			f.Fillable = &markets.Fillability{Answer: markets.No, Reasons: []markets.Reason{markets.PrivateOrder}}
		default:
			return false
		}
		return true
	})
	_, found = r.audit()
	var got []string
	for _, d := range found {
		switch d.Collection {
		case "":
			got = append(got, fmt.Sprint(d.Kind, d.Position))
		case persistence.Orders: // orders differ from their changed log
		default:
			t.Errorf("found %+v", d)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 3 {
		t.Errorf("found %q, want %q", got, want)
	}
}

// change changes final facts in the log, and returns the expected differences.
func (r *running) change(change func(nth int, f *markets.Fact) bool) (want []string) {
	r.t.Helper()
	ref := persistence.MarketRef{Chain: chain, Market: r.market}
	log, err := persistence.Collect[markets.Activity](r.t.Context(), r.Store(), persistence.Query{
		Collection: persistence.Activities, Filter: persistence.Filter{Condition: append(ref.Documents(), persistence.Equals("stream", markets.StateStream))},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.SortFunc(log, func(a, b markets.Activity) int { return a.Position.Compare(b.Position) })
	nth := 0
	for i := range log {
		if log[i].Kind != markets.OrderChecked || int64(log[i].Seq) > int64(r.world.Head().Number)-64 {
			continue
		}
		nth++
		fact := *log[i].Fact
		if change(nth, &fact) {
			log[i].Fact = &fact
			want = append(want, fmt.Sprint(audit.Different, log[i].Position))
		}
	}
	err = r.Store().Commit(r.t.Context(), ref, nil, func(tx persistence.Tx) error {
		if _, _, err := tx.Truncate(markets.StateStream, math.MinInt64, math.MaxInt32); err != nil {
			return err
		}
		return tx.Append(log, nil)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return want
}
