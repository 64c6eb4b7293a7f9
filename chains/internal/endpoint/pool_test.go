package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/internal/outage"
)

// node is a transport: a node that does what a test says.
type node struct {
	*Endpoint
	takes time.Duration

	mu    sync.Mutex
	asked int
	fails error
}

func (n *node) roundTrip(ctx context.Context, _ string, _ *url.URL, body []byte) (Answer, error) {
	n.mu.Lock()
	n.asked++
	n.mu.Unlock()
	select {
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	case <-time.After(n.takes):
	}
	n.mu.Lock()
	fails := n.fails
	n.mu.Unlock()
	if fails != nil {
		return Answer{}, fails
	}
	return n.read(ctx, nil, bytes.NewReader(body), 0)
}

func (n *node) close() {}

// set makes the node fail from now on, or not.
func (n *node) set(fails error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fails = fails
}

// testPool is a pool of nodes with priorities, and what it logs.
type testPool struct {
	*Pool
	nodes []*node
	log   bytes.Buffer
}

func poolOf(t *testing.T, verify func(context.Context, *Endpoint) error, priorities ...int) *testPool {
	t.Helper()
	p := &testPool{}
	var configs []Config
	for i, priority := range priorities {
		configs = append(configs, Config{
			URL: withSecrets(fmt.Sprint("node", i)), Header: http.Header{"X-Api-Key": {apiKey}}, Priority: priority, Timeout: 6 * time.Second,
		})
	}
	var err error
	if p.Pool, err = NewPool(configs, verify, slog.New(slog.NewTextHandler(&p.log, nil))); err != nil {
		t.Fatal(err)
	}
	for _, e := range p.All() {
		n := &node{Endpoint: e, takes: 10 * time.Millisecond}
		e.transport = n
		p.nodes = append(p.nodes, n)
	}
	return p
}

// ask asks the pool once.
func (p *testPool) ask(ctx context.Context, need Need) error {
	return p.Use(ctx, need, func(ctx context.Context, e *Endpoint) error {
		answer, err := e.Post(ctx, []byte("{}"))
		if err == nil {
			answer.Release()
		}
		return err
	})
}

// asked is how often each node was asked, since it was last called.
func (p *testPool) asked() []int {
	var out []int
	for _, n := range p.nodes {
		n.mu.Lock()
		out = append(out, n.asked)
		n.asked = 0
		n.mu.Unlock()
	}
	return out
}

func (p *testPool) check(t *testing.T, need Need, want ...int) {
	t.Helper()
	if err := p.ask(t.Context(), need); err != nil {
		t.Error(err)
	}
	if got := p.asked(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", got, want)
	}
}

func (n *node) breaks() { n.set(n.transportError(errors.New("no connection with key " + apiKey))) }

func TestAPoolNeedsAnEndpoint(t *testing.T) {
	if _, err := NewPool(nil, nil, slog.Default()); err == nil {
		t.Error("none is enough")
	}
	if _, err := NewPool([]Config{{URL: "ftp://" + apiKey}}, nil, slog.Default()); err == nil || strings.Contains(err.Error(), apiKey) {
		t.Error(err)
	}
}

func TestAnotherEndpointIsAskedByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, nil, 2, 0, 1)
		p.check(t, Need{}, 0, 1, 0)
		p.nodes[1].breaks()
		p.check(t, Need{}, 0, 1, 1)
		p.nodes[2].breaks()
		p.check(t, Need{}, 1, 1, 1)
		p.check(t, Need{}, 1, 1, 1)
		p.check(t, Need{}, 1, 0, 1) // the one has failed three times, the other twice
		p.check(t, Need{}, 1, 0, 0)
		p.nodes[1].fails, p.nodes[2].fails = nil, nil
		time.Sleep(maxBackoff * 3 / 2)
		p.check(t, Need{}, 0, 1, 0)
		for _, n := range p.nodes { // a refusal of too much is for the caller
			n.fails = &StatusError{Host: "node", Status: http.StatusRequestEntityTooLarge}
		}
		if err := p.ask(t.Context(), Need{}); ClassOf(err) != AnswerTooLarge || fmt.Sprint(p.asked()) != "[0 1 0]" {
			t.Error(err)
		}
		logged := p.log.String()
		for _, want := range []string{"endpoint failed\" endpoint=node1 state=down", "endpoint recovered\" endpoint=node1 was=down", "endpoint failed\" endpoint=node2 state=down"} {
			if n := strings.Count(logged, want); n != 1 {
				t.Errorf("%q is logged %d times:\n%s", want, n, logged)
			}
		}
		if said := logged + fmt.Sprintf("%+v", p.Statuses()); strings.Contains(said, apiKey) {
			t.Errorf("the secret is told: %s", said)
		}
	})
}

func TestEqualEndpointsShareTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, nil, 0, 0, 1)
		for range 100 {
			for range 4 {
				go p.ask(t.Context(), Need{})
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		asked := p.asked()
		if asked[0] < 150 || asked[1] < 150 || asked[2] > 0 {
			t.Errorf("asked %v", asked)
		}
	})
}

func TestEndpointsAreAvoidedForWhatTheyDoNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, nil, 0, 1)
		p.nodes[0].NoteHeight(100)
		p.check(t, Need{To: 101}, 0, 1)
		p.check(t, Need{To: 100}, 1, 0)
		time.Sleep(heightTTL)
		p.check(t, Need{To: 101}, 1, 0) // it may have it by now
		p.nodes[0].MarkPrunedBelow(50)
		p.check(t, Need{From: 49, To: 60}, 0, 1)
		p.check(t, Need{From: 50, To: 60}, 1, 0)
		p.check(t, Need{}, 1, 0)
		if s := p.nodes[0].Status(); s.State != StatePruned || s.Height != 100 {
			t.Errorf("%+v", s)
		}
		time.Sleep(prunedTTL)
		p.check(t, Need{From: 49, To: 60}, 1, 0)
		p.nodes[0].MarkStateless(70)
		p.nodes[0].MarkStateless(60)
		p.check(t, Need{From: 70, To: 70, State: 70}, 0, 1)
		p.check(t, Need{From: 71, To: 71, State: 71}, 1, 0)
		p.check(t, Need{From: 70, To: 70}, 1, 0) // it has the logs
		if s := p.nodes[0].Status(); s.State != Up {
			t.Errorf("%+v", s)
		}
		time.Sleep(prunedTTL)
		p.check(t, Need{From: 70, To: 70, State: 70}, 1, 0)
		p.nodes[0].MarkLagging()
		if s := p.nodes[0].Status(); s.State != Lagging {
			t.Errorf("%+v", s)
		}
		p.check(t, Need{}, 0, 1)
		time.Sleep(time.Second)
		p.check(t, Need{}, 1, 0)
		if s := p.nodes[0].Status(); s.State != Up {
			t.Errorf("%+v", s)
		}
		first := p.nodes[0].Endpoint
		if err := p.UseOther(t.Context(), first, Need{}, func(_ context.Context, e *Endpoint) error {
			if e == first {
				t.Error("the endpoint is asked that is not to be")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestAPoolHealsByItself(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := poolOf(t, nil, make([]int, n)...)
				for _, node := range p.nodes {
					node.breaks()
				}
				gone := time.Now()
				for time.Since(gone) < time.Minute+time.Duration(n)*100*time.Millisecond {
					if p.ask(t.Context(), Need{}) == nil {
						t.Fatal("answered by nobody")
					}
				}
				if asked := p.asked(); asked[0] > 60 {
					t.Errorf("asked %v times in a minute", asked)
				}
				go func() { time.Sleep(10 * time.Millisecond); p.nodes[n-1].set(nil) }()
				back := time.Now()
				for p.ask(t.Context(), Need{}) != nil {
				}
				if took := time.Since(back); took > 3*time.Second {
					t.Errorf("recovered after %v", took)
				}
				if s := p.nodes[n-1].Status(); s.State != Up || s.Errors[Transport] == 0 || s.LastError == "" || strings.Contains(s.LastError, apiKey) {
					t.Errorf("%+v", s)
				}
				logged := p.log.String()
				if warned := strings.Count(logged, "endpoint failed"); n == 1 && warned != 0 || n > 1 && warned != n {
					t.Errorf("%d warnings:\n%s", warned, logged)
				}
				// The outage of the only endpoint is its chain's, which the caller logs.
				if out := strings.Count(logged, "level=ERROR msg=\"endpoint is out of service\""); n == 1 && out != 0 || n > 1 && out != n {
					t.Errorf("%d errors:\n%s", out, logged)
				}
				if n > 1 && !strings.Contains(logged, "was=down lasted=1m") {
					t.Errorf("not how long it lasted:\n%s", logged)
				}
				if strings.Count(logged, "endpoint recovered") != 1 {
					t.Errorf("log:\n%s", logged)
				}
			})
		})
	}
}

func TestAnEndpointHasToServeTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong, verified := true, 0
		p := poolOf(t, func(_ context.Context, e *Endpoint) error {
			verified++
			if wrong && e.Host() == "node0" {
				e.MarkWrongChain()
				return errors.New("wrong chain")
			}
			return nil
		}, 0, 1)
		p.check(t, Need{}, 0, 1)
		if s := p.nodes[0].Status(); s.State != WrongChain {
			t.Errorf("%+v", s)
		}
		wrong = false
		p.check(t, Need{}, 0, 1)
		time.Sleep(wrongChainBackoff)
		p.check(t, Need{}, 1, 0)
		p.check(t, Need{}, 1, 0)
		if verified != 3 {
			t.Errorf("verified %d times", verified)
		}
		p.nodes[0].breaks()
		p.check(t, Need{}, 1, 1)
		p.nodes[0].fails = nil
		p.check(t, Need{}, 1, 0)
		if verified != 4 {
			t.Errorf("verified %d times: not after the connection was lost", verified)
		}
	})
}

func TestAnEndpointIsNotToBlameForWhatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, nil, 0)
		p.nodes[0].takes = time.Minute
		for range 5 {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errors.New("the stream has ended")) })
			if p.ask(ctx, Need{}) == nil {
				t.Error("no error")
			}
		}
		if s := p.nodes[0].Status(); s.State != Up || len(s.Errors) != 0 || p.nodes[0].health.inFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestALongPauseOfOneEndpointDoesNotHoldUpThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(t, nil, 0, 1)
		p.nodes[0].fails = &StatusError{Host: "node0", Status: http.StatusTooManyRequests, Wait: maxWait}
		p.check(t, Need{}, 1, 1)
		if s := p.nodes[0].Status(); s.State != Limited {
			t.Errorf("%+v", s)
		}
		p.nodes[1].breaks()
		begun := time.Now()
		if err := p.ask(t.Context(), Need{}); err == nil || time.Since(begun) > 3*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		p.asked()
		p.nodes[1].fails = nil
		p.check(t, Need{}, 0, 1)
	})
}

// An endpoint of several that is gone for a moment only is a warning; for longer, an error,
// once, although the others answer.
func TestAnEndpointIsOutOfService(t *testing.T) {
	for _, gone := range []time.Duration{outage.Moment / 2, 10 * outage.Moment} {
		synctest.Test(t, func(t *testing.T) {
			p := poolOf(t, nil, 0, 1)
			p.check(t, Need{}, 1, 0)
			p.nodes[0].breaks()
			for begun := time.Now(); time.Since(begun) < gone; time.Sleep(time.Second) {
				if err := p.ask(t.Context(), Need{}); err != nil {
					t.Fatal(err)
				}
			}
			p.nodes[0].set(nil)
			for range 10 {
				time.Sleep(time.Second)
				if err := p.ask(t.Context(), Need{}); err != nil {
					t.Fatal(err)
				}
			}
			logged, long := p.log.String(), 0
			if gone > outage.Moment {
				long = 1
			}
			for text, want := range map[string]int{
				"level=WARN msg=\"endpoint failed\" endpoint=node0 state=down": 1, "level=INFO msg=\"endpoint recovered\" endpoint=node0 was=down": 1,
				"level=ERROR msg=\"endpoint is out of service\" endpoint=node0 state=down since=": long, " lasted=1m": long, "level=ERROR": long, "lasted": long,
			} {
				if n := strings.Count(logged, text); n != want {
					t.Errorf("gone for %v: %q is logged %d times, want %d:\n%s", gone, text, n, want, logged)
				}
			}
		})
	}
}
