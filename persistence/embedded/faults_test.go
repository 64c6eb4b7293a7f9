package embedded

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded/internal/disk"
	"github.com/imart/event-worker/persistence/embedded/internal/pages"
)

// faultyLayer is layer on a simulated disk.
const faultyLayer = "event-worker-on-" + disk.Name

var registerFaulty = sync.OnceValue(func() error {
	disk.Register()
	return pages.Register(faultyLayer, pages.Config{Base: disk.Name, Application: applicationID, Since: checksumsSince})
})

// choose draws a number in [0, n).
type choose func(n int) int

// orders is the state of the store: the block of each order, by its key.
type orders map[string]int

// history is a random history of commits and faults, and the model that it is compared
// with.
type history struct {
	*testing.T
	choose
	dir   string
	disk  *disk.Disk
	store *Store
	block int
	// acknowledged is the state after the last commit that succeeded, attempted are those
	// of later ones whose outcome is unknown, until one succeeds.
	acknowledged orders
	attempted    []orders
	counts       map[string]int
	steps        []string
}

func (h *history) step(format string, args ...any) {
	h.steps = append(h.steps, fmt.Sprintf(format, args...))
}

// fault kinds, as they are counted.
const (
	powerCut, killed, rotted, failed = "power cuts", "killed processes", "rot", "failed operations"
)

func newHistory(t *testing.T, choose choose) *history {
	if err := registerFaulty(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		t.Fatal(err)
	}
	return &history{T: t, choose: choose, dir: dir, disk: disk.New(dir, uint64(choose(1<<30))), acknowledged: orders{}, counts: map[string]int{}}
}

func (h *history) end() {
	if h.store != nil {
		_ = h.store.Close() // the disk may have failed
	}
	h.disk.Remove()
	_ = os.RemoveAll(h.dir)
}

// run runs a history, and returns a violation of the model.
func (h *history) run() error {
	defer h.end()
	if err := h.open(); err != nil {
		return err
	}
	for range 3 + h.choose(12) {
		var err error
		switch h.choose(8) {
		case 0:
			err = h.crash(powerCut)
		case 1:
			err = h.crash(killed)
		case 2:
			err = h.reopen()
		case 3:
			h.fail()
		default:
			err = h.commit()
		}
		if err != nil {
			return err
		}
		if h.store == nil {
			return nil // the damage was noticed
		}
	}
	return h.rot()
}

// open opens the store and compares it with the model.
func (h *history) open() error {
	store, err := openVia(h.Context(), h.dir, faultyLayer)
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	h.store = store
	conn := <-store.writer
	err = sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", 10+h.choose(40)), nil)
	store.writer <- conn
	if err != nil {
		return err
	}
	return h.compare()
}

// compare reads the store. What it has is acknowledged; what it has not may appear after a
// crash.
func (h *history) compare() error {
	found, err := h.read()
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	for _, want := range append([]orders{h.acknowledged}, h.attempted...) {
		if maps.Equal(found, want) {
			h.acknowledged = found
			return nil
		}
	}
	return fmt.Errorf("the orders are %v, want %v or one of %v", found, h.acknowledged, h.attempted)
}

func (h *history) read() (orders, error) {
	found := orders{}
	docs, err := persistence.Collect[markets.Order](h.Context(), h.store, persistence.Query{Collection: persistence.Orders})
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		if doc.Zone != padding(doc.Key, int(doc.Last.Height)) {
			return nil, fmt.Errorf("order %s of block %d is wrong", doc.Key, doc.Last.Height)
		}
		found[doc.Key] = int(doc.Last.Height)
	}
	return found, nil
}

// padding makes an order take up to some pages.
func padding(key string, block int) string {
	return strings.Repeat(fmt.Sprint(key, "/", block, " "), 1+(block*7+len(key))%300)
}

// commit commits some orders of the next block. After an error its outcome is unknown: the
// store goes on, or is opened again.
func (h *history) commit() error {
	h.block++
	next := maps.Clone(h.acknowledged)
	var put []markets.Order
	for range 1 + h.choose(6) {
		key := fmt.Sprint("order ", h.choose(40))
		next[key] = h.block
		put = append(put, markets.Order{Chain: "c", Market: "m", Key: key, Last: markets.Position{Height: int64(h.block)}, Terms: markets.Terms{Zone: padding(key, h.block)}})
	}
	var gone []string
	if key := fmt.Sprint("order ", h.choose(40)); h.choose(3) == 0 && next[key] != h.block {
		delete(next, key)
		gone = append(gone, key)
	}
	err := h.store.Commit(h.Context(), persistence.MarketRef{Chain: "c", Market: "m"}, nil, func(tx persistence.Tx) error {
		if err := tx.PutOrders(put); err != nil {
			return err
		}
		return tx.DeleteOrders(gone)
	})
	h.step("commit %d (%v)", h.block, err)
	if err == nil {
		h.acknowledged, h.attempted = next, nil
		return nil
	}
	h.attempted = append(h.attempted, next)
	h.disk.SetFault(nil)
	if strings.Contains(err.Error(), "damaged") {
		return fmt.Errorf("committing: %w", err)
	}
	if h.choose(2) == 0 {
		return h.crash([]string{powerCut, killed}[h.choose(2)])
	}
	return h.compare()
}

