package actors

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// finalBelowHead is the number of blocks of the audited worlds that are not final.
const finalBelowHead = 6

// auditedWorlds is the number of worlds of each kind that are audited.
func auditedWorlds() uint64 {
	if os.Getenv(storeVariable) != "" { // slow, and audits depend little on the store
		return 1
	}
	return 2
}

// audited returns a world that has read some blocks and stopped.
func audited(t *testing.T, seed uint64, blocks int) *world {
	t.Helper()
	w := newWorld(t, seed, finalBelowHead)
	for range blocks {
		w.block()
	}
	w.boot()
	w.mustCheck()
	w.halt()
	return w
}

// auditedLedger is audited for a chain whose streams are handles.
func auditedLedger(t *testing.T, seed uint64, transactions int) *world {
	t.Helper()
	w := newWorld(t, seed, 0)
	ledger := &fakeLedger{}
	w.reads, w.raws, w.atHead, w.start = ledger, ledger.raws, ledger.atHead, -1
	for range transactions {
		var events []markets.Event
		for range w.r.IntN(5) {
			events = append(events, w.event())
		}
		ledger.write(events...)
	}
	w.boot()
	w.mustCheck()
	w.halt()
	return w
}

// halt stops the node gracefully.
func (w *world) halt() {
	w.t.Helper()
	if err := w.node.Stop(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.node = nil
}

// audit audits the world's log against a chain. It returns the differences of the log, and
// leaves those of documents in w.differing.
func (w *world) audit(source chains.Chain, change func(*audit.Config)) (audit.Report, []audit.Difference) {
	w.t.Helper()
	market := markets.Market{Name: "market"}
	for _, name := range w.streams {
		s := w.streamOf(name)
		if _, handles := source.(*fakeLedger); handles {
			s.Source.Handle = name
		}
		market.Streams = append(market.Streams, s)
	}
	var found []audit.Difference
	cfg := audit.Config{
		Docs: w.disk, Chain: "chain", Source: source, Hosts: "node", Markets: []markets.Market{market}, Pause: time.Millisecond, Events: 20,
	}
	w.differing = nil
	cfg.Found = func(d audit.Difference) {
		if d.Collection == "" {
			found = append(found, d)
		} else {
			w.differing = append(w.differing, d)
		}
	}
	if change != nil {
		change(&cfg)
	}
	report, err := audit.Run(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if int64(len(found)) != report.Differ() || report.Events != report.Agree+report.Missing+report.Extra+report.Different {
		w.t.Errorf("%d differences, counted as %+v", len(found), report.Counts)
	}
	if n := persistence.DocumentsOf(report.Documents).Differ(); n != int64(len(w.differing)) {
		w.t.Errorf("%d documents differ, counted as %+v", len(w.differing), report.Documents)
	}
	return report, found
}

// source is the chain that the world's node reads.
func (w *world) source() chains.Chain {
	if w.reads != nil {
		return w.reads
	}
	return w.chain
}

// finalHeight returns the newest final height.
func (w *world) finalHeight() int64 {
	if ledger, ok := w.reads.(*fakeLedger); ok {
		return ledger.version
	}
	return w.chain.height() - finalBelowHead
}

// An audit finds exactly the 50 faults planted in the log. A rewind of the streams that it
// names, to the heights that it names, restores the documents of an undamaged world.
func TestAnAuditFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	for name, world := range map[string]func(*testing.T, uint64, int) *world{"blocks": audited, "handles": auditedLedger} {
		t.Run(name, func(t *testing.T) {
			planted := map[string]int{}
			for seed := range auditedWorlds() {
				plantAndRepair(t, world(t, seed, 120), planted)
			}
			if len(planted) < 5 {
				t.Errorf("planted: %v", planted)
			}
		})
	}
}

func plantAndRepair(t *testing.T, w *world, planted map[string]int) {
	const faults = 50
	clean, differences := w.audit(w.source(), nil)
	if len(differences)+len(w.differing) > 0 || clean.Events == 0 {
		t.Fatalf("an undamaged log: %+v, %+v", clean, differences)
	}
	p := newPlot(w)
	for range faults {
		planted[p.plant()]++
	}
	p.write()
	report, differences := w.audit(w.source(), nil)
	p.check(differences)
	for _, s := range report.Streams {
		if s.Before == nil {
			continue
		}
		m, err := maintenance.TakeOver(t.Context(), w.disk, "test", "chain")
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Rewind(t.Context(), maintenance.Scope{Market: s.Market, Stream: s.Stream}, *s.Before); err != nil {
			t.Fatal(err)
		}
	}
	w.boot()
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	got, want := w.got(), w.want()
	if err := errors.Join(differ("order", got.Orders, want.Orders), differ("record", got.Records, want.Records), differ("activity", got.Activities, want.Activities),
		differ("dead letter", got.Letters, want.Letters), differ("notification", got.Told, want.Told)); err != nil {
		t.Errorf("repaired: %v", err)
	}
	if again, differences := w.audit(w.source(), nil); len(differences)+len(w.differing) > 0 || again.Events < clean.Events {
		t.Errorf("after the repair: %+v, %+v", again, differences)
	}
	w.halt()
}

// Entries that are not final are not compared.
func TestAnAuditSkipsUnfinalEntries(t *testing.T) {
	w := audited(t, 5, 60)
	p := newPlot(w)
	all := len(p.activities)
	p.activities = slices.DeleteFunc(p.activities, func(a markets.Activity) bool { return a.Seq > w.finalHeight() })
	if p.write(); len(p.activities) == all {
		t.Fatal("nothing was deleted")
	}
	_, differences := w.audit(w.chain, nil)
	p.check(differences)
}

// An audit finds nothing while its worker is killed, the chain is reorganised and the log
// is rewound.
func TestAnAuditBesideAWorkerFindsNothing(t *testing.T) {
	for seed := range auditedWorlds() {
		w := newWorld(t, 100+seed, finalBelowHead)
		for range 20 {
			w.block()
		}
		w.boot()
		w.mustCheck()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				switch w.r.IntN(12) {
				case 0:
					w.kill()
					w.boot()
				case 1, 2:
					w.chain.fork(1 + w.r.IntN(finalBelowHead))
					for range finalBelowHead + 1 {
						w.block()
					}
				case 3:
					w.kill()
					_ = maintenance.Rewind(t.Context(), w.disk, "test", "chain", w.r.Int64N(w.chain.height()))
					w.boot()
				default:
					w.block()
				}
				time.Sleep(time.Millisecond)
			}
		}()
		var compared int64
		for range 10 {
			report, differences := w.audit(w.chain, nil)
			compared += report.Events
			if len(differences)+len(w.differing) > 0 {
				t.Errorf("seed %d: found %+v, %+v", seed, differences, w.differing)
			}
		}
		close(stop)
		<-stopped
		w.mustCheck()
		if report, differences := w.audit(w.chain, nil); len(differences)+len(w.differing) > 0 || report.Events == 0 || compared == 0 || len(report.Documents) < 3 {
			t.Errorf("seed %d: at rest: %+v, %+v", seed, report, differences)
		}
		w.kill()
	}
}

