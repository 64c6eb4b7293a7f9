package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// memoryFeed is a feed that a test extends, and whose beginning it may forget.
type memoryFeed struct {
	mu        sync.Mutex
	changes   []persistence.Change
	forgotten int
	grown     chan struct{} // closed when there is more
}

func newMemoryFeed() *memoryFeed { return &memoryFeed{grown: make(chan struct{})} }

func (f *memoryFeed) add(changes ...persistence.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		c.Position = fmt.Sprintf("p%d", len(f.changes)+1)
		f.changes = append(f.changes, c)
	}
	close(f.grown)
	f.grown = make(chan struct{})
}

// forget forgets all changes so far.
func (f *memoryFeed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgotten = len(f.changes)
}

func (f *memoryFeed) after(n int) ([]persistence.Change, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < f.forgotten {
		return nil, nil, persistence.ErrPositionGone
	}
	return f.changes[n:], f.grown, nil
}

func (f *memoryFeed) Newest(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintf("p%d", len(f.changes)), nil
}

func (f *memoryFeed) Reached(string, string) bool { panic("not called") }

func (f *memoryFeed) Changes(ctx context.Context, after string, collections []string) iter.Seq2[persistence.Change, error] {
	return func(yield func(persistence.Change, error) bool) {
		n, err := strconv.Atoi(after[1:])
		if err != nil {
			yield(persistence.Change{}, persistence.ErrPositionInvalid)
			return
		}
		for {
			changes, grown, err := f.after(n)
			if err != nil {
				yield(persistence.Change{}, err)
				return
			}
			for _, c := range changes {
				n++
				if !among(collections, c.Collection) {
					continue
				}
				if !yield(c, nil) {
					return
				}
			}
			if !yield(persistence.Change{Position: fmt.Sprintf("p%d", n)}, nil) {
				return
			}
			select {
			case <-grown:
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}
}

// How a receiver answers.
type manner string

const (
	accepts     manner = "accepts"
	fails       manner = "fails"            // 500, and does nothing
	failsLate   manner = "fails late"       // 500 after it has processed the delivery
	refuses     manner = "refuses"          // 410
	redirects   manner = "redirects"        // 307
	limits      manner = "limits"           // 429 and Retry-After
	hangs       manner = "hangs"            // never answers
	hangsLate   manner = "hangs late"       // never answers after it has processed the delivery
	disconnects manner = "disconnects late" // breaks the connection after it has processed it
	drips       manner = "drips"            // accepts, with an answer without end
)

var manners = []manner{accepts, accepts, hangsLate, fails, failsLate, refuses, redirects, limits, hangs, hangsLate, disconnects, drips}

// receiver is a server that passes over deliveries that it knows.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	manners []manner // of the next requests; it accepts the others
	known   map[string]string
	events  []event // of all deliveries, each once
	bodies  []body
	wrong   []error
	asked   chan struct{} // has a place for one request that nobody has waited for
}

var secret = []byte("a secret of 16 bytes or more")

func newReceiver(t testing.TB, manners ...manner) *receiver {
	r := &receiver{manners: manners, known: map[string]string{}, asked: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) stop() {
	r.CloseClientConnections()
	r.Close()
}

func (r *receiver) serve(w http.ResponseWriter, q *http.Request) {
	text, err := io.ReadAll(q.Body)
	if err != nil {
		return // the sender was killed
	}
	answers := r.next()
	switch answers {
	case accepts, drips, failsLate, hangsLate, disconnects:
		if err := r.process(q.Header, text); err != nil {
			r.mu.Lock()
			r.wrong = append(r.wrong, err)
			r.mu.Unlock()
		}
	}
	select {
	case r.asked <- struct{}{}:
	default:
	}
	switch answers {
	case fails, failsLate:
		w.WriteHeader(http.StatusInternalServerError)
	case refuses:
		w.WriteHeader(http.StatusGone)
	case redirects:
		http.Redirect(w, q, r.URL+"/elsewhere", http.StatusTemporaryRedirect)
	case limits:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case disconnects:
		panic(http.ErrAbortHandler)
	case hangs, hangsLate:
		<-q.Context().Done()
	case drips:
		for w.WriteHeader(http.StatusOK); q.Context().Err() == nil; {
			_, _ = w.Write(make([]byte, 1<<10))
		}
	}
}

// awaitRequest waits for a request that is processed, at most for a time.
func (r *receiver) awaitRequest(most time.Duration) bool {
	select {
	case <-r.asked:
		return true
	case <-time.After(most):
		return false
	}
}

func (r *receiver) next() manner {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.manners) == 0 {
		return accepts
	}
	next := r.manners[0]
	r.manners = r.manners[1:]
	return next
}

// process does what the documentation tells receivers to do.
func (r *receiver) process(header http.Header, text []byte) error {
	if err := Verify(secret, header.Get(SignatureHeader), text, time.Now(), 5*time.Minute); err != nil {
		return err
	}
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	if b.ID == "" || header.Get(DeliveryHeader) != b.ID || header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("%v has another id than %s, or another type", header, b.ID)
	}
	events, err := json.Marshal(b.Events)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[b.ID]; ok {
		if known != string(events) {
			return fmt.Errorf("delivery %s has the events %s, and had %s", b.ID, events, known)
		}
		return nil
	}
	r.known[b.ID] = string(events)
	r.events, r.bodies = append(r.events, b.Events...), append(r.bodies, b)
	return nil
}

func (r *receiver) received() ([]event, []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[:len(r.events):len(r.events)], r.wrong
}

