package commands

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

// The process that owns the data folder executes the requests of other processes, and the
// documents are then the same as before.
func TestARunningWorkerIsAsked(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	data := t.TempDir()
	p := launch(t, data, "demo", "--data", data, "--pace", "1h")
	p.says("The recorded chains now advance")
	before := contents(t, data)
	ask := func(args ...string) string { return output(t, data, append(args, "--data", data)...) }
	check(t, ask, func(args ...string) string {
		_, stderr, code := result(t, data, nil, append(args, "--data", data)...)
		if code != 1 {
			t.Errorf("%v is not refused", args)
		}
		return stderr
	}, func(collection, filter string) []map[string]any { return find(t, data, collection, filter) })
	eventually(t, "the documents are the same", func() bool { return contents(t, data) == before })
	p.ends(syscall.SIGTERM)

	// The next process reads what this one marked.
	if said := ask("pause", "ethereum/seaport/list"); said != "Paused 1 stream of ethereum/seaport/list.\n" {
		t.Errorf("without a worker: %s", said)
	}
	if said := ask("demo", "--once"); !strings.Contains(said, "paused") {
		t.Errorf("the stream is not paused: %s", said)
	}
}

// check makes one request of each kind.
func check(t *testing.T, ask, refused func(args ...string) string, find func(collection, filter string) []map[string]any) {
	t.Helper()
	buys := func() int { return len(find("activities", `{chain: "ethereum", stream: "buy"}`)) }
	all := buys()
	plan := ask("rewind", "ethereum/seaport/buy", "--to", "17000000", "--dry-run")
	if !strings.Contains(plan, "A rewind of ethereum/seaport/buy to 17,000,000 would undo:") || buys() != all {
		t.Errorf("dry run: %s", plan)
	}
	_, planned, _ := strings.Cut(plan, "\n\n")
	ask("pause", "ethereum/seaport/buy")
	if s := find("actors", `{_id: "ethereum/seaport/buy"}`); fmt.Sprint(s[0]["paused"]) != "true" {
		t.Errorf("the mark: %v", s)
	}
	eventually(t, "the subject is paused", func() bool {
		return fmt.Sprint(find("actors", `{_id: "ethereum/seaport/buy/subject"}`)[0]["state"]) == persistence.Paused
	})
	said := ask("rewind", "ethereum/seaport/buy", "--to", "17000000")
	if !strings.HasSuffix(said, planned) {
		t.Errorf("planned were\n%s\nbut\n%s", planned, said)
	}
	left := buys()
	if left >= all {
		t.Errorf("%d of %d activities are left", left, all)
	}
	if said := ask("resume", "ethereum/seaport"); !strings.Contains(said, "Resumed ethereum/seaport.") {
		t.Errorf("resume: %s", said)
	}
	eventually(t, "the stream reads on", func() bool { return buys() == all })
	if said := ask("retry"); !strings.Contains(said, "ethereum: decoded 0 of 0 dead letters.") || !strings.Contains(said, "aptos: decoded 0 of 0") {
		t.Errorf("retry: %s", said)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"pause", "ethereum/nix/buy"}, "pause: no such stream in ethereum: status lists them\n"},
		{[]string{"pause", "nix/seaport"}, "unknown chain \"nix\""},
		{[]string{"pause", "ethereum"}, "name one stream or market"},
		{[]string{"rewind", "ethereum/seaport/nix", "--to", "1"}, "rewind: no such stream in ethereum: status lists them\n"},
		{[]string{"rewind", "ethereum/seaport/nix", "--to", "1", "--dry-run"}, "rewind: no such stream in ethereum: status lists them\n"},
		{[]string{"rewind", "ethereum", "--to", "99000000"}, "nothing lies beyond that height"},
		{[]string{"rewind", "ethereum//x", "--to", "1"}, "write chain, chain/market or chain/market/stream"},
		{[]string{"redecode", "ethereum/seaport/buy"}, "rewind the stream instead"},
		{[]string{"retry", "--id", "ethereum/seaport/buy/1.2.3/0x1"}, "no dead letter has that id"},
	} {
		if said := refused(test.args...); !strings.Contains(said, test.want) {
			t.Errorf("%v: %s", test.args, said)
		}
	}
	requests := find("requests", `{kind: {$ne: "status"}}`)
	for _, r := range requests {
		if state := r["state"]; state != persistence.RequestDone && state != persistence.RequestFailed || r["endedAt"] == nil || r["askedBy"] == "" || fmt.Sprint(r["starts"]) != "1" {
			t.Errorf("the request %v", r)
		}
	}
	if len(requests) != 10 {
		t.Errorf("%d requests", len(requests))
	}
}

// The owners of a cluster's chains execute requests from any machine.
func TestAClusterIsAsked(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	c.start("one", calm)
	c.start("two", calm)
	c.until("each has a chain", ownedBy("one", "two"))
	found := func(collection, filter string) []map[string]any {
		return documentsOf(t, c.output(t, "query", collection, filter))
	}
	eventually(t, "the recorded events are there", func() bool {
		return len(found("actors", `{kind: "subject", state: "following", lag: 0}`)) == 13
	})
	check(t, func(args ...string) string { return c.output(t, args...) },
		func(args ...string) string { return refused(t, c.dir, c.database, args...) }, found)
}

// A request that the process has not started when it stops is withdrawn by the command.
func TestNobodyExecutesARequest(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	store, err := location{folder: data}.Open(t.Context()) // has the folder, and executes nothing
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, data, "pause", "ethereum/seaport/list", "--data", data)
	p.says("waiting for the owner")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	p.says("the worker stopped before it started request")
	reader, err := location{folder: filepath.Clean(data)}.openReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	requests, err := persistence.Collect[persistence.Request](t.Context(), reader, persistence.Query{Collection: persistence.Requests})
	if err != nil || len(requests) != 1 || requests[0].State != persistence.RequestFailed {
		t.Errorf("%v, %v", requests, err)
	}
}
