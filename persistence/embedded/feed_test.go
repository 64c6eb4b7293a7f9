package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func newest(t testing.TB, feed persistence.Feed) string {
	t.Helper()
	at, err := feed.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// putOrders commits orders.
func putOrders(t testing.TB, store *Store, keys ...string) {
	t.Helper()
	err := store.Commit(t.Context(), benchMarket, nil, func(tx persistence.Tx) error {
		var orders []markets.Order
		for _, key := range keys {
			orders = append(orders, markets.Order{Chain: benchMarket.Chain, Market: benchMarket.Market, Key: key})
		}
		return tx.PutOrders(orders)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// next returns the next n changes of orders after a position.
func next(t testing.TB, feed persistence.Feed, after string, n int) (changes []persistence.Change, err error) {
	t.Helper()
	for c, err := range feed.Changes(t.Context(), after, []string{persistence.Orders}) {
		if err != nil {
			return changes, err
		}
		if c.Collection != "" {
			changes = append(changes, c)
		}
		if len(changes) >= n {
			break
		}
	}
	return changes, nil
}

// A reader in another process sees the writer's commits, and the requests of a third
// process.
func TestFeedOfReader(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	reader, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	queue, err := OpenQueue(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	at := newest(t, reader)
	putOrders(t, store, "a")
	if err := queue.Ask(t.Context(), []persistence.Request{{ID: "r", Chain: "ethereum", Kind: persistence.StatusRequest}}, 0); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for c, err := range reader.Changes(t.Context(), at, []string{persistence.Orders, persistence.Requests}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Collection == "" {
			continue
		}
		if seen = append(seen, fmt.Sprint(c.Collection, " ", c.ID, " ", c.Removed())); len(seen) == 3 {
			break
		}
		if len(seen) == 2 { // the request expires
			err := store.write(t.Context(), func(conn *sqlite.Conn) error {
				_, err := run(conn, "DELETE FROM requests", nothing)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := fmt.Sprint(seen); got != "[orders ethereum/seaport/a false requests r false requests r true]" {
		t.Error(got)
	}
}

// The oldest changes are removed, and positions before them are gone; all others are valid.
func TestFeedKeepsNewest(t *testing.T) {
	store := open(t, t.TempDir())
	first := newest(t, store)
	keys := make([]string, keptChanges/4)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	putOrders(t, store, keys...)
	second := newest(t, store)
	for range 3 {
		putOrders(t, store, keys...)
	}
	if changes, err := next(t, store, first, 1); err != nil || changes[0].ID != "ethereum/seaport/0" {
		t.Fatalf("before anything was removed: %v, %v", changes, err)
	}
	putOrders(t, store, keys...)
	if _, err := next(t, store, first, 1); !errors.Is(err, persistence.ErrPositionGone) {
		t.Errorf("the first position: %v", err)
	}
	if _, err := next(t, store, second[:17]+fmt.Sprint(len(keys)-1), 1); !errors.Is(err, persistence.ErrPositionGone) {
		t.Errorf("the position before the second: %v", err)
	}
	if changes, err := next(t, store, second, 1); err != nil || changes[0].ID != "ethereum/seaport/0" {
		t.Errorf("the second position: %v, %v", changes, err)
	}
}

// Positions outlive the process. After the files were copied, earlier positions are valid
// in both folders; later ones are valid only in their own.
func TestFeedOfCopiedFiles(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	store := open(t, dir)
	start := newest(t, store)
	putOrders(t, store, "a")
	before := newest(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, fileName), file, 0o644); err != nil {
		t.Fatal(err)
	}
	stores := []*Store{open(t, dir), open(t, copied)}
	var later []string
	for i, s := range stores {
		putOrders(t, s, fmt.Sprint("in", i))
		later = append(later, newest(t, s))
		putOrders(t, s, fmt.Sprint("more", i))
		changes, err := next(t, s, before, 1)
		if err != nil || changes[0].ID != fmt.Sprint("ethereum/seaport/in", i) {
			t.Errorf("store %d: %v, %v", i, changes, err)
		}
		if changes, err := next(t, s, start, 3); err != nil || changes[0].Position != before {
			t.Errorf("store %d: %v, %v", i, changes, err)
		}
	}
	for i, s := range stores {
		if _, err := next(t, s, later[i], 1); err != nil {
			t.Errorf("store %d: %v", i, err)
		}
		if _, err := next(t, s, later[1-i], 1); !errors.Is(err, persistence.ErrPositionGone) {
			t.Errorf("store %d, position of the other: %v", i, err)
		}
	}
}

// In a backup made while the process was running, earlier positions are valid, and later
// positions of the process are gone.
func TestFeedOfBackup(t *testing.T) {
	dir, backup := t.TempDir(), t.TempDir()
	store := open(t, dir)
	putOrders(t, store, "a")
	before := newest(t, store)
	for _, name := range []string{fileName, fileName + "-wal"} {
		file, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(backup, name), file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	putOrders(t, store, "b")
	after := newest(t, store)
	restored := open(t, backup)
	putOrders(t, restored, "c", "d")
	if changes, err := next(t, restored, before, 1); err != nil || changes[0].ID != "ethereum/seaport/c" {
		t.Errorf("before: %v, %v", changes, err)
	}
	if _, err := next(t, restored, after, 1); !errors.Is(err, persistence.ErrPositionGone) {
		t.Errorf("after: %v", err)
	}
}

// Entries are decoded as they were encoded, and damaged ones are an error.
func TestChangeLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l changeLog
		var want []change
		for range rapid.IntRange(0, 5).Draw(t, "changes") {
			id, collection := rapid.Int64Min(1).Draw(t, "id"), rapid.SampledFrom(fullHistory).Draw(t, "collection")
			c := change{documentKey: documentKey{collection, fmt.Sprint(id)}, removed: rapid.Bool().Draw(t, "removed")}
			if c.removed || rapid.Bool().Draw(t, "existed") {
				c.before = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "before")
			}
			if c.removed {
				l.remove(collection, id, c.before)
			} else {
				l.put(collection, id, c.before)
			}
			want = append(want, c)
		}
		got, err := changesOf(l.entries)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || l.count != int64(len(want)) {
			t.Fatalf("%v, %v, want %v", got, err, want)
		}
		for end := range l.entries {
			if cut, err := changesOf(l.entries[:end]); err == nil && len(cut) >= len(want) {
				t.Fatalf("cut at %d of %d: %v", end, len(l.entries), cut)
			}
		}
		if _, err := changesOf(rapid.SliceOf(rapid.Byte()).Draw(t, "noise")); err != nil && !errors.Is(err, errEntries) {
			t.Fatal(err)
		}
	})
}

// Damaged rows are reported and not decoded to wrong changes.
func TestFeedNamesDamage(t *testing.T) {
	store := open(t, t.TempDir())
	at := newest(t, store)
	putOrders(t, store, "a", "b")
	for _, entries := range [][]byte{{}, {0xff}, {0, 1, '1'}, bytes.Repeat([]byte{0, 1, '1'}, 3)} {
		err := store.write(t.Context(), func(conn *sqlite.Conn) error {
			_, err := run(conn, "UPDATE changes SET entries = ? WHERE count = 2", func(stmt *sqlite.Stmt) { stmt.BindBytes(1, entries) })
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next(t, store, at, 1); !errors.Is(err, errDamaged) {
			t.Errorf("%v: %v", entries, err)
		}
	}
}
