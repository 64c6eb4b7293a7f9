package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
	"github.com/imart/event-worker/internal/required"
)

// scrapeLimit limits the time until every metric has been scraped twice.
const scrapeLimit = 2 * time.Minute

// needPrometheus skips the test if Prometheus or promtool is missing.
func needPrometheus(t *testing.T) {
	t.Helper()
	for _, program := range []string{"promtool", "prometheus"} {
		if _, err := exec.LookPath(program); err != nil {
			required.Skip(t, "prometheus", "put promtool and prometheus, 2.42 or later, on PATH: apt-get install prometheus")
		}
	}
}

// The files are valid, and each alert fires exactly when it should.
func TestPromtool(t *testing.T) {
	needPrometheus(t)
	for _, args := range [][]string{{"check", "rules", alertsFile}, {"test", "rules", alertsTestFile}, {"check", "config", prometheusFile}} {
		if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// server is a running Prometheus, by its URL.
type server string

// scraped starts a worker that follows the recorded chains in a cluster of one, and a
// Prometheus that scrapes it and evaluates the alerts.
func scraped(t *testing.T) server {
	t.Helper()
	program, dir := programtest.Build(t), t.TempDir()
	environ := append(undisturbed().environ, "MONGODB_URI="+mongotest.Database(t), "EVENT_WORKER_MONITOR_LISTEN=127.0.0.1:0", "EVENT_WORKER_API=false")
	nodes := exec.Command(program, "replay", "--pace", "50ms")
	nodes.Env = environ
	configuration, _ := serve(t, nodes, `(?s)(chains:\n.*tradeport:[^\n]*\n)`)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	configuration += "audit: daily\nhooks: {all: {url: '" + receiver.URL + "', secret: sixteen bytes or more}}\n"
	worker := exec.Command(program, "run", "--config", write("event-worker.yaml", configuration))
	worker.Env = environ
	monitored, _ := serve(t, worker, `health and metrics" address=(\S+)`)

	rules, err := filepath.Abs(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile(prometheusFile)
	if err != nil {
		t.Fatal(err)
	}
	text := string(shipped)
	for from, to := range map[string]string{"127.0.0.1:9464": monitored, "[alerts.yml]": "[" + rules + "]", "15s": "250ms"} {
		if !strings.Contains(text, from) {
			t.Fatalf("%s has no %s", prometheusFile, from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	c := exec.Command("prometheus", "--config.file", write("prometheus.yml", text), "--storage.tsdb.path", filepath.Join(dir, "tsdb"), "--web.listen-address", "127.0.0.1:0")
	address, _ := serve(t, c, `msg="Listening on" address=(\S+)`)
	return server("http://" + address)
}

// series has the labels of a series.
type series map[string]string

// query evaluates an expression.
func (p server) query(expr string) ([]series, error) {
	response, err := http.PostForm(string(p)+"/api/v1/query", url.Values{"query": {expr}})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error    string
		Warnings []string
		Data     struct {
			Result []struct{ Metric series }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" || len(answer.Warnings) > 0 {
		return nil, fmt.Errorf("%s %v", answer.Error, answer.Warnings)
	}
	var all []series
	for _, r := range answer.Data.Result {
		all = append(all, r.Metric)
	}
	return all, nil
}

// grafana replaces the variables of Grafana.
var grafana = strings.NewReplacer("$__rate_interval", "30s", "$chain", ".*")

// absent are the metrics that this worker does not have: no request fails, no endpoint has
// a rate limit, and recorded nodes have no contracts.
var absent = []string{
	"event_worker_endpoint_errors_total", "event_worker_endpoint_rate_limit",
	"event_worker_facts_orders_total", "event_worker_facts_calls_total",
	"event_worker_facts_round_orders_total", "event_worker_facts_round_differed_total",
}

var legend = regexp.MustCompile(`\{\{([a-z]+)\}\}`)

// shows returns nil if a query of the dashboard returns data whose series have the labels
// of the legend.
func (p server) shows(q target) error {
	all, err := p.query(grafana.Replace(q.Expr))
	if err != nil {
		return err
	}
	if len(all) == 0 {
		if slices.ContainsFunc(metricsOf(q.Expr), func(name string) bool { return slices.Contains(absent, name) }) {
			return nil
		}
		return errors.New("no data")
	}
	for _, found := range legend.FindAllStringSubmatch(q.LegendFormat, -1) {
		for _, s := range all {
			if s[found[1]] == "" {
				return fmt.Errorf("a series without %s: %v", found[1], s)
			}
		}
	}
	return nil
}

// With a real Prometheus that scrapes a real worker, every query of the dashboard returns
// data, and every expression of the alerts is valid.
func TestDashboardInPrometheus(t *testing.T) {
	needPrometheus(t)
	p := scraped(t)
	type shown struct {
		panel string
		target
	}
	var waiting []shown
	for _, panel := range dashboard(t) {
		for _, q := range panel.Targets {
			waiting = append(waiting, shown{panel.Title, q})
		}
	}
	queries := len(waiting)
	for deadline := time.Now().Add(scrapeLimit); len(waiting) > 0; time.Sleep(100 * time.Millisecond) {
		late := time.Now().After(deadline)
		waiting = slices.DeleteFunc(waiting, func(s shown) bool {
			err := p.shows(s.target)
			if late && err != nil {
				t.Errorf("%s: %v: %s", s.panel, err, s.Expr)
			}
			return late || err == nil
		})
	}
	for _, a := range alerts(t) {
		if _, err := p.query(a.Expr); err != nil {
			t.Errorf("%s: %v", a.Alert, err)
		}
	}
	loaded, err := p.query(`count by (alertname) (ALERTS) or up{job="event-worker"} == 1`)
	if err != nil || len(loaded) == 0 {
		t.Errorf("the worker is not scraped: %v, %v", loaded, err)
	}
	t.Logf("%d queries of the dashboard, %d alerts", queries, len(alerts(t)))
}
