package commands

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
)

// recordedNode starts a node that serves a recorded chain to its end.
func recordedNode(t *testing.T, chain string) *replay.Node {
	t.Helper()
	return recordedNodeAt(t, "127.0.0.1:0", chain)
}

func recordedNodeAt(t *testing.T, address, chain string) *replay.Node {
	t.Helper()
	node := replaytest.ServeAt(t, address, replaytest.Open(t, os.DirFS("../testdata/recordings/"+chain)))
	node.Finish()
	return node
}

// configured writes a configuration of one EVM chain and returns its file.
func configured(t *testing.T, dir, endpoint string, chainID int) string {
	t.Helper()
	file := filepath.Join(dir, "event-worker.yaml")
	text := fmt.Sprintf(`data: data
chains:
  ethereum:
    kind: evm
    chainId: %d
    endpoint: %s
    poll: 100ms
    markets:
      seaport: {start: 15990000}
`, chainID, endpoint)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// withOption sets an option of a configuration's one chain.
func withOption(t *testing.T, file, option string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(text), "    kind: evm\n")
	if err := os.WriteFile(file, []byte(before+"    kind: evm\n    "+option+"\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unreachable is a URL without a server.
func unreachable(t *testing.T) string {
	t.Helper()
	return "http://" + unusedAddress(t) + "/v2/s3cretkey"
}

// unusedAddress returns an address without a listener. Its port is below those that systems
// assign to listeners and to outgoing connections.
func unusedAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(10_000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no free port between 10,000 and 20,000")
	return ""
}

// TestBadInput expects one clear line, exit code 1, and nothing written.
func TestBadInput(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		environ []string
		args    []string
		want    string // in the error, DIR standing for the folder
	}{
		{name: "unknown command", args: []string{"statsu"}, want: `unknown command "statsu": did you mean event-worker status?`},
		{name: "unknown flag", args: []string{"demo", "--twice"}, want: "unknown flag: --twice: see event-worker demo --help"},
		{name: "argument too many", args: []string{"status", "now"}, want: `unknown argument "now"`},
		{name: "bad pace", args: []string{"demo", "--pace", "-1s"}, want: "--pace -1s: must be at least 1ms"},
		{name: "no collection", args: []string{"query"}, want: "name a collection: orders, activities"},
		{name: "unknown collection", args: []string{"query", "order"}, want: `unknown collection "order" (did you mean orders?): the collections are orders, activities`},
		{name: "unknown field", args: []string{"query", "orders", `{statsu: "SOLD"}`}, want: `filter: at character 2: no field "statsu" in orders (did you mean status?)`},
		{name: "unknown word", args: []string{"query", "orders", `{status: {$in: ["SOLD", "CANCELLED"]}}`}, want: `status is never "CANCELLED" (did you mean CANCELED?): it is one of LISTING`},
		{name: "unknown field to sort by", args: []string{"query", "orders", "--sort", "-prize"}, want: `sort: no field "prize" in orders (did you mean price?)`},
		{name: "sort by what is not stored", args: []string{"query", "orders", "--sort", "final"}, want: "cannot sort by final"},
		{name: "unknown command below another", args: []string{"config", "chekc"}, want: `unknown command "chekc": did you mean event-worker config check?`},
		{name: "command of another", args: []string{"lint"}, want: `unknown command "lint": see event-worker --help`},
		{name: "command without the one above it", args: []string{"example"}, want: `unknown command "example": did you mean event-worker config example?`},
		{name: "unknown command with a flag", args: []string{"statsu", "--watch"}, want: `unknown command "statsu": did you mean event-worker status?`},
		{name: "misspelt flag", args: []string{"status", "--conifg", "x"}, want: "unknown flag: --conifg (did you mean --config?): see event-worker status --help"},
		{name: "flag before its command", args: []string{"--config", "x"}, want: "unknown flag: --config (put it after the command: event-worker COMMAND --config): see event-worker --help"},
		{name: "filter with an unknown operator", args: []string{"query", "orders", `{price: {$over: 1}}`}, want: "filter: at character 10: unknown operator $over; known are $eq"},
		{name: "filter that does not end", args: []string{"query", "orders", `{price: 1`}, want: "filter: at character 10: the end where"},
		{name: "filter without quotes around it", args: []string{"query", "orders", "{price:", "1}", "x"}, want: "put the filter into single quotes"},
		{name: "bad sort", args: []string{"query", "orders", "{}", "--sort", "$a"}, want: "sort: "},
		{name: "sort by what is not stored", args: []string{"query", "orders", "{}", "--sort", "-final"}, want: "cannot sort by final"},
		{name: "bad limit", args: []string{"query", "orders", "{}", "--limit", "-1"}, want: "limit -1: must be a positive number"},
		{name: "no data named", args: []string{"status"}, want: "no data given: name the folder with --data DIR"},
		{name: "both data and config", args: []string{"status", "--data", "a", "--config", "b"}, want: "[config data]"},
		{name: "no data there", args: []string{"query", "orders", "--data", "none"}, want: "data folder none: there is no event worker database: create it with run or demo"},
		{name: "no configuration", args: []string{"run"}, want: "configuration event-worker.yaml: the file does not exist: event-worker config example prints one"},
		{
			name:    "bad configuration",
			prepare: func(t *testing.T, dir string) { configured(t, dir, "ftp://x", -1) },
			args:    []string{"run"}, want: `event-worker.yaml:5:14: chains.ethereum.chainId: "-1" is not an integer from 1 to 9007199254740992 (and 1 more`,
		},
		{
			name:    "cluster that would not be seen to live",
			prepare: func(t *testing.T, dir string) { configured(t, dir, node.URL(), 1) },
			environ: []string{"EVENT_WORKER_CLUSTER_POLL=2s", "EVENT_WORKER_CLUSTER_TTL=5s"},
			args:    []string{"run"}, want: "cluster.poll: 2s is too long for a ttl of 5s, at most a third of it: otherwise other nodes may declare this node dead between two heartbeats",
		},
		{
			name:    "roles that leave nothing",
			prepare: func(t *testing.T, dir string) { configured(t, dir, node.URL(), 1) },
			environ: []string{"EVENT_WORKER_CLUSTER_ROLES=aptos"},
			args:    []string{"run"}, want: "event-worker.yaml: no configured chain matches cluster.roles (aptos): add one, or change the roles",
		},
		{
			name:    "role that is unknown",
			prepare: func(t *testing.T, dir string) { configured(t, dir, node.URL(), 1) },
			environ: []string{"EVENT_WORKER_CLUSTER_ROLES=etherum"},
			args:    []string{"run"}, want: `cluster.roles.1: unknown role "etherum" (did you mean ethereum?): give kinds (evm, aptos) or names of configured chains`,
		},
		{
			name:    "bad log level",
			prepare: func(t *testing.T, dir string) { configured(t, dir, node.URL(), 1) },
			args:    []string{"run", "--log-level", "loud"}, want: `--log-level "loud": choose debug, info, warn or error`,
		},
		{
			name: "unwritable log folder",
			prepare: func(t *testing.T, dir string) {
				configured(t, dir, unreachable(t), 1) // which would be said if it came to that
				if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			args: []string{"run", "--log-dir", "file/logs"}, want: "log folder file/logs cannot be written: mkdir file: not a directory: make it writable, choose another one with --log-dir or log.dir, or none",
		},
		{
			name:    "MongoDB that is no MongoDB URI",
			prepare: func(t *testing.T, dir string) { configured(t, dir, node.URL(), 1) },
			environ: []string{"MONGODB_URI=mongo://user:s3cretkey@localhost"},
			args:    []string{"run"}, want: "MONGODB_URI cannot be used: it does not start with mongodb:// or mongodb+srv://: it looks like mongodb://user:password@host",
		},
		{
			name:    "MongoDB with a password that is not escaped",
			environ: []string{"MONGODB_URI=mongodb://user:s3cretkey@x@localhost"},
			args:    []string{"status"}, want: "user name and password must have %XX for characters such as @ : / %",
		},
		{
			name:    "MongoDB that is not there",
			environ: []string{"MONGODB_URI=mongodb://user:s3cretkey@" + unusedAddress(t) + "/market?serverSelectionTimeoutMS=500"},
			args:    []string{"query", "orders"}, want: "MongoDB, database market on 127.0.0.1:",
		},
		{
			name: "recording of an unknown chain",
			prepare: func(t *testing.T, dir string) {
				text := `chains: {bsc: {kind: evm, chainId: 56, endpoint: "http://127.0.0.1:1", recorded: true, markets: {seaport: {start: 1}}}}`
				if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			args: []string{"run"}, want: "chain bsc: recorded: the program has no recording of that name, only of ethereum and aptos",
		},
		{
			name: "recording of another chain id",
			prepare: func(t *testing.T, dir string) {
				withOption(t, configured(t, dir, node.URL(), 5), "recorded: true")
			},
			args: []string{"run"}, want: "chain ethereum: recorded: the recording is of kind evm with chain id 1, but kind evm and chainId 5 are configured",
		},
		{name: "bad pace of replay", args: []string{"replay", "--pace", "0s"}, want: "--pace 0s: must be at least 1ms"},
		{name: "no address to listen on", args: []string{"replay", "--listen", "nowhere.invalid:1"}, want: "--listen nowhere.invalid:1: "},
		{name: "faults of no node", args: []string{"faults"}, want: "--upstream: give the URL of a node, such as http://127.0.0.1:8545"},
		{name: "faults of something else", args: []string{"faults", "--upstream", "s3cretkey"}, want: "--upstream: want http://host… or https://host…"},
		{name: "unknown profile", args: []string{"faults", "--upstream", unreachable(t), "--profile", "flakey"}, want: `--profile: unknown profile "flakey" (did you mean flaky?): --list prints all`},
		{name: "no file of faults", args: []string{"faults", "--upstream", unreachable(t), "--profile", "none.yaml"}, want: "--profile: open none.yaml: "},
		{
			name: "bad file of faults",
			prepare: func(t *testing.T, dir string) {
				if err := os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte("faults:\n  - {fault: cut, byts: 1}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			args: []string{"faults", "--upstream", unreachable(t), "--profile", "bad.yaml"}, want: `bad.yaml:2:18: cut has no parameter "byts" (did you mean bytes?)`,
		},
		{name: "WebSocket of faults", args: []string{"faults", "--upstream", unreachable(t), "--websocket", "http://s3cretkey"}, want: "--websocket: want ws://host… or wss://host…"},
		{name: "faults polled without end", args: []string{"faults", "--upstream", unreachable(t), "--poll", "0s"}, want: "--poll 0s: must be at least 1ms"},
		{name: "no MongoDB to initiate", args: []string{"mongodb", "init"}, want: "no servers given: set MONGODB_URI to something like mongodb://localhost:27017/?replicaSet=rs0"},
		{
			name:    "no patience with MongoDB",
			environ: []string{"MONGODB_URI=mongodb://user:s3cretkey@" + unusedAddress(t)},
			args:    []string{"mongodb", "init", "--wait", "0s"}, want: "--wait 0s: must be positive",
		},
		{
			name:    "MongoDB to initiate that is not there",
			environ: []string{"MONGODB_URI=mongodb://user:s3cretkey@" + unusedAddress(t)},
			args:    []string{"mongodb", "init", "--wait", "300ms"}, want: "waited 300ms: MongoDB, database event_worker on 127.0.0.1:",
		},
		{
			name:    "wrong chain",
			prepare: func(t *testing.T, dir string) { configured(t, dir, node.URL()+"/s3cretkey", 5) },
			args:    []string{"run"}, want: "wrong chain: the endpoint's chain id is 1, the configured one 5: correct chainId or endpoint of chains.ethereum in event-worker.yaml",
		},
		{
			name:    "unreachable endpoint",
			prepare: func(t *testing.T, dir string) { configured(t, dir, unreachable(t), 1) },
			args:    []string{"run", "--once"}, want: "connection refused: check endpoint of chains.ethereum in event-worker.yaml",
		},
		{
			name: "unwritable data folder",
			prepare: func(t *testing.T, dir string) {
				if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			args: []string{"demo", "--once", "--data", "file/data"}, want: "data folder file/data cannot be written",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if test.prepare != nil {
				test.prepare(t, dir)
			}
			stdout, stderr, code := result(t, dir, test.environ, test.args...)
			if code != 1 || stdout != "" {
				t.Errorf("exit code %d, standard output %q", code, stdout)
			}
			if !strings.HasPrefix(stderr, "event-worker: ") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("not one line: %q", stderr)
			}
			if !strings.Contains(stderr, test.want) {
				t.Errorf("says  %s\nwant  %s", stderr, test.want)
			}
			if strings.Contains(stderr, "s3cretkey") {
				t.Errorf("shows a secret: %s", stderr)
			}
			if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
				t.Error("something was written")
			}
		})
	}
}

// TestForeignFile does not touch a file that is not a database of the event worker.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "event-worker.db")
	text := strings.Repeat("a letter to a friend\n", 1000)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"demo", "--data", dir}, {"status", "--data", dir}, {"query", "orders", "--data", dir}} {
		_, stderr, code := result(t, dir, nil, args...)
		if code != 1 || !strings.Contains(stderr, "is not an event worker database") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d, %s", args, code, stderr)
		}
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != text {
		t.Errorf("the file was changed (%v)", err)
	}
}

// TestDemoAndRunKeepApart refuses the demo's data to run, and run's data to the demo.
func TestDemoAndRunKeepApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	output(t, dir, "run", "--once")
	if _, stderr, code := result(t, dir, nil, "demo", "--once", "--data", "data"); code != 1 || !strings.Contains(stderr, "not the demo's: choose another location") {
		t.Errorf("the demo on a run's data: exit code %d, %s", code, stderr)
	}
	demo, _ := whole(t)
	before := contents(t, demo)
	if _, stderr, code := result(t, dir, nil, "run", "--once", "--data", demo); code != 1 || !strings.Contains(stderr, "contains the demo's data: choose another location") {
		t.Errorf("a run on the demo's data: exit code %d, %s", code, stderr)
	}
	if contents(t, demo) != before {
		t.Error("the demo's data have changed")
	}
}

// TestProblemsOfAConfiguration expects them all, each with its line and without secrets.
func TestProblemsOfAConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, "ftp://x/s3cretkey", -1)
	_, stderr, code := result(t, dir, nil, "config", "check")
	want := `event-worker.yaml:5:14: chains.ethereum.chainId: "-1" is not an integer from 1 to 9007199254740992
    5 |     chainId: -1
      |              ^
event-worker.yaml:6:15: chains.ethereum.endpoint: is not a URL that begins with http://, https://, ws:// or wss:// and a host
    6 |     endpoint: …
      |               ^
event-worker: configuration event-worker.yaml: 2 problems, see above
`
	if code != 1 || stderr != want {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}