func (r *receiver) hook(name string) Hook {
	return Hook{
		Name: name, URL: r.URL + "/a/path?with=a-key", Secret: secret,
		Collections: []string{persistence.Orders, persistence.Activities}, GiveUp: time.Hour,
	}
}

// quick is a timing for tests.
var quick = Timing{
	Lease: 150 * time.Millisecond, Renew: 20 * time.Millisecond, Claim: 5 * time.Millisecond,
	Settle: 2 * time.Millisecond, Idle: 20 * time.Millisecond, Least: time.Millisecond, Most: 4 * time.Millisecond,
	Send: 100 * time.Millisecond, Grace: 200 * time.Millisecond, Write: 10 * time.Second,
}

var errKilled = errors.New("the process was killed")

// process is a process that delivers, and can be killed and frozen: whatever it writes then does
// not happen, or later.
type process struct {
	persistence.Feed
	store  persistence.HookStore
	moves  *moves
	runner *Runner
	stop   func() // and wait
	kill   func()

	mu     sync.Mutex
	killed bool
	thawed chan struct{} // closed unless the process is frozen
}

// moves are those that the store has made, of all processes.
type moves struct {
	mu    sync.Mutex        // held while the store makes one, or a claim
	all   map[string]string // to by from
	epoch int64             // of the last claim
	err   error
}

func (m *moves) add(move persistence.HookMove) {
	if move.Hook.Epoch != m.epoch {
		m.err = fmt.Errorf("%+v in epoch %d", move, m.epoch)
	}
	if to, twice := m.all[move.From]; twice {
		m.err = fmt.Errorf("moves from %s to %s and to %s", move.From, to, move.To)
	}
	m.all[move.From] = move.To
}

func start(t testing.TB, store persistence.HookStore, feed persistence.Feed, hook Hook, timing Timing, all *moves) *process {
	thawed := make(chan struct{})
	close(thawed)
	p := &process{Feed: feed, store: store, moves: all, thawed: thawed}
	p.runner = New(Options{Hooks: []Hook{hook}, Store: p, Node: "node", Log: quiet, Timing: timing})
	ctx, cancel := context.WithCancel(t.Context())
	network, cut := context.WithCancel(t.Context())
	p.runner.deliverers[0].sender.client.Transport = cable{network, p.runner.deliverers[0].sender.client.Transport}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.runner.Run(ctx)
	}()
	p.stop = func() {
		p.thaw()
		cancel()
		<-done
		cut()
	}
	p.kill = func() {
		p.mu.Lock()
		p.killed = true
		p.mu.Unlock()
		cut()
		p.stop()
	}
	return p
}

func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
		p.thawed = make(chan struct{})
	default:
	}
}

func (p *process) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// write makes a write of the process, once it is not frozen: then its context no longer counts,
// as for one that was on its way to the server.
func (p *process) write(ctx context.Context, do func(ctx context.Context) error) error {
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	<-thawed
	p.mu.Lock()
	killed := p.killed
	p.mu.Unlock()
	if killed {
		return errKilled
	}
	return do(context.WithoutCancel(ctx))
}

func (p *process) ClaimHook(ctx context.Context, claim persistence.HookClaim) (hook persistence.Hook, claimed bool, err error) {
	err = p.write(ctx, func(ctx context.Context) error {
		p.moves.mu.Lock()
		defer p.moves.mu.Unlock()
		if hook, claimed, err = p.store.ClaimHook(ctx, claim); claimed {
			p.moves.epoch = hook.Epoch
		}
		return err
	})
	return hook, claimed, err
}

func (p *process) RenewHook(ctx context.Context, ref persistence.HookRef, lease time.Duration) error {
	return p.write(ctx, func(ctx context.Context) error { return p.store.RenewHook(ctx, ref, lease) })
}

func (p *process) ReleaseHook(ctx context.Context, ref persistence.HookRef) error {
	return p.write(ctx, func(ctx context.Context) error { return p.store.ReleaseHook(ctx, ref) })
}

func (p *process) PlanHook(ctx context.Context, ref persistence.HookRef, from string, plan persistence.HookPlan) error {
	return p.write(ctx, func(ctx context.Context) error { return p.store.PlanHook(ctx, ref, from, plan) })
}

func (p *process) FailHook(ctx context.Context, ref persistence.HookRef, reason string) (hook persistence.Hook, err error) {
	err = p.write(ctx, func(ctx context.Context) error {
		hook, err = p.store.FailHook(ctx, ref, reason)
		return err
	})
	return hook, err
}

func (p *process) MoveHook(ctx context.Context, move persistence.HookMove) error {
	return p.write(ctx, func(ctx context.Context) error {
		p.moves.mu.Lock()
		defer p.moves.mu.Unlock()
		err := p.store.MoveHook(ctx, move)
		if err == nil {
			p.moves.add(move)
		}
		return err
	})
}

func (p *process) FailDeadHook(context.Context, string, string) (bool, error) { panic("not called") }
func (p *process) RemoveDeadHook(context.Context, string) (bool, error)       { panic("not called") }

// cable is a network that can be cut.
type cable struct {
	context.Context
	http.RoundTripper
}

func (c cable) RoundTrip(q *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(q.Context())
	context.AfterFunc(c.Context, func() { cancel(errKilled) })
	return c.RoundTripper.RoundTrip(q.WithContext(ctx))
}

// ctx is a test's context.
func ctx(t any) context.Context {
	if of, ok := t.(interface{ Context() context.Context }); ok {
		return of.Context()
	}
	return context.Background()
}
