package commands

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
)

// silentAt returns an address that accepts connections and never answers.
func silentAt(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// A command that waits for its database reports it, without secrets.
func TestWaitForMongoDBIsReported(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	address := silentAt(t)
	uri := "MONGODB_URI=mongodb://user:s3cretkey@" + address + "/market?serverSelectionTimeoutMS=4000"
	_, stderr, code := result(t, t.TempDir(), []string{uri}, "query", "orders")
	if want := "event-worker: waiting for MongoDB, database market on " + address + ", for 2s so far…\n"; code != 1 || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 2 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	_, stderr, code = result(t, dir, []string{uri}, "run")
	if code != 1 || !strings.Contains(stderr, `msg="waiting for the database to answer" data="MongoDB, database market on `+address) || strings.Contains(stderr, "s3cretkey") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// A run reports the chains whose endpoints do not answer.
func TestWaitForEndpointsIsReported(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, "http://"+silentAt(t)+"/s3cretkey", 1)
	p := launch(t, dir, "run")
	p.says(`msg="waiting for the endpoints of chains to answer" chains=ethereum waited=2s`)
	p.says(`msg="waiting for the chain's endpoints" chain=ethereum`)
	p.ends(syscall.SIGTERM)
	if text := p.out.String(); strings.Contains(text, "s3cretkey") {
		t.Errorf("shows a secret: %s", text)
	}
}

// Query reports on standard error that no document matches, and finds addresses in any
// spelling.
func TestQueryThatFindsNothing(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	stdout, stderr, code := result(t, "", nil, "query", "--data", data, "orders", `{status: "REJECTED"}`)
	if want := "no document of orders matches in data folder " + data + "\n"; code != 0 || stdout != "" || stderr != want {
		t.Errorf("exit code %d: %q, %q, want %q", code, stdout, stderr, want)
	}
	for _, filter := range []string{`{chain: "ethereum", status: "SOLD"}`, `{chain: "aptos", status: "SOLD"}`} {
		order := find(t, data, "orders", filter, "--limit", "1")[0]
		maker := order["maker"].(string)
		for _, spelling := range []string{maker, strings.ToLower(maker), "0x" + strings.ToUpper(maker[2:]), "0x" + strings.TrimLeft(maker[2:], "0")} {
			if strings.HasPrefix(maker[2:], "0") && len(maker) == 42 && spelling != maker && len(spelling) != 42 {
				continue // only Aptos leaves zeros out
			}
			if got := find(t, data, "orders", `{maker: "`+spelling+`", _id: "`+order["_id"].(string)+`"}`); len(got) != 1 {
				t.Errorf("%d orders of %s", len(got), spelling)
			}
		}
	}
}

// Config check says where run would keep the data, and what it would serve to whom.
func TestConfigCheckSaysWhatRunUses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := configured(t, dir, unreachable(t), 1)
	expect(t, output(t, dir, "config", "check"), "data         folder data; MongoDB if the variable MONGODB_URI is set",
		"monitor      127.0.0.1:9464, or any free port", "page, API    http://127.0.0.1:9465, or any free port: anyone who can reach it")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), append([]byte("api: {listen: \"127.0.0.1:1\", token: s3cretkey}\nmonitor: {listen: \"127.0.0.1:2\"}\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	said, stderr, code := result(t, dir, []string{"MONGODB_URI=mongodb://user:s3cretkey@db.example.com/market"}, "config", "check")
	if code != 0 || strings.Contains(said+stderr, "s3cretkey") {
		t.Errorf("exit code %d: %s%s", code, said, stderr)
	}
	expect(t, said, "data         MongoDB, database market on db.example.com, from the variable MONGODB_URI; run --data data would use the folder",
		"monitor      127.0.0.1:2\n", "page, API    http://127.0.0.1:1: requires the token")
	for uri, want := range map[string]string{
		"mongodb://user:s3cretkey@db.example.com/market": "data         MongoDB, database market on db.example.com, from the variable MONGODB_URI_FILE; run --data data",
		"s3cretkey": "data         MongoDB, but MONGODB_URI_FILE is not valid: run says why",
	} {
		said, stderr, code := result(t, dir, []string{"MONGODB_URI_FILE=" + secretIn(t, uri)}, "config", "check")
		if code != 0 || strings.Contains(said+stderr, "s3cretkey") {
			t.Errorf("exit code %d: %s%s", code, said, stderr)
		}
		expect(t, said, want)
	}
}