// omitting is a chain without the raw events of a transaction.
type omitting struct {
	chains.Chain
	transaction string
}

func (f omitting) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	page, err := f.Chain.Read(ctx, view, source, after, through, limit)
	page.Raws = slices.DeleteFunc(slices.Clone(page.Raws), func(raw markets.Raw) bool { return raw.Transaction == f.transaction })
	return page, err
}

// Events that another source lacks are extra in the log.
func TestAnAuditByAnIncompleteSource(t *testing.T) {
	w := audited(t, 1, 40)
	p := newPlot(w)
	a := p.activities[p.activity()]
	report, differences := w.audit(omitting{w.chain, a.Transaction}, nil)
	p.expect(audit.Extra, a.Stream, a.Position)
	p.check(differences)
	if report.Source != "node" {
		t.Errorf("source %q", report.Source)
	}
}

// A range, a market and a stream restrict an audit.
func TestAnAuditOfARange(t *testing.T) {
	w := audited(t, 2, 80)
	p := newPlot(w)
	for range 50 {
		p.plant()
	}
	p.write()
	_, all := w.audit(w.chain, nil)
	const from, to = 20, 40
	_, within := w.audit(w.chain, func(c *audit.Config) { c.From, c.To = from, to })
	_, ofStream := w.audit(w.chain, func(c *audit.Config) { c.From, c.To, c.Market, c.Stream = from, to, "market", "buy" })
	var want, wantOfStream []string
	for _, d := range all {
		if d.Position.Height >= from && d.Position.Height <= to {
			want = append(want, found(d.Kind, d.Stream, d.Position))
			if d.Stream == "buy" {
				wantOfStream = append(wantOfStream, found(d.Kind, d.Stream, d.Position))
			}
		}
	}
	texts := func(all []audit.Difference) (out []string) {
		for _, d := range all {
			out = append(out, found(d.Kind, d.Stream, d.Position))
		}
		slices.Sort(out)
		return out
	}
	slices.Sort(want)
	slices.Sort(wantOfStream)
	if got := texts(within); !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("within %d to %d: %q, want %q", from, to, got, want)
	}
	if got := texts(ofStream); !slices.Equal(got, wantOfStream) || len(wantOfStream) == 0 {
		t.Errorf("of one stream: %q, want %q", got, wantOfStream)
	}
}

// Streams of announced contracts, and streams restricted to a market's own events, are
// audited like any other.
func TestAnAuditOfAnnouncedAndOfOwnEvents(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"announced": func(w *world) { w.announce = true },
		"own":       func(w *world) { w.own = &ownership{}; w.handIn("order1") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 7, finalBelowHead)
			change(w)
			for range 120 {
				w.block()
			}
			w.boot()
			if err := w.settle(); err != nil {
				t.Fatal(err)
			}
			w.halt()
			report, differences := w.audit(w.chain, nil)
			if len(differences)+len(w.differing) > 0 || report.Events < 20 || len(report.Documents) < 3 {
				t.Errorf("undamaged: %+v, %+v", report, differences)
			}
			_, differences = w.audit(w.chain, func(c *audit.Config) { c.From = 60 })
			if len(differences)+len(w.differing) > 0 {
				t.Errorf("from the middle: %+v, %+v", differences, w.differing)
			}
		})
	}
}
