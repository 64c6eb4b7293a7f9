package commands

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/storetest"
)

// everything is all documents in a folder.
func everything(t *testing.T, folder string) string {
	t.Helper()
	reader, err := embedded.OpenReader(folder)
	if err != nil {
		t.Fatal(err)
	}
	return textOf(t, reader)
}

// everything is all documents in the database.
func (d database) everything(t *testing.T) string {
	t.Helper()
	reader, err := mongo.OpenReader(t.Context(), strings.TrimPrefix(d[0], "MONGODB_URI="))
	if err != nil {
		t.Fatal(err)
	}
	return textOf(t, reader)
}

func textOf(t *testing.T, r reader) string {
	t.Helper()
	defer r.Close()
	texts, err := storetest.Texts(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(texts, "\n")
}

// copyThere and copyBack are the two commands.
func copyThere(folder string) []string {
	return []string{"copy", "--from", "embedded", "--to", "mongodb", "--data", folder}
}

func copyBack(folder string) []string {
	return []string{"copy", "--from", "mongodb", "--to", "embedded", "--data", folder}
}

// The demo's data go there and back as they are, and the demo goes on with the
// copies as with the original.
func TestCopyDemo(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d := newDatabase(t)
	folder, _ := whole(t)
	before := everything(t, folder)
	said := d.output(t, copyThere(folder)...)
	for _, text := range []string{"Copying from data folder " + folder + " to MongoDB, database test_", "orders                     61              61", "The counts agree: the copy is complete."} {
		if !strings.Contains(said, text) {
			t.Errorf("it does not say %q:\n%s", text, said)
		}
	}
	back := filepath.Join(t.TempDir(), "new", "folder")
	d.output(t, copyBack(back)...)
	if everything(t, folder) != before || d.everything(t) != before || everything(t, back) != before {
		t.Error("the copies are not the same")
	}
	for _, again := range []string{d.output(t, "demo", "--once"), output(t, back, "demo", "--once", "--data", back)} {
		if !strings.Contains(again, "0 new events") {
			t.Errorf("on a copy there are new events:\n%s", again)
		}
	}
	if want := contents(t, folder); d.contents(t) != want || contents(t, back) != want {
		t.Error("after the demo has gone on with them, the copies hold other documents")
	}
}

// A demo that is killed and continues with a copy ends with the documents of an undisturbed
// one.
func TestCopyOnTheWay(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	want, _ := whole(t)
	d, folder, back := newDatabase(t), t.TempDir(), filepath.Join(t.TempDir(), "back")
	some := func(p *process) {
		p.says("The recorded chains now advance")
		_ = p.Process.Kill()
		<-p.done
	}
	some(launch(t, folder, "demo", "--data", folder, "--pace", "20ms"))
	d.output(t, copyThere(folder)...)
	some(launchIn(t, t.TempDir(), d, "demo", "--pace", "20ms"))
	d.output(t, copyBack(back)...)
	if part := contents(t, back); part == contents(t, want) {
		t.Error("nothing is left to do")
	}
	output(t, back, "demo", "--once", "--data", back)
	if got := contents(t, back); got != contents(t, want) {
		t.Errorf("there is\n%s", got)
	}
}

// stocked is a folder with many orders of one market.
func stocked(t *testing.T, orders int) string {
	t.Helper()
	folder := t.TempDir()
	store, err := embedded.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ref := persistence.MarketRef{Chain: "ethereum", Market: "seaport"}
	if _, err := store.TakeOver(t.Context(), ref.Chain, "node"); err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(t.Context(), ref, nil, func(tx persistence.Tx) error {
		var put []markets.Order
		for i := range orders {
			put = append(put, markets.Order{
				Chain: ref.Chain, Market: ref.Market, Key: fmt.Sprintf("0x%016x", uint64(i)*0x9e3779b97f4a7c15), Status: markets.Listing,
				Maker: fmt.Sprintf("0x%040x", i%100), Price: markets.Amount(fmt.Sprint(i)), Last: markets.Position{Height: int64(i)},
			})
		}
		return tx.PutOrders(put)
	}); err != nil {
		t.Fatal(err)
	}
	return folder
}

// A copy may be killed at any moment: a resumed copy is complete.
func TestCopyKilled(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d, folder := newDatabase(t), stocked(t, 12_000)
	back := filepath.Join(t.TempDir(), "back")
	for _, args := range [][]string{copyThere(folder), copyBack(back)} {
		for complete, runs := false, 0; !complete; runs++ {
			if runs > 100 {
				t.Fatal("the copy comes to no end")
			}
			p := launchIn(t, t.TempDir(), d, args...)
			select {
			case <-time.After(rand.N(700*time.Millisecond + time.Duration(runs)*50*time.Millisecond)): // any moment
				_ = p.Process.Kill()
				complete = <-p.done == nil
			case err := <-p.done:
				killedAtTheEnd := runs > 0 && strings.Contains(p.out.String(), "it is not empty") // by the one before
				if complete = err == nil || killedAtTheEnd; !complete {
					t.Fatalf("%v\n%s", err, &p.out)
				}
			}
		}
	}
	if want := everything(t, folder); d.everything(t) != want || everything(t, back) != want {
		t.Error("the copies are not the same")
	}
}

// A signal ends a copy with an explanation, and it goes on later. Until then nobody
// else writes to it.
func TestCopyInterrupted(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	d, folder, back := newDatabase(t), stocked(t, 60_000), filepath.Join(t.TempDir(), "back")
	config := configured(t, t.TempDir(), recordedNode(t, "ethereum").URL(), 1)
	for _, way := range []struct {
		args    []string
		environ []string // of who would write to the copy
		flags   []string // their flags
	}{{copyThere(folder), d, nil}, {copyBack(back), nil, []string{"--data", back}}} {
		p := launchIn(t, t.TempDir(), d, way.args...)
		p.says("60,001 documents.")
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := <-p.done; err == nil {
			t.Fatalf("exit code 0:\n%s", &p.out)
		}
		p.says("of 60,001 documents copied: run the same command again to resume")
		for _, args := range [][]string{{"demo", "--once"}, {"run", "--once", "--config", config}, {"rewind", "ethereum", "--to", "1"}, {"retry"}} {
			expectRefusal(t, way.environ, append(args, way.flags...), "it holds an unfinished copy of ")
		}
		if way.flags == nil {
			expectRefusal(t, d, copyBack(back), "it holds an unfinished copy of data folder "+folder)
			expectRefusal(t, d, copyThere(stocked(t, 1)), "it holds an unfinished copy of something else: data folder "+folder)
		}
		d.output(t, way.args...)
	}
	if want := everything(t, folder); d.everything(t) != want || everything(t, back) != want {
		t.Error("the copies are not the same")
	}
}

// expectRefusal expects one line that says why a command does nothing.
func expectRefusal(t *testing.T, environ, args []string, says string) {
	t.Helper()
	_, stderr, code := result(t, t.TempDir(), environ, args...)
	if code != 1 || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%v: exit code %d, %s", args, code, stderr)
	}
}

