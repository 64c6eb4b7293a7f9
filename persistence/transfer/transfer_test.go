package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/storetest"
	"github.com/imart/event-worker/persistence/transfer"
)

func TestMain(m *testing.M) {
	thorough.Checks(10) // each fills stores
	os.Exit(mongotest.Main(m))
}

func inFolder(t testing.TB) storetest.Copyable {
	t.Helper()
	store, err := embedded.OpenCopy(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func inMongoDB(t testing.TB) storetest.Copyable {
	t.Helper()
	return openMongoDB(t, mongotest.Database(t))
}

func openMongoDB(t testing.TB, uri string) storetest.Copyable {
	t.Helper()
	store, err := mongo.OpenCopy(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// copying returns a copy in small batches.
func copying(from transfer.Source, to transfer.Target) *transfer.Copy {
	return transfer.InBatchesOf(2, transfer.Copy{Source: "there", From: from, To: to, Report: func(transfer.Progress) {}})
}

// run completes a copy.
func run(t testing.TB, from transfer.Source, to transfer.Target) {
	t.Helper()
	if _, err := copying(from, to).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

type fataler interface {
	Helper()
	Context() context.Context
	Fatal(...any)
	Fatalf(string, ...any)
}

func texts(t fataler, store storetest.Copyable) []string {
	t.Helper()
	texts, err := storetest.Texts(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// expect fails unless a store holds the given documents, and no unfinished copy.
func expect(t fataler, store storetest.Copyable, want []string) {
	t.Helper()
	if got := texts(t, store); !slices.Equal(got, want) {
		t.Fatalf("the copy holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if at, err := store.Copying(t.Context()); err != nil || at != nil {
		t.Fatalf("the copy is unfinished: %+v, error %v", at, err)
	}
}

// empty marks a store as an unfinished copy, whatever it holds, and empties it.
func empty(t fataler, store storetest.Copyable) persistence.Copying {
	t.Helper()
	at := persistence.Copying{Source: "drawn", Owner: "test", Collection: persistence.Copied[0]}
	if err := errors.Join(store.Import(t.Context(), "", &at, nil), store.Clear(t.Context())); err != nil {
		t.Fatal(err)
	}
	return at
}

// fill makes a store hold some random documents, and nothing else.
func fill(t *rapid.T, store storetest.Copyable) {
	t.Helper()
	at := empty(t, store)
	docs := storetest.DrawDocuments(t)
	for _, collection := range persistence.Copied {
		to := at
		to.Collection = collection
		if err := store.Import(t.Context(), at.Owner, &to, docs[collection]); err != nil {
			t.Fatal(err)
		}
		at = to
	}
	if err := store.Import(t.Context(), at.Owner, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// reset empties a store, and removes the state of a copy.
func reset(t fataler, store storetest.Copyable) {
	t.Helper()
	at := empty(t, store)
	if err := store.Import(t.Context(), at.Owner, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// Any documents are copied from a folder to MongoDB and back unchanged.
func TestThereAndBack(t *testing.T) {
	folder, database, back := inFolder(t), inMongoDB(t), inFolder(t)
	rapid.Check(t, func(t *rapid.T) {
		fill(t, folder)
		want := texts(t, folder)
		reset(t, database)
		reset(t, back)
		for _, c := range []*transfer.Copy{copying(folder, database), copying(database, back)} {
			if _, err := c.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, database, want)
		expect(t, back, want)
	})
}

// Documents that a store itself has written are copied there and back too.
func TestThereAndBackFromCommits(t *testing.T) {
	folder, database, back := inFolder(t), inMongoDB(t), inFolder(t)
	storetest.FillForCopies(t, folder)
	want := texts(t, folder)
	run(t, folder, database)
	expect(t, database, want)
	run(t, database, back)
	expect(t, back, want)
}

var errInterrupted = errors.New("interrupted")

// interrupted is a target that ends a process at one of its imports.
type interrupted struct {
	transfer.Target
	left    int  // imports until the interruption
	written bool // whether the interrupted import is written
	imports int  // documents that were written
}

func (i *interrupted) Import(ctx context.Context, owner string, to *persistence.Copying, docs []json.RawMessage) error {
	i.left--
	if i.left < 0 && !i.written || i.left < -1 {
		return errInterrupted
	}
	err := i.Target.Import(ctx, owner, to, docs)
	if err == nil {
		i.imports += len(docs)
	}
	if err == nil && i.left < 0 {
		err = errInterrupted
	}
	return err
}

// However often a copy is interrupted, it ends with the same documents, and no document
// is written twice.
func TestInterrupted(t *testing.T) {
	for name, open := range map[string]func(testing.TB) storetest.Copyable{"folder": inFolder, "MongoDB": inMongoDB} {
		t.Run(name, func(t *testing.T) {
			from, to := inFolder(t), open(t)
			rapid.Check(t, func(t *rapid.T) {
				fill(t, from)
				reset(t, to)
				want := texts(t, from)
				target := &interrupted{Target: to}
				for runs := 0; ; runs++ {
					if runs > 100 {
						t.Fatal("the copy does not end")
					}
					target.left, target.written = rapid.IntRange(1, 8).Draw(t, "imports"), rapid.Bool().Draw(t, "written")
					_, err := copying(from, target).Run(t.Context())
					if err == nil {
						break
					}
					if !errors.Is(err, errInterrupted) {
						t.Fatal(err)
					}
					if at, err := to.Copying(t.Context()); err != nil || at == nil && target.imports > 0 && len(texts(t, to)) < len(want) {
						t.Fatalf("an interrupted copy counts as complete; error %v", err)
					} else if at == nil && len(want) > 0 && target.imports == len(want) {
						break // the last import was written
					}
				}
				expect(t, to, want)
				if target.imports != len(want) {
					t.Fatalf("%d documents were written, there are %d", target.imports, len(want))
				}
			})
		})
	}
}

// changing is a source that is written to while it is copied.
type changing struct {
	storetest.Copyable
	change func()
}

func (c changing) Batch(ctx context.Context, collection, after string, limit int) ([]json.RawMessage, string, error) {
	if collection == persistence.DeadLetters {
		c.change()
	}
	return c.Copyable.Batch(ctx, collection, after, limit)
}

// write writes to a store as a worker does.
func write(t *testing.T, store persistence.Store) {
	t.Helper()
	if _, err := store.TakeOver(t.Context(), "ethereum", "node"); err != nil {
		t.Fatal(err)
	}
	market := persistence.MarketRef{Chain: "ethereum", Market: "seaport"}
	if err := store.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		return tx.PutOrders([]markets.Order{{Chain: market.Chain, Market: market.Market, Key: "0", Status: markets.Canceled}}) // as many as before
	}); err != nil {
		t.Fatal(err)
	}
}

// A copy of a source that changes meanwhile is not complete; the next one starts over.
func TestSourceChanges(t *testing.T) {
	for name, open := range map[string]func(testing.TB) storetest.Copyable{"folder": inFolder, "MongoDB": inMongoDB} {
		t.Run(name, func(t *testing.T) {
			from, to := open(t), open(t)
			storetest.FillForCopies(t, from)
			busy := changing{from, func() { write(t, from) }}
			if _, err := copying(busy, to).Run(t.Context()); !errors.Is(err, transfer.ErrSourceChanged) {
				t.Fatalf("a source that changed: %v", err)
			}
			if at, err := to.Copying(t.Context()); err != nil || at == nil {
				t.Fatalf("the copy counts as complete; error %v", err)
			}
			expectStart(t, copying(from, to), restarted)
			expect(t, to, texts(t, from))
		})
	}
}

// How a copy starts.
const (
	fresh     = "fresh"
	resumed   = "resumed"
	restarted = "restarted"
)

// expectStart completes a copy and checks how it starts.
func expectStart(t *testing.T, c *transfer.Copy, want string) {
	t.Helper()
	var all []transfer.Progress
	c.Report = func(p transfer.Progress) { all = append(all, p) }
	if _, err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, last := all[0], all[len(all)-1]
	if first.Restarted != (want == restarted) || first.Done != first.Before || (want == resumed) != (first.Before > 0) || last.Done != last.Total || last.Total == 0 {
		t.Errorf("it starts with %+v and ends with %+v", first, last)
	}
}

// The progress of a resumed copy includes the documents copied earlier.
func TestProgress(t *testing.T) {
	from, to := inFolder(t), inFolder(t)
	storetest.FillForCopies(t, from)
	if _, err := copying(from, &interrupted{Target: to, left: 3}).Run(t.Context()); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
	expectStart(t, copying(from, to), resumed)
	expectStart(t, copying(from, inFolder(t)), fresh)
}

// The target must be empty, or an unfinished copy of the same source.
func TestTargets(t *testing.T) {
	from, to := inFolder(t), inFolder(t)
	storetest.FillForCopies(t, from)
	if _, err := copying(from, &interrupted{Target: to, left: 3}).Run(t.Context()); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
	before := texts(t, to)
	other := copying(from, to)
	other.Source = "elsewhere"
	if _, err := other.Run(t.Context()); !errors.Is(err, transfer.ErrOtherSource) || !strings.Contains(err.Error(), "there") {
		t.Errorf("an unfinished copy of another source: %v", err)
	}
	if !slices.Equal(texts(t, to), before) {
		t.Error("it was changed")
	}
	run(t, from, to)
	if _, err := copying(from, to).Run(t.Context()); !errors.Is(err, transfer.ErrNotEmpty) {
		t.Errorf("a complete copy: %v", err)
	}
	expect(t, to, texts(t, from))
}

// An additional document is detected, and the next copy starts over.
func TestCounts(t *testing.T) {
	from, to := inFolder(t), inFolder(t)
	storetest.FillForCopies(t, from)
	c := copying(from, to)
	added := false
	c.Report = func(p transfer.Progress) {
		if added || p.Collection != persistence.Activities {
			return
		}
		added = true
		market := persistence.MarketRef{Chain: "bsc", Market: "other"}
		if err := to.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
			return tx.PutOrders([]markets.Order{{Chain: market.Chain, Market: market.Market, Key: "x", Status: markets.Sold}})
		}); err != nil {
			t.Error(err)
		}
	}
	counts, err := c.Run(t.Context())
	if !errors.Is(err, transfer.ErrCounts) || len(counts) != len(persistence.Copied) || counts[0].Target != counts[0].Source+1 {
		t.Fatalf("error %v, counts %+v", err, counts)
	}
	expectStart(t, copying(from, to), restarted)
	expect(t, to, texts(t, from))
}

// When two processes copy to one target, the later one copies all the rest; the earlier
// one writes nothing more, whether the later one is running or has completed the copy.
func TestTwoCopiers(t *testing.T) {
	for _, later := range []int{1, 3, 1_000} { // batches of the later process
		t.Run(fmt.Sprint(later), func(t *testing.T) {
			uri := mongotest.Database(t)
			from, earlier, to := inFolder(t), openMongoDB(t, uri), openMongoDB(t, uri)
			storetest.FillForCopies(t, from)
			var before []string
			first := copying(from, earlier)
			n := 0
			first.Report = func(transfer.Progress) {
				if n++; n != 2 {
					return
				}
				_, err := copying(from, &interrupted{Target: to, left: later}).Run(t.Context())
				if err != nil && !errors.Is(err, errInterrupted) {
					t.Fatal(err)
				}
				before = texts(t, to)
			}
			if _, err := first.Run(t.Context()); !errors.Is(err, persistence.ErrOtherCopy) {
				t.Errorf("the earlier process: %v", err)
			}
			if !slices.Equal(texts(t, to), before) {
				t.Error("the earlier process has written")
			}
			if later < 1_000 {
				run(t, from, to)
			}
			expect(t, to, texts(t, from))
		})
	}
}

// A copy that the previous version started is resumed.
func TestPreviousVersion(t *testing.T) {
	for name, open := range map[string]func(testing.TB) storetest.Copyable{"folder": inFolder, "MongoDB": inMongoDB} {
		t.Run(name, func(t *testing.T) {
			from, to := inFolder(t), open(t)
			storetest.FillForCopies(t, from)
			if _, err := copying(from, &interrupted{Target: to, left: 3}).Run(t.Context()); !errors.Is(err, errInterrupted) {
				t.Fatal(err)
			}
			at, err := to.Copying(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			theirs := *at
			theirs.Owner = "4ZQ7BDOCOBNL2HJZIXVIJ5XHXZ" // rand.Text
			if err := to.Import(t.Context(), at.Owner, &theirs, nil); err != nil {
				t.Fatal(err)
			}
			expectStart(t, copying(from, to), resumed)
			expect(t, to, texts(t, from))
		})
	}
}

// A copy ends with its context, at any batch, and another one continues it.
func TestCancelled(t *testing.T) {
	from, to := inFolder(t), inFolder(t)
	storetest.FillForCopies(t, from)
	for after := 1; ; after++ {
		ctx, cancel := context.WithCancel(t.Context())
		c := copying(from, to)
		n := 0
		c.Report = func(transfer.Progress) {
			if n++; n == after {
				cancel()
			}
		}
		_, err := c.Run(ctx)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	expect(t, to, texts(t, from))
}

// Connections may break at any moment.
func TestBrokenConnections(t *testing.T) {
	uri := mongotest.Database(t)
	host := options.Client().ApplyURI(uri).Hosts[0]
	proxy := mongotest.NewProxy(t, host)
	there, err := mongo.OpenCopy(t.Context(), strings.Replace(uri, host, proxy.Addr(), 1)+"&directConnection=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	folder, back := inFolder(t), inFolder(t)
	storetest.FillForCopies(t, folder)
	for _, way := range []struct{ from, to storetest.Copyable }{{folder, there}, {there, back}} {
		c := copying(way.from, way.to)
		c.Report = func(transfer.Progress) { proxy.Cut() }
		if _, err := c.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, way.to, texts(t, folder))
	}
}

// A batch is limited by its bytes too.
func TestLargeDocuments(t *testing.T) {
	from, to := inFolder(t), inFolder(t)
	market := persistence.MarketRef{Chain: "c", Market: "m"}
	if err := from.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		var letters []markets.DeadLetter
		for i := range int64(6) {
			raw := json.RawMessage(`["` + strings.Repeat("x", 3<<20) + `"]`)
			letters = append(letters, markets.DeadLetter{Chain: "c", Market: "m", Stream: "s", Seq: i, Position: markets.Position{Height: i}, Raw: raw})
		}
		return tx.Append(nil, letters)
	}); err != nil {
		t.Fatal(err)
	}
	largest := &measured{Target: to}
	c := copying(from, largest)
	c = transfer.InBatchesOf(0, *c)
	if _, err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if largest.documents != 2 {
		t.Errorf("%d documents of 3 MB in one batch", largest.documents)
	}
	expect(t, to, texts(t, from))
}

// measured is a target that measures batches.
type measured struct {
	transfer.Target
	documents int // of the largest batch
}

func (m *measured) Import(ctx context.Context, owner string, to *persistence.Copying, docs []json.RawMessage) error {
	m.documents = max(m.documents, len(docs))
	return m.Target.Import(ctx, owner, to, docs)
}

// An unfinished copy of a later version is left unchanged.
func TestUnknownCollection(t *testing.T) {
	from, to := inFolder(t), inFolder(t)
	storetest.FillForCopies(t, from)
	if _, err := copying(from, &interrupted{Target: to, left: 3}).Run(t.Context()); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
	at, err := to.Copying(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	later := *at
	later.Collection = "later"
	if err := to.Import(t.Context(), at.Owner, &later, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := copying(from, to).Run(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", "later")) {
		t.Errorf("%v", err)
	}
}
