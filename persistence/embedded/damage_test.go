package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded/internal/pages"
)

// readAll reads all documents of a data folder.
func readAll(t *testing.T, dir string) (docs []string, err error) {
	t.Helper()
	r, err := OpenReader(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for _, collection := range persistence.Collections {
		for doc, err := range r.Query(t.Context(), persistence.Query{Collection: collection}) {
			if err != nil {
				return docs, err
			}
			docs = append(docs, string(doc))
		}
	}
	return docs, nil
}

// A damaged bit of any page is noticed when the page is read: the documents are the same,
// or there is an error that names the file.
func TestDamagedBitsAreNoticed(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	want, err := readAll(t, dir)
	if err != nil || len(want) == 0 {
		t.Fatal(want, err)
	}
	whole := contents(t, dir)
	noticed := 0
	for at := 13; at < len(whole); at += 997 {
		damaged := []byte(whole)
		damaged[at] ^= 1 << (at % 8)
		write(t, dir, string(damaged))
		docs, err := readAll(t, dir)
		if err == nil && strings.Join(docs, "\n") != strings.Join(want, "\n") {
			t.Fatalf("byte %d: other documents", at)
		}
		if err != nil {
			noticed++
			if !strings.Contains(err.Error(), "damaged") && !strings.Contains(err.Error(), "is not an event worker database") {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
	if noticed == 0 {
		t.Error("nothing was noticed")
	}
}

// A page that is valid in itself is not accepted in place of another one.
func TestMisplacedPagesAreNoticed(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	whole := contents(t, dir)
	last := whole[len(whole)-pages.Size:]
	noticed := 0
	for n := 1; n < len(whole)/pages.Size; n++ {
		write(t, dir, whole[:(n-1)*pages.Size]+last+whole[n*pages.Size:])
		if _, err := readAll(t, dir); err != nil && strings.Contains(err.Error(), fmt.Sprintf("page %d does not match its checksum", n)) {
			noticed++
		}
	}
	if noticed < 2 {
		t.Errorf("%d pages were noticed", noticed)
	}
}

// crashed returns a copy of a data folder as a killed process leaves it.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{fileName, fileName + "-wal", fileName + pages.MarkSuffix} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, private); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// SQLite drops the commits of the WAL from the first bad frame on. That is an error.
func TestLostCommitsAreNoticed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, key := range []string{"a", "b", "c"} {
		putOrder(t, s, key)
	}
	if docs, err := readAll(t, crashed(t, dir)); err != nil || len(docs) != 3 {
		t.Fatal(docs, err)
	}
	for name, damage := range map[string]func(wal []byte) []byte{
		"a bit":            func(wal []byte) []byte { wal[len(wal)/2] ^= 1; return wal },
		"a frame's header": func(wal []byte) []byte { wal[32+8] ^= 1; return wal },
		"the header":       func(wal []byte) []byte { wal[17] ^= 1; return wal },
		"cut":              func(wal []byte) []byte { return wal[:len(wal)-1] },
		"a frame less":     func(wal []byte) []byte { return wal[:len(wal)-24-pages.Size] },
		"empty":            func(wal []byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := crashed(t, dir)
			file := filepath.Join(dir, fileName+"-wal")
			wal, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(wal), private); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if docs, err := readAll(t, dir); err == nil || !strings.Contains(err.Error(), fileName+"-wal is damaged") {
					t.Errorf("%d documents, %v", len(docs), err)
				}
				if s, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), fileName+"-wal is damaged") {
					t.Error(err)
					_ = s.Close()
				}
			}
		})
	}
}

// Opening reads little, and notices that the file is cut off and damage of the actors.
func TestQuickCheck(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	whole := contents(t, dir)
	write(t, dir, whole[:len(whole)-pages.Size])
	if _, err := OpenReader(dir); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Error(err)
	}
	write(t, dir, whole)
	execute(t, dir, `INSERT INTO leases (id, doc) VALUES ('c', '{"_id": "c"');`)
	for _, open := range []func() error{
		func() error { _, err := OpenReader(dir); return err },
		func() error { _, err := Open(t.Context(), dir); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "stored leases 1 is damaged") {
			t.Error(err)
		}
	}
}

// Frames of the WAL are verified whenever they are read, not only after a crash.
func TestDamagedFramesAreNoticed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	putOrder(t, s, "a")
	want, err := readAll(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(dir, fileName+"-wal"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := int64(32 + 24 + 5000); at < info.Size(); at += 24 + pages.Size {
		b := make([]byte, 1)
		flip := func() {
			t.Helper()
			if _, err := file.ReadAt(b, at); err != nil {
				t.Fatal(err)
			}
			b[0] ^= 16
			if _, err := file.WriteAt(b, at); err != nil {
				t.Fatal(err)
			}
		}
		flip()
		docs, err := readAll(t, dir)
		if flip(); err == nil && strings.Join(docs, "\n") == strings.Join(want, "\n") {
			continue // the frame's page was written again later, or is not read
		}
		if noticed++; err == nil || !strings.Contains(err.Error(), fileName+"-wal is damaged: frame ") {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	if noticed == 0 {
		t.Error("no frame was noticed")
	}
}

// Another program may read the database after a crash, and with it copy the WAL to the
// database and delete it.
func TestAnotherProgramMayCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, key := range []string{"a", "b", "c"} {
		putOrder(t, s, key)
	}
	dir = crashed(t, dir)
	conn, err := sqlite.OpenConn(filepath.Join(dir, fileName), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := number(conn, "SELECT count(*) FROM orders"); err != nil || n != 3 {
		t.Error(n, err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, fileName+"-wal")); err == nil {
		t.Fatal("the WAL is still there")
	}
	if docs, err := readAll(t, dir); err != nil || len(docs) != 3 {
		t.Error(docs, err)
	}
	putOrder(t, open(t, dir), "d")
	if docs, err := readAll(t, dir); err != nil || len(docs) != 4 {
		t.Error(docs, err)
	}
}