// A folder that a worker writes to is not copied, and one that is copied is not
// written to.
func TestCopyFromAFolderInUse(t *testing.T) {
	t.Parallel()
	d, folder := newDatabase(t), t.TempDir()
	worker := launch(t, folder, "demo", "--data", folder, "--pace", "1h")
	worker.says("The recorded chains now advance")
	if _, stderr, code := result(t, folder, d, copyThere(folder)...); code != 1 || !strings.Contains(stderr, "in use by another process") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	worker.ends(syscall.SIGTERM)
	d.output(t, copyThere(folder)...)
}

// TestCopyBadInput expects one clear line, exit code 1, and nothing written.
func TestCopyBadInput(t *testing.T) {
	t.Parallel()
	const uri = "MONGODB_URI=mongodb://user:s3cret@127.0.0.1:1/db?replicaSet=rs0&serverSelectionTimeoutMS=50"
	for _, test := range []struct {
		environ []string
		args    []string
		says    string
	}{
		{nil, nil, `--from "": must be embedded or mongodb`},
		{nil, []string{"--from", "embedded"}, `--to "": must be embedded or mongodb`},
		{nil, []string{"--from", "sqlite", "--to", "mongodb"}, `--from "sqlite": must be embedded or mongodb`},
		{[]string{uri}, []string{"--from", "mongodb", "--to", "mongodb"}, "both mongodb: choose --from embedded --to mongodb, or"},
		{nil, []string{"--from", "embedded", "--to", "mongodb"}, "no database given: set MONGODB_URI, such as mongodb://"},
		{[]string{uri}, []string{"--from", "embedded", "--to", "mongodb"}, "no data given: name the folder with --data DIR"},
		{[]string{uri}, []string{"--from", "mongodb", "--to", "embedded", "--data", "a", "--config", "b"}, "none of the others can be"},
		{[]string{uri}, []string{"--from", "embedded", "--to", "mongodb", "--data", "none"}, "there is no event worker database"},
		{[]string{uri}, []string{"--from", "mongodb", "--to", "embedded", "--data", "new"}, "database db on 127.0.0.1:1"},
		{[]string{"MONGODB_URI=s3cret"}, []string{"--from", "mongodb", "--to", "embedded", "--data", "new"}, "does not start with mongodb://"},
	} {
		dir := t.TempDir()
		_, stderr, code := result(t, dir, test.environ, append([]string{"copy"}, test.args...)...)
		if code != 1 || !strings.Contains(stderr, test.says) || strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, "s3cret") {
			t.Errorf("%v: exit code %d, %s", test.args, code, stderr)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v: it left %v (%v)", test.args, left, err)
		}
	}
}

// The counts, the rate and what is left are said as the copy goes.
func TestMeter(t *testing.T) {
	begun := time.Unix(1_700_000_000, 0)
	m := &meter{begun: begun}
	m.last.Collection, m.last.Before, m.last.Done, m.last.Total = "orders", 1_000, 5_000, 15_000
	if got, want := m.line(begun.Add(2*time.Second)), "orders: 5,000 of 15,000 documents, 2,000/s, about 5s left"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
