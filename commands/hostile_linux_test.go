package commands

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/hostile"
)

// maxPeak bounds the resident memory of a process under attack.
const maxPeak = 256 << 20

// manyConnections are more than any listener accepts.
const manyConnections = 1500

// attacked is a process with a listener.
type attacked struct {
	*process
	hostile.Target
	path   string // answers 200 to GET
	metric string // URL of the process's metrics; empty if it has none
}

// withstands attacks a listener in all ways. Honest clients are answered meanwhile, and nothing
// that was taken is kept.
func (a attacked) withstands(t *testing.T) {
	t.Helper()
	a.answers(t)
	for _, attack := range hostile.Held(manyConnections) {
		release := attack.Run(t, a.Target, a.path)
		a.answers(t)
		release()
	}
	for _, shape := range hostile.Shapes(a.Target, a.path) {
		shape.Send(t, a.Target)
		a.answers(t)
	}
	for _, method := range []string{"TRACE", "CONNECT", "DELETE", "get", "NONSENSE"} {
		hostile.Shape{Name: method, Text: method + " " + a.path + " HTTP/1.1\r\nHost: " + a.Address + "\r\nConnection: close\r\n\r\n", Status: []int{400, 403, 404, 405, 415}}.Send(t, a.Target)
	}
	eventually(t, "connections are released", func() bool {
		return hostile.Files(t, a.Process.Pid) < manyConnections/10 && a.goroutines(t) < manyConnections/5
	})
	if peak := hostile.Peak(t, a.Process.Pid); peak > maxPeak {
		t.Errorf("the process has taken %d MiB", peak>>20)
	}
}

// answers expects an honest client, on a new connection, to be answered.
func (a attacked) answers(t *testing.T) {
	t.Helper()
	if status, err := status(t, "http://"+a.Address+a.path); err != nil || status != http.StatusOK {
		t.Errorf("an honest client gets %d, %v", status, err)
	}
}

func status(t *testing.T, url string) (int, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Get(url)
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

// The listeners of a worker that follows recorded chains, and that of the recorded node, withstand
// attacks: the worker goes on, and ends with the documents of one that was left alone.
func TestListenersWithstandAttacks(t *testing.T) {
	node, configuration, nodeAddress := replaying(t, "127.0.0.1:0", "1s")
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
		status, err := status(t, "http://"+monitor+"/readyz")
		return err == nil && status == http.StatusOK
	})
	metrics := "http://" + monitor + "/metrics"
	for name, a := range map[string]attacked{
		"API":     {worker, hostile.Target{Address: api}, "/orders", metrics},
		"feed":    {worker, hostile.Target{Address: api}, "/orders?limit=1000", metrics},
		"page":    {worker, hostile.Target{Address: api}, "/", metrics},
		"monitor": {worker, hostile.Target{Address: monitor}, "/healthz", metrics},
		"replay":  {node, hostile.Target{Address: nodeAddress}, "/readyz", ""},
	} {
		t.Run(name, a.withstands)
	}
	_ = data
	worker.ends(syscall.SIGTERM)
	node.ends(syscall.SIGTERM)
}
