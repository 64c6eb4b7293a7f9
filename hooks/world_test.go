package hooks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// memoryFeed is a feed in memory, which can forget its past changes.
type memoryFeed struct {
	mu        sync.Mutex
	changes   []persistence.Change
	forgotten int
	grown     chan struct{} // closed when changes are added
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
				if len(collections) > 0 && !slices.Contains(collections, c.Collection) {
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

// quick is a timing for tests.
var quick = Timing{
	Lease: 150 * time.Millisecond, Renew: 20 * time.Millisecond, Claim: 5 * time.Millisecond,
	Settle: 2 * time.Millisecond, Idle: 20 * time.Millisecond, Least: time.Millisecond, Most: 4 * time.Millisecond,
	Send: 100 * time.Millisecond, Grace: 200 * time.Millisecond, Write: 10 * time.Second,
}

var (
	errKilled = errors.New("the process was killed")
	errLost   = errors.New("the store's answer was lost")
)

// process is a simulated process that can be killed or frozen. Writes of a killed process are
// lost, those of a frozen one are delayed.
type process struct {
	persistence.Feed
	store  persistence.HookStore
	moves  *moves
	runner *Runner
	leave  func()
	stop   func() // leave and wait
	kill   func()

	mu     sync.Mutex
	killed bool
	lost   int           // how many of the store's next answers are lost
	thawed chan struct{} // closed unless the process is frozen
}

// moves are the moves that the store has accepted from all processes.
type moves struct {
	mu    sync.Mutex        // held during a move or a claim
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
	p.leave = cancel
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

// write performs a write once the process is not frozen. It ignores the context's end, like a
// write that was already sent to the server.
func (p *process) write(ctx context.Context, do func(ctx context.Context) error) error {
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	<-thawed
	p.mu.Lock()
	killed, lost := p.killed, p.lost > 0
	if lost {
		p.lost--
	}
	p.mu.Unlock()
	if killed {
		return errKilled
	}
	err := do(context.WithoutCancel(ctx))
	if lost {
		return errLost
	}
	return err
}

// lose loses the store's answers to the next writes.
func (p *process) lose(answers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = answers
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

// cable is a network connection that can be cut.
type cable struct {
	context.Context
	http.RoundTripper
}

func (c cable) RoundTrip(q *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(q.Context())
	context.AfterFunc(c.Context, func() { cancel(errKilled) })
	return c.RoundTripper.RoundTrip(q.WithContext(ctx))
}

// ctx returns the context of a test.
func ctx(t any) context.Context {
	if of, ok := t.(interface{ Context() context.Context }); ok {
		return of.Context()
	}
	return context.Background()
}
