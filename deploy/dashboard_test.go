package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/monitor"
)

const (
	dashboardFile  = "grafana/event-worker.json"
	alertsFile     = "prometheus/alerts.yml"
	alertsTestFile = "prometheus/alerts_test.yml"
	prometheusFile = "prometheus/prometheus.yml"
)

// target is a query of a panel, with the legend of its series.
type target struct{ Expr, LegendFormat string }

// panel is a panel of the dashboard.
type panel struct {
	Type, Title string
	Targets     []target
	GridPos     struct{ X, Y, W, H int }
}

func dashboard(t *testing.T) (panels []panel) {
	t.Helper()
	var d struct{ Panels []panel }
	text, err := os.ReadFile(dashboardFile)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.Panels
}

// alert is a rule of the alerts.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	text, err := os.ReadFile(alertsFile)
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil || len(file.Groups) != 1 {
		t.Fatalf("%d groups, %v", len(file.Groups), err)
	}
	return file.Groups[0].Rules
}

// ownMetric matches a metric of the project in an expression, and ofSeries the suffix of
// the series of a histogram.
var (
	ownMetric = regexp.MustCompile(`event_worker_[a-z_]+`)
	ofSeries  = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// metricsOf returns the project's own metrics in an expression.
func metricsOf(expr string) (names []string) { return ownMetric.FindAllString(expr, -1) }

// registered returns the names of the metrics of a process.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		monitor.New().Registry().Describe(descs)
	}()
	names, name := map[string]bool{}, regexp.MustCompile(`fqName: "(event_worker_[a-z_]+)"`)
	for desc := range descs {
		if found := name.FindStringSubmatch(desc.String()); found != nil {
			names[found[1]] = true
		}
	}
	return names
}

// The dashboard and the alerts use only metrics that exist, and the dashboard shows all
// metrics.
func TestMetricsOfTheDashboard(t *testing.T) {
	known := registered(t)
	if len(known) == 0 {
		t.Fatal("no metric is registered")
	}
	shown := map[string]bool{}
	note := func(where, expr string) {
		for _, name := range metricsOf(expr) {
			name = ofSeries.ReplaceAllString(name, "")
			shown[name] = true
			if !known[name] {
				t.Errorf("%s: unknown metric %s", where, name)
			}
		}
	}
	for _, p := range dashboard(t) {
		for _, q := range p.Targets {
			note(p.Title, q.Expr)
		}
	}
	delete(known, "event_worker_stream_head") // shown as the lag
	for name := range maps.Keys(known) {
		if !shown[name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	for _, a := range alerts(t) {
		known["event_worker_stream_head"] = true
		note(a.Alert, a.Expr)
	}
}

// Grafana's grid has 24 columns, and panels do not overlap.
func TestGridOfTheDashboard(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range dashboard(t) {
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("%s: %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s overlaps %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Each alert has a summary, a description, a runbook, a severity and a test.
func TestAlertsAreExplained(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(alertsTestFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts(t) {
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", a.Alert)
		}
		if want := "https://github.com/imart/event-worker/blob/main/docs/operations.md#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s: the runbook is %s, want %s", a.Alert, a.Annotations["runbook_url"], want)
		}
		if !strings.Contains(string(page), "\n### "+a.Alert+"\n") {
			t.Errorf("docs/operations.md has no section %s", a.Alert)
		}
		if !strings.Contains(string(tests), `ALERTS{alertname="`+a.Alert+`", alertstate="firing"}`) {
			t.Errorf("%s has no test in %s", a.Alert, alertsTestFile)
		}
		if s := a.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
	}
}
