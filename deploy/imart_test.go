package deploy

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/child"
	"github.com/imart/event-worker/internal/programtest"
	"github.com/imart/event-worker/internal/thorough"
)

// TestIMart follows made chains with deploy/imart.yaml.
func TestIMart(t *testing.T) {
	thorough.Only(t)
	p := newLocal(t, made(t))
	lines := strings.Split(p.contents(t), "\n")
	for _, want := range [][]string{
		{`"_id":"bsc/imart/exhibit-1@`, `"status":"SOLD"`, `"taker":"0x00000000000000000000000000000000000000B1"`, `"symbol":"BNB"`},
		{`"_id":"bsc/imart/exhibit-2@`, `"status":"CANCELED"`},
		{`"_id":"bsc/imart/exhibit-3@`, `"status":"LISTING"`},
		{`"_id":"bsc/imart/gallery:2@`, `"metadataUri":"ipfs://hall2"`, `"last":`},
		{`"_id":"aptos-testnet/imart-aptos/list-5"`, `"status":"SOLD"`},
		{`"_id":"aptos-testnet/imart-aptos/gallery:`, `"metadataUri":"m"`, `"last":`},
	} {
		if !slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(line, text) })
		}) {
			t.Errorf("there is no document with %q", want)
		}
	}
	if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, `"reason":`) && strings.Contains(line, `"raw":`) }) {
		t.Error("there are dead letters")
	}
	p.fetchesMetadata(t)
}

var endpoint = regexp.MustCompile(`http://[0-9.]+:[0-9]+`)

// local is the data of a process that has followed made chains, undisturbed.
type local struct {
	*project
	program, data string
}

