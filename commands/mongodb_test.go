package commands

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
)

// database is the environment of a program whose data are in a MongoDB database.
type database []string

func newDatabase(t *testing.T) database {
	t.Helper()
	return database{"MONGODB_URI=" + mongotest.Database(t)}
}

// output runs the program to its end, which must be a good one.
func (d database) output(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := result(t, t.TempDir(), d, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// contents are all documents that a market's people see, in one text.
func (d database) contents(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, collection := range []string{"orders", "activities", "records", "dead_letters"} {
		b.WriteString(d.output(t, "query", collection, "--sort", "_id"))
	}
	return b.String()
}

// The demo leaves the same documents in MongoDB as in a folder, and the commands
// that look at them find them there.
func TestDemoOnMongoDB(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d := newDatabase(t)
	folder, saidThere := whole(t)
	said := d.output(t, "demo", "--once")
	for _, text := range []string{"63 new events in 13 streams", "44 orders, 6 CANCELED, 12 PARTIAL, 26 SOLD", "17 orders, 6 CANCELED, 3 LISTING, 8 SOLD", "kept in MongoDB, database test_"} {
		if !strings.Contains(said, text) {
			t.Errorf("the demo does not say %q:\n%s", text, said)
		}
	}
	if got, want := d.contents(t), contents(t, folder); got != want {
		t.Errorf("in MongoDB there is\n%s\nin the folder\n%s", got, want)
	}
	if tried := tryNext(t, said, d); tried != strings.Count(saidThere, program) {
		t.Errorf("%d things to try next", tried)
	}
	if tree := d.output(t, "status"); !strings.Contains(tree, "node demo in MongoDB, database test_") || !strings.Contains(tree, "order-collection-offer-accept") {
		t.Errorf("status:\n%s", tree)
	}
	if again := d.output(t, "demo", "--once"); !strings.Contains(again, "0 new events") {
		t.Errorf("the second time there are new events:\n%s", again)
	}
	if here, _, code := result(t, folder, d, "query", "orders", "--data", folder, "--limit", "1"); code != 0 || here == "" {
		t.Errorf("a folder that is named is not looked into: exit code %d", code)
	}
}

// However often the demo is killed, the documents in MongoDB are those of an undisturbed
// one.
func TestDemoOnMongoDBKilled(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d := newDatabase(t)
	folder, _ := whole(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		p := launchIn(t, t.TempDir(), d, "demo", "--pace", "3ms")
		select {
		case <-time.After(time.Duration(random.IntN(1500)) * time.Millisecond):
			_ = p.Process.Kill()
			<-p.done
		case err := <-p.done:
			t.Fatalf("ended by itself: %v\n%s", err, &p.out)
		}
	}
	d.output(t, "demo", "--once")
	if got := d.contents(t); got != contents(t, folder) {
		t.Errorf("after kills the documents are others:\n%s", got)
	}
}

// A second process on the same database takes over, and the first one says so and
// ends.
func TestTakenOverOnMongoDB(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d := newDatabase(t)
	first := launchIn(t, t.TempDir(), d, "demo", "--pace", "1s") // a process that has nothing to write notices nothing
	first.says("The recorded chains now advance")
	second := launchIn(t, t.TempDir(), d, "demo", "--pace", "1h")
	second.says("The recorded chains now advance")
	first.says("taken over by another process")
	if err := <-first.done; err == nil {
		t.Error("the first process ends well")
	}
	second.ends(syscall.SIGTERM)
}

// Run follows into MongoDB, rewind takes back there, and the demo's data and a
// run's are kept apart.
func TestRunOnMongoDB(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d, demo := newDatabase(t), newDatabase(t)
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	run := func(d database, args ...string) (string, int) {
		_, stderr, code := result(t, dir, d, args...)
		return stderr, code
	}
	if said, code := run(d, "run", "--once"); code != 0 || !strings.Contains(said, "data=\"MongoDB, database test_") {
		t.Fatalf("run: exit code %d, %s", code, said)
	}
	if cli.Exists(filepath.Join(dir, "data")) {
		t.Error("there is a data folder all the same")
	}
	before := d.contents(t)
	if n := strings.Count(before, "\n"); n != 44+45 {
		t.Errorf("%d documents", n)
	}
	if said, code := run(d, "rewind", "ethereum", "--to", "17000000"); code != 0 {
		t.Fatalf("rewind: exit code %d, %s", code, said)
	}
	if d.contents(t) == before {
		t.Error("nothing was rewound")
	}
	if said, code := run(d, "run", "--once"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, said)
	}
	if got := d.contents(t); got != before {
		t.Errorf("after a rewind the documents are others:\n%s", got)
	}
	if said, code := run(d, "demo", "--once"); code != 1 || !strings.Contains(said, "not the demo's: choose another location") {
		t.Errorf("the demo on a run's data: exit code %d, %s", code, said)
	}
	demo.output(t, "demo", "--once")
	if said, code := run(demo, "run", "--once"); code != 1 || !strings.Contains(said, "contains the demo's data: choose another location") {
		t.Errorf("a run on the demo's data: exit code %d, %s", code, said)
	}
	if said, code := run(database{"MONGODB_URI=" + mongotest.Database(t)}, "status"); code != 1 || !strings.Contains(said, "there is no event worker database: create it with run or demo") {
		t.Errorf("status of an empty database: exit code %d, %s", code, said)
	}
}

// A server that was never initiated is fit for use after mongodb init, which says
// what it did.
func TestMongoDBInit(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	address := mongotest.Unfit(t, "--replSet", "rs0")
	d := database{"MONGODB_URI=mongodb://" + address + "/?replicaSet=rs0"}
	for _, did := range []string{"is initiated", "is already initiated"} {
		if said, want := d.output(t, "mongodb", "init"), "MongoDB: replica set rs0 on "+address+" "+did+" and has a primary.\n"; said != want {
			t.Errorf("says %q, want %q", said, want)
		}
	}
	d.output(t, "demo", "--once")
}
