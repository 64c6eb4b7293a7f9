package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests close it themselves
	return s
}

// execute runs SQL on the database of a folder.
func execute(t *testing.T, dir, script string) {
	t.Helper()
	conn, err := openConn(filepath.Join(dir, fileName), layer, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteScript(conn, script, nil); err != nil {
		t.Fatal(err)
	}
}

func putOrder(t *testing.T, s *Store, key string) {
	t.Helper()
	market := persistence.MarketRef{Chain: "ethereum", Market: "seaport"}
	if err := s.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		return tx.PutOrders([]markets.Order{{Chain: market.Chain, Market: market.Market, Key: key}})
	}); err != nil {
		t.Fatal(err)
	}
}

func TestOneWriterAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "deep")
	first := open(t, dir)
	_, err := Open(t.Context(), dir)
	if !errors.Is(err, persistence.ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint("pid ", os.Getpid())) {
		t.Errorf("the second writer gets: %v", err)
	}
	putOrder(t, first, "a") // undisturbed
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err == nil {
		t.Error("closed twice")
	}
	putOrder(t, open(t, dir), "b")
}

func TestReadersBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(dir); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a reader of an empty folder gets: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
	writer := open(t, dir)
	reader, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		putOrder(t, writer, fmt.Sprint(n))
		if got := count(t, reader); got != n+1 {
			t.Errorf("%d orders, want %d", got, n+1)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if got := count(t, reader); got != 3 {
		t.Errorf("%d orders without the writer", got)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	if _, err := counted(t, reader); err == nil {
		t.Error("a closed reader reads")
	}
}

// counted returns the number of orders.
func counted(t *testing.T, r *Reader) (n int, err error) {
	t.Helper()
	for _, err := range r.Query(t.Context(), persistence.Query{Collection: persistence.Orders}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func count(t *testing.T, r *Reader) int {
	t.Helper()
	n, err := counted(t, r)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A folder that cannot be opened is left unchanged, and the error states in one line the
// problem, its location and a remedy.
func TestFoldersThatCannotBeOpened(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		says    string
	}{
		"text": {func(t *testing.T, dir string) { write(t, dir, strings.Repeat("no database\n", 1000)) }, "is not an event worker database"},
		"foreign": {func(t *testing.T, dir string) {
			execute(t, dir, "CREATE TABLE orders (id INTEGER PRIMARY KEY);")
		}, "is not an event worker database"},
		"newer": {func(t *testing.T, dir string) {
			filled(t, dir)
			execute(t, dir, fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion+1))
		}, "newer version"},
		"damaged": {func(t *testing.T, dir string) {
			filled(t, dir)
			db := contents(t, dir)
			write(t, dir, db[:100]+strings.Repeat("x", 8000)+db[8100:])
		}, "is damaged"},
		"cut": {func(t *testing.T, dir string) {
			filled(t, dir)
			write(t, dir, contents(t, dir)[:10_000])
		}, "is damaged"},
		"folder in its place": {func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, fileName), 0o755); err != nil {
				t.Fatal(err)
			}
		}, "cannot be read or written"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.prepare(t, dir)
			before := contents(t, dir)
			_, writer := Open(t.Context(), dir)
			_, reader := OpenReader(dir)
			for who, err := range map[string]error{"writer": writer, "reader": reader} {
				if err == nil {
					t.Fatalf("%s opened it", who)
				}
				if text := err.Error(); !strings.Contains(text, c.says) || !strings.Contains(text, dir) || strings.Contains(text, "\n") {
					t.Errorf("%s: %v", who, err)
				}
			}
			if contents(t, dir) != before {
				t.Error("it was changed")
			}
			if _, err := Open(t.Context(), dir); errors.Is(err, persistence.ErrInUse) {
				t.Error("it is still locked")
			}
		})
	}
}

