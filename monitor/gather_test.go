package monitor_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/monitor"
)

// gather returns the values of this project's own metrics as Prometheus would see them,
// by name and labels; of histograms the counts.
func gather(t testing.TB, m *monitor.Metrics) map[string]float64 {
	t.Helper()
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "event_worker_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			name := fmt.Sprintf("%s{%s}", strings.TrimPrefix(family.GetName(), "event_worker_"), strings.Join(labels, " "))
			series[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return series
}

// only returns the series whose names have one of the prefixes.
func only(series map[string]float64, prefixes ...string) map[string]float64 {
	out := maps.Clone(series)
	maps.DeleteFunc(out, func(name string, _ float64) bool {
		return !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
	return out
}

// same fails unless two sets of series are equal.
func same(t interface {
	Helper()
	Errorf(string, ...any)
}, got, want map[string]float64) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", lines(got), lines(want))
	}
}

func lines(series map[string]float64) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(series)) {
		fmt.Fprintf(&b, "  %s %v\n", name, series[name])
	}
	return b.String()
}
