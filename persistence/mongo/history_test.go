package mongo_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
)

// The history of two processes, the second of which takes over from the first while the
// first commits, has no violation; unless the first one's commits are unconditional:
// then two processes have committed at one epoch.
func TestHistoryOfTwoProcesses(t *testing.T) {
	thorough.Only(t)
	for _, test := range []struct{ name, unconditional, fault string }{
		{"conditional", "", ""},
		{"unconditional", "yes", "commits at epoch 2, at which"},
	} {
		t.Run(test.name, func(t *testing.T) {
			faults := strings.Join(historyOfTwo(t, test.unconditional), "\n")
			if test.fault == "" && faults != "" || !strings.Contains(faults, test.fault) {
				t.Errorf("faults: %q, want %q", faults, test.fault)
			}
		})
	}
}

// historyOfTwo returns the violations in a history of two processes.
func historyOfTwo(t *testing.T, unconditional string) []string {
	t.Helper()
	// A separate server: the killed process leaves a transaction open, which would block
	// dropping the database.
	uri, err := mongotest.WithDatabase(mongotest.Start(t).URI(), "history")
	if err != nil {
		t.Fatal(err)
	}
	oplog, err := history.Open(t.Context(), uri, "history")
	if err != nil {
		t.Fatal(err)
	}
	defer oplog.Close()
	first := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCommitForEver$")
	first.Env = append(os.Environ(), crashURI+"="+uri, crashHang+"=0", crashUnconditional+"="+unconditional)
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	until := func(seq int64) { // the process has committed seq, or has ended
		for at := int64(0); at < seq && said.Scan(); {
			at, _ = strconv.ParseInt(said.Text(), 10, 64)
		}
	}
	until(3)
	second, actor := takeOver(t, uri, "second")
	if unconditional == "" { // otherwise the second process fences it
		second.commits(t, &actor, 3)
	} else {
		_ = second.commit(t.Context(), &actor)
	}
	until(actor.Seq + 10)
	_ = first.Process.Kill()
	_ = first.Wait()
	checker := history.NewChecker(nil)
	if err := oplog.Drain(t.Context(), checker.Take); err != nil {
		t.Fatal(err)
	}
	if checker.Commits() < 4 {
		t.Errorf("the history has %d commits", checker.Commits())
	}
	return checker.Faults()
}
