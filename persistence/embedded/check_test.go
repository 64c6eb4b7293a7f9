package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/storetest"
)

// check returns what Check finds.
func check(t *testing.T, dir string) (embedded.Checked, []string) {
	t.Helper()
	var said []string
	checked, err := embedded.Check(t.Context(), dir, func(embedded.Checking) {}, func(d embedded.Damage) {
		said = append(said, fmt.Sprintf("%s%s: %s", filepath.Base(d.File), d.Collection, d.Reason))
	})
	if err != nil {
		t.Fatal(err)
	}
	return checked, said
}

// filled returns a data folder with documents of every collection.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	store, err := embedded.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	storetest.FillForCopies(t, store)
	if checked, said := check(t, dir); len(said) > 0 || checked.Damaged != 0 || checked.Documents < 10 || checked.Pages < 10 {
		t.Fatalf("beside its writer: %+v %v", checked, said)
	}
	return dir
}

func TestCheck(t *testing.T) {
	dir := filled(t)
	if checked, said := check(t, dir); len(said) > 0 || checked.Damaged != 0 {
		t.Fatalf("%+v %v", checked, said)
	}
	file := filepath.Join(dir, "event-worker.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const page = 8192
	first := slices.Clone(whole)
	for _, n := range []int{0, 4, 8} {
		first[n*page+50] ^= 1
	}
	if err := os.WriteFile(file, first, 0o600); err != nil {
		t.Fatal(err)
	}
	if checked, said := check(t, dir); len(said) != 3 || !strings.HasSuffix(said[2], "page 9 does not match its checksum") || checked.Pages != int64(len(whole)/page) {
		t.Errorf("the first page: %+v %v", checked, said)
	}
	for n := 1; n < len(whole)/page; n++ {
		damaged := slices.Clone(whole)
		damaged[n*page+77] ^= 4
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("event-worker.db: page %d does not match its checksum", n+1)
		if _, said := check(t, dir); !slices.Contains(said, want) {
			t.Errorf("page %d: %v", n+1, said)
		}
	}
}

// Documents and columns that another program has changed have valid checksums.
func TestCheckOfDocuments(t *testing.T) {
	for script, want := range map[string]string{
		"UPDATE orders SET doc = substr(doc, 1, 20)":                       "orders: ",
		"UPDATE orders SET doc = json_set(doc, '$.price', 7)":              "orders: ",
		"UPDATE orders SET listed = '1970'":                                "orders: the column t.listed is \"1970\"",
		"UPDATE activities SET seq = seq + 1":                              "activities: the column t.seq",
		"UPDATE names SET name = name || 'x' WHERE name LIKE 'maker:%'":    "orders: the column maker.name",
		"UPDATE actors SET id = id || 'x'":                                 "actors: the column id",
		"UPDATE records SET doc = json_set(doc, '$.key', 'another')":       "records: the column n.name",
		"UPDATE dead_letters SET doc = json_set(doc, '$.stream', 'sales')": "dead_letters: ",
	} {
		dir := filled(t)
		teststore.Execute(t, dir, script+";")
		if _, said := check(t, dir); !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s: %v", script, said)
		}
	}
}
