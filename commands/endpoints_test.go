package commands

import (
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// chainsWithEndpoints are the actors of two chains, one of them healthy.
func chainsWithEndpoints(now time.Time) []persistence.Actor {
	head := func(chain string, age time.Duration, endpoints ...persistence.Endpoint) persistence.Actor {
		a := persistence.Actor{ID: chain + "/head", Kind: "head", Chain: chain, UpdatedAt: now.Add(-age)}
		a.Status, a.Endpoints = persistence.Following, endpoints
		return a
	}
	bad := "\x1b[2J\x1b]0;title\x07two\r\nlines\tand " + strings.Repeat("x", 500)
	return []persistence.Actor{
		{ID: "ethereum", Kind: "chain", Chain: "ethereum", UpdatedAt: now, Report: persistence.Report{Status: persistence.Running}},
		head("ethereum", time.Second,
			persistence.Endpoint{Host: "a.example.com", State: "up", Height: 18_270_780, Rate: 12.5, LatencyMS: 120.4, Requests: 9000},
			persistence.Endpoint{
				Host: "b.example.com", State: "lagging", Height: 18_270_700, Requests: 10,
				Errors: map[string]int64{"timeout": 3, "http_5xx": 1, "rpc": 1}, LastError: "HTTP 502",
			},
			persistence.Endpoint{Host: "c\x1b[31m\nd", State: "down", Errors: map[string]int64{"transport": 1200}, LastError: bad},
		),
		head("bsc", time.Hour, persistence.Endpoint{Host: "bsc.example.com", State: "up", Height: 7}),
	}
}

func statusOf(t *testing.T, all []persistence.Actor, now time.Time, brief bool) string {
	t.Helper()
	s := snapshot(nil, nil, all, brief)
	var out strings.Builder
	if err := s.print(&out, view{now: now}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStatusShowsEndpoints(t *testing.T) {
	now := time.Now()
	want := strings.Join([]string{
		"chain endpoint state height behind requests/s latency requests errors written last error",
		"bsc bsc.example.com up 7 0 0 1 h ago",
		"ethereum a.example.com up 18,270,780 0 12.5 120.4 ms 9,000",
		"ethereum b.example.com lagging 18,270,700 80 10 5, 3 of them timeout HTTP 502",
		`ethereum c\x1b[31m\nd down 0 1,200 transport \x1b[2J\x1b]0;title\atwo\r\nlines\tand ` + strings.Repeat("x", 38) + "…",
	}, "\n")
	text := statusOf(t, chainsWithEndpoints(now), now, false)
	_, table, _ := strings.Cut(text, "\n\n")
	if squeezed(table) != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}

// squeezed is a table without its padding.
func squeezed(table string) string {
	var out []string
	for line := range strings.Lines(table) {
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(out, "\n")
}

func TestBriefStatusShowsEndpointsThatAreNotUp(t *testing.T) {
	now := time.Now()
	all := chainsWithEndpoints(now)
	text := statusOf(t, all, now, true)
	for _, host := range []string{"b.example.com", `c\x1b[31m\nd`} {
		expect(t, text, host)
	}
	if strings.Contains(text, "bsc.example.com") || strings.Contains(text, "a.example.com") {
		t.Errorf("not brief:\n%s", text)
	}
	calm := statusOf(t, all[2:], now, true)
	if strings.Contains(calm, "endpoint") {
		t.Errorf("nothing is wrong:\n%s", calm)
	}
}

// Texts from outside neither move the cursor nor break a line.
func TestStatusPrintsErrorsSafely(t *testing.T) {
	now := time.Now()
	all := chainsWithEndpoints(now)
	all[0].LastError = all[1].Endpoints[2].LastError
	for _, brief := range []bool{false, true} {
		text := statusOf(t, all, now, brief)
		if strings.ContainsAny(text, "\x1b\x07\r\t") || !strings.Contains(text, `\x1b[2J\x1b]0;title\atwo\r\nlines\tand xxx`) {
			t.Errorf("%q", text)
		}
	}
}

// The brief status shows the worst state of a chain's actors.
func TestBriefStatusTellsOfBrokenFinality(t *testing.T) {
	now := time.Now()
	all := chainsWithEndpoints(now)
	all[1].Status, all[1].LastError = persistence.FinalityBroken, "block 7 was final"
	subject := persistence.Actor{ID: "ethereum/seaport/buy/subject", Kind: "subject", Chain: "ethereum", UpdatedAt: now}
	subject.Status, subject.LastError = persistence.Retrying, "another"
	expectCells(t, statusOf(t, append(all, subject), now, true), "ethereum", "finality_broken", "block 7 was final")
}