// filled creates a database with some pages.
func filled(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir)
	for n := range 50 {
		putOrder(t, s, strings.Repeat("x", 500)+fmt.Sprint(n))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// contents returns the bytes of the database file, empty if there is none.
func contents(t *testing.T, dir string) string {
	t.Helper()
	b, _ := os.ReadFile(filepath.Join(dir, fileName))
	return string(b)
}

func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), dir+" cannot be written") {
			t.Errorf("%v", err)
		}
	}
}

func TestBadDocumentsAreNamed(t *testing.T) {
	for name, doc := range map[string]string{"text": "'x'", "list": "'[1]'", "null": "'null'", "other types": `'{"chain":7}'`, "cut": `substr(doc, 1, 20)`} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			for _, key := range []string{"a", "b", "c"} {
				putOrder(t, s, key)
			}
			bad := "SELECT id FROM names WHERE name = 'b'"
			execute(t, dir, "UPDATE orders SET doc = "+doc+" WHERE id = ("+bad+");")
			var id int64
			conn := <-s.writer
			id, err := number(conn, bad)
			if s.writer <- conn; err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("stored orders %d is damaged", id)

			for _, filter := range []string{`{}`, `{status: {$ne: "SOLD"}}`, `{_id: {$ne: "x"}}`} {
				f, err := documents.ParseFilter(persistence.Orders, filter)
				if err != nil {
					t.Fatal(err)
				}
				for _, err = range s.Query(t.Context(), persistence.Query{Collection: persistence.Orders, Filter: f}) {
				}
				if err == nil || strings.Count(err.Error(), want) != 1 || strings.Count(err.Error(), "damaged") != 1 {
					t.Errorf("%s: %v, want … %s …", filter, err, want)
				}
			}
			if name == "other types" {
				return
			}
			err = s.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, nil, func(tx persistence.Tx) error {
				_, err := tx.Orders([]string{"a", "b"})
				return err
			})
			if name != "null" && (err == nil || !strings.Contains(err.Error(), "is damaged")) {
				t.Errorf("commit: %v", err)
			}
		})
	}
}

func TestAnIgnoredErrorFailsTheCommit(t *testing.T) {
	s := open(t, t.TempDir())
	late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	var kept persistence.Tx
	err := s.Commit(t.Context(), persistence.MarketRef{Chain: "c", Market: "m"}, nil, func(tx persistence.Tx) error {
		kept = tx
		_ = tx.PutOrders([]markets.Order{{Chain: "c", Market: "m", Key: "a"}, {Chain: "c", Market: "m", Key: "b", ExpiresAt: &late}})
		_ = tx.PutOrders([]markets.Order{{Chain: "c", Market: "m", Key: "c"}})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "order c/m/b") {
		t.Errorf("commit: %v", err)
	}
	if err := kept.PutOrders([]markets.Order{{Key: "d"}}); !errors.Is(err, errOver) {
		t.Errorf("a transaction that is over writes: %v", err)
	}
	if n := count(t, s.Reader); n != 0 {
		t.Errorf("%d orders", n)
	}
}

// Waiting for the writer ends with the context.
func TestWaitingEndsWithTheContext(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Commit(t.Context(), persistence.MarketRef{}, nil, func(persistence.Tx) error {
		time.AfterFunc(time.Millisecond, cancel)
		_, err := s.TakeOver(ctx, "c", "n")
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	putOrder(t, s, "a")
}

// SQLite reads the first page of what was an empty file in the size that it takes for empty
// files.
func TestAReaderOfAFileThatIsBeingCreated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	conn, err := openConn(path, layer, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	open(t, dir)
	if version, err := inspect(conn); err != nil || version != schemaVersion {
		t.Errorf("version %d, %v", version, err)
	}
}

func TestAnInterruptedCreation(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(dir, fileName+"-journal") // which a transaction leaves that has not committed
	if err := os.WriteFile(journal, []byte("pages before the transaction"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(dir); !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a reader gets: %v", err)
	}
	open(t, dir)
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
