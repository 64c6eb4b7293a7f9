package commands

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/certtest"
	"github.com/imart/event-worker/internal/hostile"
	"github.com/imart/event-worker/internal/thorough"
)

// maxPeak bounds the resident memory of a process under attack.
const maxPeak = 256 << 20

// manyConnections are more than any listener accepts.
const manyConnections = 1500

// attacked is a process with a listener.
type attacked struct {
	*process
	hostile.Target
	path    string // answers 200 to GET
	metric  string // URL of the process's metrics; empty if it has none
	attacks []hostile.Attack
	shapes  []hostile.Shape
}

// withstands attacks a listener in all ways. Honest clients are answered meanwhile, and
// nothing that was taken is kept.
func (a attacked) withstands(t *testing.T) {
	t.Helper()
	a.answers(t, "nothing")
	for _, attack := range append(hostile.Held(manyConnections), a.attacks...) {
		release := attack.Run(t, a.Target, a.path)
		a.answers(t, attack.Name)
		release()
	}
	a.refuses(t)
	a.releases(t)
}

// refuses sends requests that are malformed, too large, or of methods that the listener
// does not have.
func (a attacked) refuses(t *testing.T) {
	t.Helper()
	for _, shape := range append(hostile.Shapes(a.Target, a.path), a.shapes...) {
		shape.Send(t, a.Target)
		a.answers(t, shape.Name)
	}
	for _, method := range []string{"TRACE", "CONNECT", "DELETE", "get", "NONSENSE"} {
		hostile.Shape{Name: method, Text: method + " " + a.path + " HTTP/1.1\r\nHost: " + a.Address + "\r\nConnection: close\r\n\r\n", Status: []int{400, 403, 404, 405, 415}}.Send(t, a.Target)
	}
}

// releases expects the connections of attackers to be closed, and what the process has
// taken to be within the limit.
func (a attacked) releases(t *testing.T) {
	t.Helper()
	eventually(t, "connections are released", func() bool {
		return hostile.Files(t, a.Process.Pid) < manyConnections/10 && a.goroutines(t) < manyConnections/5
	})
	if peak := hostile.Peak(t, a.Process.Pid); peak > maxPeak {
		t.Errorf("the process has taken %d MiB", peak>>20)
	} else {
		t.Logf("at most %d MiB", peak>>20)
	}
}

// answers expects an honest client, on a new connection, to be answered. It may be asked to
// come back later.
func (a attacked) answers(t *testing.T, during string) {
	t.Helper()
	eventually(t, "during "+during+" an honest client is answered", func() bool {
		status, err := a.status()
		if err != nil || status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("during %s an honest client gets %d, %v", during, status, err)
		}
		return status == http.StatusOK
	})
}

func (a attacked) status() (int, error) {
	scheme := "http"
	if a.TLS != nil {
		scheme = "https"
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: a.TLS, ForceAttemptHTTP2: true}, Timeout: patience}
	response, err := client.Get(scheme + "://" + a.Address + a.path)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

var goroutinesMetric = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

// goroutines is the number of goroutines of the process; 0 if it has no metrics.
func (a attacked) goroutines(t *testing.T) int {
	t.Helper()
	if a.metric == "" {
		return 0
	}
	_, body := asked(t, http.MethodGet, a.metric, "", "")
	found := goroutinesMetric.FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("no goroutines in %.300s", body)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The listeners of a worker that follows recorded chains, and that of the recorded node,
// withstand attacks: the worker goes on, and ends with the documents of one that was left
// alone.
func TestListenersWithstandAttacks(t *testing.T) {
	thorough.Only(t)
	node, configuration, nodeAddress := replaying(t, "127.0.0.1:0", "20ms")
	proxy := launch(t, t.TempDir(), "faults", "--upstream", "http://"+nodeAddress+"/ethereum", "--profile", "none")
	proxy.says("(counters: /_faults)\n")
	_, rest, _ := strings.Cut(proxy.out.String(), " at http://")
	proxyAddress, _, _ := strings.Cut(rest, " ")
	dir, data := followed(t, configuration)
	api, monitor := unusedAddress(t), unusedAddress(t)
	file := filepath.Join(dir, "event-worker.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, fmt.Appendf(text, "api: {listen: %q}\nmonitor: {listen: %q}\n", api, monitor), 0o600); err != nil {
		t.Fatal(err)
	}
	worker := launch(t, dir, "run")
	eventually(t, "the worker is ready", func() bool {
		status, err := attacked{Target: hostile.Target{Address: monitor}, path: "/readyz"}.status()
		return err == nil && status == http.StatusOK
	})
	metrics := "http://" + monitor + "/metrics"
	atAPI, atNode, atProxy := hostile.Target{Address: api}, hostile.Target{Address: nodeAddress}, hostile.Target{Address: proxyAddress}
	const body = 1 << 20 // the largest that the node and the proxy read
	for _, a := range []attacked{
		{worker, atAPI, "/orders?limit=1000", metrics, []hostile.Attack{hostile.Streams(manyConnections)}, hostile.Queries(atAPI)},
		{worker, atAPI, "/", metrics, nil, nil},
		{worker, hostile.Target{Address: monitor}, "/healthz", metrics, nil, nil},
		{worker, hostile.Target{Address: monitor}, "/metrics", metrics, nil, nil},
		{node, atNode, "/readyz", "", hostile.Posts(manyConnections/10, "/ethereum", body), []hostile.Shape{hostile.TooLarge(atNode, "/ethereum", body)}},
		{proxy, atProxy, "/_faults", "", append(hostile.WebSockets(manyConnections), hostile.Posts(manyConnections/10, "/", body)...), []hostile.Shape{hostile.TooLarge(atProxy, "/", body)}},
	} {
		t.Run(fmt.Sprint(a.Args[1], a.path), a.withstands)
	}
	eventually(t, "the worker is at the end", func() bool {
		return len(find(t, data, "actors", `{kind: "subject", state: "following", lag: 0, head: {$in: [18270780, 2386891061]}}`)) == 13
	})
	for _, p := range []*process{worker, proxy, node} {
		p.ends(syscall.SIGTERM)
	}
	want, _ := whole(t)
	if got := contents(t, data); got != contents(t, want) {
		t.Errorf("not what the demo finds:\n%s", got)
	}
}

// So does a listener with TLS, which serves HTTP/2.
func TestHTTP2WithstandsAttacks(t *testing.T) {
	thorough.Only(t)
	dir := t.TempDir()
	authority, address, monitor := certtest.New(t), unusedAddress(t), unusedAddress(t)
	pair := authority.Issue("server")
	data, _ := whole(t)
	file := filepath.Join(dir, "event-worker.yaml")
	config := fmt.Sprintf("data: %q\nmonitor: {listen: %q}\napi: {listen: %q, tls: {certificate: %q, key: %[4]q}}\n", data, monitor, address, pair)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "serve", "--config", file)
	p.says(" until Ctrl-C")
	trusted := &tls.Config{RootCAs: x509.NewCertPool(), NextProtos: []string{"h2"}, ServerName: "localhost"}
	pem, err := os.ReadFile(authority.File)
	if err != nil || !trusted.RootCAs.AppendCertsFromPEM(pem) {
		t.Fatal(err)
	}
	a := attacked{process: p, Target: hostile.Target{Address: address, TLS: trusted}, path: "/"}
	for _, attack := range hostile.HTTP2(manyConnections) {
		release := attack.Run(t, a.Target, a.path)
		a.answers(t, attack.Name)
		release()
	}
	a.releases(t)
	p.ends(syscall.SIGTERM)
}
