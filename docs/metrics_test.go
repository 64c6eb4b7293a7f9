package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/facts"
	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

const metricsPage = "metrics.md"

// description is what a metric's own description says of its name and labels.
var description = regexp.MustCompile(`fqName: "(event_worker_[a-z_]+)".* variableLabels: \{([a-z,]*)\}`)

// registered are the labels of all registered metrics of the project's own, by name.
func registered(t *testing.T, m *monitor.Metrics) map[string]string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		m.Registry().Describe(descs)
	}()
	labels := map[string]string{}
	for desc := range descs {
		if found := description.FindStringSubmatch(desc.String()); found != nil {
			labels[found[1]] = strings.ReplaceAll(found[2], ",", ", ")
		}
	}
	if len(labels) == 0 {
		t.Fatal("no metric is registered")
	}
	return labels
}

// pooled is a chain with an endpoint of which there is everything to tell.
type pooled struct{ chains.Chain }

func (pooled) Endpoints() []chains.EndpointStatus {
	return []chains.EndpointStatus{{Host: "eth.example.com", State: chains.EndpointLimited, Rate: 5, Errors: map[string]int64{"timeout": 1}}}
}

// Counts implements monitor's interface of chains of which facts are read.
func (pooled) Counts() map[string]facts.Counts { return map[string]facts.Counts{"seaport": {}} }

// delivering is a process with a webhook.
type delivering struct{}

// Stats implements the interface of package monitor for deliverers of webhooks.
func (delivering) Stats() map[string]hooks.Stats {
	return map[string]hooks.Stats{"sales": {Delivered: 3, Held: true}}
}

// exercised are metrics of a process to which everything has happened.
func exercised(t *testing.T) *monitor.Metrics {
	t.Helper()
	m := monitor.New()
	disk, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	store := m.Store(disk)
	epoch, err := store.TakeOver(t.Context(), "ethereum", "node")
	if err != nil {
		t.Fatal(err)
	}
	report := persistence.Report{Head: 9, Finalized: 7, Lag: 2}
	for _, claim := range []persistence.Claim{
		{ID: "ethereum/head", Kind: "head"},
		{ID: "ethereum/seaport/buy/subject", Kind: "subject", Market: "seaport", Stream: "buy"},
		{ID: "ethereum/seaport/buy/activity", Kind: "observer", Market: "seaport", Stream: "buy"},
	} {
		claim.Chain, claim.Epoch = "ethereum", epoch
		doc, err := store.Claim(t.Context(), claim)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Report(t.Context(), doc.Ref(), report); err != nil {
			t.Fatal(err)
		}
		move := persistence.Move{Actor: doc.Ref(), From: doc.Place, To: markets.Place{Seq: 7}, Report: report}
		if err := store.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, []persistence.Move{move}, nil); err != nil {
			t.Fatal(err)
		}
	}
	m.Chain(pooled{}, "ethereum") // has its metrics before it is asked anything
	m.Hooks(delivering{})
	m.Audited("ethereum", persistence.AuditResult{})
	m.Node().Heartbeat()
	m.Node().Members(nil)
	return m
}

// The page's table has exactly the metrics that are registered, with their types and
// labels.
func TestMetricsOfThePage(t *testing.T) {
	m := exercised(t)
	labels := registered(t, m)
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var are, told []string
	for _, family := range families {
		name := family.GetName()
		if !strings.HasPrefix(name, "event_worker_") {
			continue
		}
		are = append(are, fmt.Sprintf("%s %s %s", name, strings.ToLower(family.GetType().String()), labels[name]))
		delete(labels, name)
	}
	for name := range labels {
		t.Errorf("%s is registered, and the test does not make it appear", name)
	}
	for _, row := range readPage(t, metricsPage).table(t, "metric", "type", "labels", "unit", "meaning") {
		told = append(told, fmt.Sprintf("%s %s %s", row[0], row[1], row[2]))
	}
	same(t, "metrics", told, are)
}

func TestClassesOfThePage(t *testing.T) {
	var told []string
	for _, row := range readPage(t, metricsPage).table(t, "class", "a fetch failed because") {
		told = append(told, row[0])
	}
	same(t, "classes", told, chains.Classes)
}

func TestPathsOfThePage(t *testing.T) {
	page := readPage(t, metricsPage)
	var told []string
	for _, row := range page.table(t, "path", "answers") {
		told = append(told, row[0])
	}
	same(t, "paths", told, []string{monitor.HealthPath, monitor.ReadyPath, monitor.MetricsPath})
	if !strings.Contains(page.text, "`"+config.DefaultMonitor+"`") {
		t.Errorf("the page does not name %s", config.DefaultMonitor)
	}
}

var (
	metric  = regexp.MustCompile(`event_worker_[a-z_]+`)
	grouped = regexp.MustCompile(`by \(([a-z, ]+)\)`)
	matcher = regexp.MustCompile(`([a-z]+)="`)
)

// The page's alerts and queries use metrics and labels that there are.
func TestExpressionsOfThePage(t *testing.T) {
	registered := registered(t, monitor.New())
	n := 0
	for _, b := range readPage(t, metricsPage).blocks() {
		for line := range strings.Lines(b.text) {
			names := metric.FindAllString(line, -1)
			for _, name := range names {
				name = strings.TrimSuffix(strings.TrimSuffix(name, "_count"), "_bucket")
				labels, ok := registered[name]
				if !ok {
					t.Errorf("there is no %s: %s", name, line)
				}
				for _, found := range slices.Concat(grouped.FindAllStringSubmatch(line, -1), matcher.FindAllStringSubmatch(line, -1)) {
					for label := range strings.SplitSeq(found[1], ", ") {
						if label != "le" && !slices.Contains(strings.Split(labels, ", "), label) {
							t.Errorf("%s has no label %s: %s", name, label, line)
						}
					}
				}
				n++
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d metrics are used", n)
	}
}
