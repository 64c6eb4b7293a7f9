package actors

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/persistence"
)

func TestDocumentsHaveWordsForAllStatesOfEndpoints(t *testing.T) {
	want := []string{
		chains.EndpointUp, chains.EndpointLimited, chains.EndpointLagging,
		chains.EndpointPruned, chains.EndpointWrongChain, chains.EndpointDown,
	}
	if !slices.Equal(persistence.EndpointStates, want) {
		t.Errorf("%v, want %v", persistence.EndpointStates, want)
	}
}

func TestEndpointsInDocuments(t *testing.T) {
	errors := map[string]int64{"timeout": 3, "other": 0}
	got := documented([]chains.EndpointStatus{
		{Host: "a", State: chains.EndpointUp, Height: 7, Rate: 12.345, Latency: 1234567 * time.Nanosecond, Requests: 9, Errors: errors},
		{Host: "b\x1b[2J", State: "odd", Rate: math.Inf(1), LastError: "two\nlines " + strings.Repeat("x", 400)},
	})
	want := []persistence.Endpoint{
		{Host: "a", State: "up", Height: 7, Rate: 12.3, LatencyMS: 1.2, Requests: 9, Errors: map[string]int64{"timeout": 3}},
		{Host: `b\x1b[2J`, State: "down", LastError: `two\nlines ` + strings.Repeat("x", 286) + "…"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if len(errors) != 2 {
		t.Error("the chain's own counts were changed")
	}
	if n := len(documented(make([]chains.EndpointStatus, 40))); n != 32 {
		t.Errorf("%d endpoints", n)
	}
}

// Counters are reported every few seconds, a change of state at once.
func TestNewsOfEndpoints(t *testing.T) {
	var e endpoints
	begin := time.Unix(1000, 0)
	for _, step := range []struct {
		after    time.Duration
		state    string
		requests int64
		want     int64 // reported requests
	}{
		{0, "up", 1, 1},
		{time.Second, "up", 2, 1},
		{2 * time.Second, "down", 3, 3},
		{3 * time.Second, "down", 4, 3},
		{6 * time.Second, "down", 5, 3},
		{7 * time.Second, "down", 6, 6},
	} {
		got := e.report([]chains.EndpointStatus{{Host: "a", State: step.state, Requests: step.requests}}, begin.Add(step.after))
		if len(got) != 1 || got[0].Requests != step.want || got[0].State != step.state {
			t.Errorf("after %v: %+v, want %d requests", step.after, got, step.want)
		}
	}
}

// pooled is a chain with endpoints, that can hang.
type pooled struct {
	chains.Chain
	mu        sync.Mutex
	endpoints []chains.EndpointStatus
	hangs     bool
}

func (p *pooled) set(hangs bool, state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs, p.endpoints = hangs, []chains.EndpointStatus{{Host: "node", State: state}}
}

func (p *pooled) Endpoints() []chains.EndpointStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.endpoints
}

func (p *pooled) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	p.mu.Lock()
	hangs := p.hangs
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return p.Chain.Advance(ctx, known)
}

// The head's document has the states of the endpoints from the start, while they answer,
// fail and hang.
func TestTheHeadReportsItsEndpoints(t *testing.T) {
	w := calm(t, "list")
	p := &pooled{Chain: w.chain}
	w.reads = p
	says := func(what, status, state string) {
		t.Helper()
		w.eventually(what, func() bool {
			head := w.actors()["chain/head"]
			return head.Status == status && len(head.Endpoints) == 1 && head.Endpoints[0].State == state
		})
	}
	p.set(true, chains.EndpointDown)
	w.boot()
	says("hanging from the start", persistence.Running, "down")
	w.kill()
	p.set(false, chains.EndpointUp)
	w.boot()
	says("well", persistence.Following, "up")
	w.chain.fail("head", errors.New("refused"))
	p.set(false, chains.EndpointLimited)
	says("failing", persistence.Retrying, "limited")
	w.chain.fail("head", nil)
	says("well but for its rate", persistence.Following, "limited")
	p.set(true, chains.EndpointDown)
	says("hanging", persistence.Following, "down")
	if other := w.actors()["chain/market/list/subject"]; other.Endpoints != nil {
		t.Errorf("endpoints on %s", other.ID)
	}
}

// busy is a chain at rest whose endpoints are asked all the time.
type busy struct {
	chains.Chain
	asked atomic.Int64
}

func (b *busy) Endpoints() []chains.EndpointStatus {
	return []chains.EndpointStatus{{Host: "node", State: chains.EndpointUp, Requests: b.asked.Add(1)}}
}

// reports counts what is written of the head.
type reports struct {
	persistence.Store
	head atomic.Int64
}

func (r *reports) Report(ctx context.Context, ref persistence.ActorRef, report persistence.Report) error {
	if ref.ID == "chain/head" {
		r.head.Add(1)
	}
	return r.Store.Report(ctx, ref, report)
}

// However often endpoints are asked, the document is not written for their counters
// but every few seconds.
func TestCountersOfEndpointsAreNotWrittenAllTheTime(t *testing.T) {
	w := calm(t, "list")
	b, written := &busy{Chain: w.chain}, &reports{Store: w.gates.Store}
	w.reads, w.gates.Store = b, written
	begun := time.Now()
	w.boot()
	w.eventually("many looks", func() bool { return b.asked.Load() > 200 })
	if n, most := written.head.Load(), 2+int64(time.Since(begun)/reportEndpoints); n > most {
		t.Errorf("the head's document was written %d times, want %d at most", n, most)
	}
}