// newLocal follows made chains to their end.
func newLocal(t *testing.T, recordings string) *local {
	t.Helper()
	p := &local{undisturbed(), programtest.Build(t), filepath.Join(t.TempDir(), "data")}
	nodes := exec.CommandContext(t.Context(), p.program, "replay", "--recordings", recordings, "--pace", "1ms")
	out, err := nodes.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	process, err := child.Start(nodes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	base := ""
	for lines := bufio.NewScanner(out); base == "" && lines.Scan(); {
		base = endpoint.FindString(lines.Text())
	}
	if base == "" {
		t.Fatal("the nodes have ended")
	}
	p.environ = append(p.environ, imartEndpoints(base)...)
	p.environ = append(p.environ, "EVENT_WORKER_CHAINS_BSC_MARKETS_IMART_START=1")
	p.eventually(t, "all is read", time.Minute, func() (string, bool) { // the chains advance meanwhile
		p.must(t, p.program, "run", "--once", "--config", "imart.yaml", "--data", p.data)
		heads := p.find(t, "actors", `{kind: "head", head: {$gte: 1190}}`)
		return heads, strings.Count(heads, "\n") == 1
	})
	return p
}

func (p *local) find(t *testing.T, query ...string) string {
	t.Helper()
	return p.must(t, append([]string{p.program, "query", "--data", p.data}, query...)...)
}

// contents are all documents that a market's people see, in one text.
func (p *local) contents(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, collection := range collections {
		b.WriteString(p.find(t, collection, "--sort", "_id") + "\n")
	}
	return b.String()
}

// fetchesMetadata runs a process that fetches metadata, from nothing but public addresses.
func (p *local) fetchesMetadata(t *testing.T) {
	t.Helper()
	run := exec.CommandContext(t.Context(), p.program, "run", "--config", "imart.yaml", "--data", p.data)
	run.Env = append(p.environ, "EVENT_WORKER_METADATA_GATEWAY=http://localhost:1", "EVENT_WORKER_MONITOR_LISTEN=127.0.0.1:0")
	process, err := child.Start(run)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Kill()
	for query, part := range map[string]string{
		`{state: "fetched"}`:          `"json":"{\"name\":\"Hall 1\"}"`,
		`{state: "failed", _id: "m"}`: `is not a URI of https`,
		`{_id: "ipfs://hall2"}`:       `is not a public address`,
	} {
		p.eventually(t, query, time.Minute, func() (string, bool) {
			found := p.find(t, "metadata", query)
			return found, strings.Contains(found, part)
		})
	}
}

// imartEndpoints are the variables of deploy/imart.yaml for nodes at an address.
func imartEndpoints(base string) []string {
	return []string{"BSC_ENDPOINT=" + base + "/bsc", "APTOS_TESTNET_ENDPOINT=" + base + "/aptos-testnet/v1"}
}

// The nodes of the made chains, beside docker-compose.yml. The nodes keep no state of old
// blocks, which start: deployment needs.
const nodes = `
services:
  event-worker-evm:
    environment: {EVENT_WORKER_CHAINS_BSC_MARKETS_IMART_START: "1"}
  nodes:
    image: event-worker
    environment: {EVENT_WORKER_MONITOR_LISTEN: "127.0.0.1:8545"}
    command: [replay, --listen, ":8545", --recordings, /recordings, --pace, 200ms]
    volumes: ["%s:/recordings:ro"]
    networks: [outside]
    healthcheck: {test: [CMD, event-worker, healthcheck], interval: 5s, timeout: 5s, retries: 3, start_period: 30s}
`

// TestComposeIMart follows made chains in Docker, whose nodes and whose MongoDB are taken
// away: error.log says so, and says when they are back.
func TestComposeIMart(t *testing.T) {
	if os.Getenv("EVENT_WORKER_TEST_COMPOSE") == "" {
		t.Skip("it takes minutes: make compose-test runs it")
	}
	recordings := made(t)
	want := newLocal(t, recordings).contents(t)
	override := filepath.Join(t.TempDir(), "nodes.yml")
	if err := os.WriteFile(override, fmt.Appendf(nil, nodes, recordings), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newProject(t, append(imartEndpoints("http://nodes:8545"), "EVENT_WORKER_CONFIG=imart.yaml"), override)
	c.nodes = "nodes"
	c.compose(t, "build")
	c.compose(t, "up", "-d")
	c.allHealthy(t)
	tail := func(service, file string) string {
		return c.compose(t, "exec", "-T", service, "event-worker", "tail", "-n", "10", file)
	}
	logs := map[string]string{evm: "evm/error.log", aptos: "aptos/error.log"}
	says := func(text string) {
		t.Helper()
		for _, service := range []string{evm, aptos} {
			c.eventually(t, service+" says "+text, time.Minute, func() (string, bool) {
				said := tail(service, logs[service])
				return said, strings.Contains(said, text)
			})
		}
	}
	c.eventually(t, "the documents are those of the made chains", 2*time.Minute, func() (string, bool) {
		got := c.contents(t)
		return difference(got, want), got == want
	})
	for service, file := range logs {
		if said := tail(service, file); strings.Contains(said, "level=ERROR") {
			t.Errorf("while all is well %s says\n%s", service, said)
		}
	}
	c.compose(t, "stop", "nodes")
	says("chain cannot be followed: none of its endpoints can be used")
	c.compose(t, "stop", "mongodb")
	says("MongoDB does not answer")
	c.compose(t, "start", "mongodb")
	says("MongoDB answers again")
	c.compose(t, "start", "nodes")
	says("chain is followed again")
	c.compose(t, "restart", evm)
	c.allHealthy(t)
	said := tail(evm, logs[evm])
	t.Logf("tail -n 10 evm/error.log:\n%s", said)
	if !slices.ContainsFunc(strings.Split(said, "\n"), func(line string) bool {
		return strings.Contains(line, `level=INFO msg="chain is followed again" chain=bsc lasted=`)
	}) {
		t.Errorf("after a restart %s has lost it:\n%s", evm, said)
	}
	if got := c.contents(t); got != want {
		t.Errorf("in the end other documents: %s", difference(got, want))
	}
}