// fail makes one of the next writes or syncs fail.
func (h *history) fail() {
	h.counts[failed]++
	h.step("failure")
	after, kind := h.choose(60), disk.Fault(1+h.choose(3))
	h.disk.SetFault(func(string, bool) disk.Fault {
		if after--; after == 0 {
			return kind
		}
		return disk.None
	})
}

// crash ends the process, which loses nothing, or all power.
func (h *history) crash(kind string) error {
	h.counts[kind]++
	h.step("%s", kind)
	if h.choose(2) == 0 { // in the middle of a commit or checkpoint
		after := h.choose(60)
		h.disk.SetFault(func(string, bool) disk.Fault {
			if after--; after <= 0 {
				return disk.Error
			}
			return disk.None
		})
		h.midway()
	}
	h.disk.SetFault(nil)
	h.disk.Stop()
	_ = h.store.Close()
	h.store = nil
	if kind == powerCut {
		h.disk.LosePower()
	}
	h.disk.Start()
	return h.open()
}

// midway commits until the disk is dead.
func (h *history) midway() {
	for range 5 {
		h.block++
		key := fmt.Sprint("order ", h.choose(40))
		next := maps.Clone(h.acknowledged)
		next[key] = h.block
		err := h.store.Commit(h.Context(), persistence.MarketRef{Chain: "c", Market: "m"}, nil, func(tx persistence.Tx) error {
			return tx.PutOrders([]markets.Order{{Chain: "c", Market: "m", Key: key, Last: markets.Position{Height: int64(h.block)}, Terms: markets.Terms{Zone: padding(key, h.block)}}})
		})
		h.step("commit %d in the crash (%v)", h.block, err)
		if err != nil {
			h.attempted = append(h.attempted, next)
			return
		}
		h.acknowledged, h.attempted = next, nil
	}
}

func (h *history) reopen() error {
	h.step("reopen")
	h.disk.SetFault(nil)
	err := h.store.Close()
	if h.store = nil; err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return h.open()
}

// rot damages a file of the store, after a clean end or a crash: the documents are as
// before, or there is an error that says so.
func (h *history) rot() error {
	h.disk.SetFault(nil)
	if h.choose(2) == 0 {
		h.disk.Stop()
	}
	_ = h.store.Close()
	h.store = nil
	h.disk.Start()
	name := fileName + []string{"", "-wal", "-wal", pages.MarkSuffix}[h.choose(4)]
	size := h.disk.Size(name)
	if size == 0 {
		return nil
	}
	h.counts[rotted]++
	var said string
	h.disk.Rot(name, func(b []byte) []byte {
		if h.choose(4) == 0 {
			cut := 1 + h.choose(size)
			said = fmt.Sprintf("%s is cut by %d of %d bytes", name, cut, size)
			return b[:size-cut]
		}
		said = name
		for range 1 + h.choose(3) {
			at := h.choose(size)
			b[at] ^= 1 << h.choose(8)
			said += fmt.Sprintf(" byte %d of %d", at, size)
		}
		return b
	})
	h.step("rot: %s", said)
	err := h.open()
	switch {
	case err == nil:
		h.counts["harmless rot"]++
		return nil
	case strings.Contains(err.Error(), "damaged"), strings.Contains(err.Error(), "is not an event worker database"):
		h.counts["noticed rot"]++
		return nil
	}
	return err
}

// After any faults of the disk the store has exactly the state of a commit that is not
// older than the last acknowledged one; after rot it has, or says that it is damaged.
func TestDiskFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") })
		if err := h.run(); err != nil {
			rt.Fatalf("%v: %v", h.steps, err)
		}
	})
}

// faultsFor is how long TestManyDiskFaults runs; it is skipped without.
const faultsFor = "EVENT_WORKER_TEST_CHAOS"

// faultsSeed makes TestManyDiskFaults repeat the history of one seed.
const faultsSeed = "EVENT_WORKER_TEST_SEED"

// TestManyDiskFaults is TestDiskFaults without a limit, and counts.
func TestManyDiskFaults(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv(faultsFor))
	if err != nil {
		t.Skipf("%s is not set to a duration", faultsFor)
	}
	counts, histories := map[string]int{}, 0
	for start := time.Now(); time.Since(start) < length; histories++ {
		seed := rand.Uint64()
		if only := os.Getenv(faultsSeed); only != "" {
			if seed, err = strconv.ParseUint(only, 10, 64); err != nil {
				t.Fatal(err)
			}
			length = 0
		}
		random := rand.New(rand.NewPCG(seed, 1))
		h := newHistory(t, random.IntN)
		if err := h.run(); err != nil {
			t.Fatalf("seed %d, after %d histories: %v: %v", seed, histories, h.steps, err)
		}
		for kind, n := range h.counts {
			counts[kind] += n
		}
	}
	t.Logf("%d histories", histories)
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%8d %s", counts[kind], kind)
	}
}
