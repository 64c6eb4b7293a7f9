package embedded_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/storetest"
)

func openCopy(t testing.TB, dir string) *embedded.Store {
	t.Helper()
	store, err := embedded.OpenCopy(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // some tests close it themselves
	return store
}

func TestCopy(t *testing.T) {
	storetest.RunCopy(t, func(t testing.TB) storetest.Copyable { return openCopy(t, t.TempDir()) })
}

// An unfinished copy cannot be opened for writing until it is complete.
func TestUnfinishedCopy(t *testing.T) {
	dir := t.TempDir()
	at := persistence.Copying{Source: "MongoDB, there", Owner: "me", Collection: persistence.Orders}
	store := openCopy(t, dir)
	if err := errors.Join(store.Import(t.Context(), "", &at, nil), store.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first attempt leaves nothing locked
		_, err := embedded.Open(t.Context(), dir)
		if !errors.Is(err, persistence.ErrUnfinishedCopy) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "copy of MongoDB, there: finish it") {
			t.Fatalf("a writer gets: %v", err)
		}
	}
	reader, err := embedded.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	store = openCopy(t, dir)
	if err := errors.Join(store.Import(t.Context(), "me", nil, nil), store.Close()); err != nil {
		t.Fatal(err)
	}
	if store, err = embedded.Open(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	_ = store.Close()
}

// A position can only be a row number.
func TestForeignPosition(t *testing.T) {
	_, _, err := openCopy(t, t.TempDir()).Batch(t.Context(), persistence.Orders, "ethereum/seaport/0xa", 1)
	if err == nil || !strings.Contains(err.Error(), "ethereum/seaport/0xa") {
		t.Error(err)
	}
}
