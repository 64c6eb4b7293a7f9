package mongo_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence/mongo"
)

// The variables that make TestCommitForEver commit: the database, the number of its
// commit in which it hangs, if any, and whether its commits are unconditional.
const (
	crashURI           = "EVENT_WORKER_TEST_CRASH_URI"
	crashHang          = "EVENT_WORKER_TEST_CRASH_HANG"
	crashUnconditional = "EVENT_WORKER_TEST_CRASH_UNCONDITIONAL"
)

// hung is what a process prints when it hangs in a commit.
const hung = "hung"

// TestCommitForEver is the process to be killed. It takes over the chain and prints the
// seq of every acknowledged commit.
func TestCommitForEver(t *testing.T) {
	uri := os.Getenv(crashURI)
	if uri == "" {
		t.Skip("run by the tests that kill this process")
	}
	hang, err := strconv.ParseInt(os.Getenv(crashHang), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	c, actor := takeOver(t, uri, fmt.Sprint("node-", os.Getpid()))
	unconditional := os.Getenv(crashUnconditional) != ""
	if unconditional {
		c.store.(*mongo.Store).Unconditional()
	}
	c.between = func() {
		if c.runs == hang {
			fmt.Println(hung)
			select {}
		}
	}
	for {
		switch err := c.commit(t.Context(), &actor); {
		case err == nil:
			fmt.Println(actor.Seq)
		case !unconditional: // otherwise the process that takes over may have interrupted it
			t.Fatal(err)
		}
	}
}

// A process that is killed at any moment leaves every acknowledged commit complete, and
// none partial, and the next process continues from there.
func TestKilledProcessLeavesWholeCommits(t *testing.T) {
	uri := mongotest.Database(t)
	for range rounds(t, 5) {
		last := killed(t, uri, 0)
		if began := succeed(t, uri); began != last && began != last+1 {
			t.Fatalf("commit %d was the last acknowledged one, the next process starts at %d", last, began)
		}
	}
}

// A transaction that a killed process left open does not block others.
func TestKilledWithinCommit(t *testing.T) {
	uri := mongotest.Database(t)
	for range rounds(t, 3) {
		last := killed(t, uri, 4)
		started := time.Now()
		if began := succeed(t, uri); began != last {
			t.Fatalf("commit %d was the last one, the next process starts at %d", last, began)
		}
		if took := time.Since(started); took > soon {
			t.Fatalf("the next process is blocked for %v", took)
		}
	}
}

// succeed takes over from a killed process, commits, and returns the position that it
// started at.
func succeed(t *testing.T, uri string) (began int64) {
	t.Helper()
	c, actor := takeOver(t, uri, "successor")
	c.commits(t, &actor, 1)
	if at := whole(t, c.store, disputed); at != c.claimedAt+1 {
		t.Errorf("after a commit at %d the actor is at %d", c.claimedAt, at)
	}
	return c.claimedAt
}

// killed lets a process commit, kills it and returns the last acknowledged commit. The
// process is killed at any moment after its first commit, or, if hang is not 0, in the
// middle of the commit of that number.
func killed(t *testing.T, uri string, hang int64) (last int64) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestCommitForEver$")
	child.Env = append(os.Environ(), crashURI+"="+uri, crashHang+"="+strconv.FormatInt(hang, 10))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = child.Process.Kill() }
	var late atomic.Bool
	inTime := time.AfterFunc(soon, func() {
		late.Store(true)
		kill()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch {
		case lines.Text() == hung:
			inTime.Stop()
			kill()
			continue
		case hang == 0 && inTime.Stop():
			defer time.AfterFunc(rand.N(150*time.Millisecond), kill).Stop()
		}
		if last, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Errorf("the child prints %q", lines.Text())
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child ended unexpectedly: %v", err)
	}
	if late.Load() {
		t.Fatalf("after %v the child is at commit %d", soon, last)
	}
	return last
}
