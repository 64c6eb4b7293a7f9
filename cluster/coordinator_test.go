package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/persistence"
)

// stage is a host that runs nothing.
type stage struct {
	mu    sync.Mutex
	runs  map[string]int64
	until time.Time // what it runs is its own
}

func (s *stage) Trust(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = until
}

// trusted returns the chains that are certain to be the process's own now.
func (s *stage) trusted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.until) {
		return nil
	}
	return slices.Collect(maps.Keys(s.runs))
}

func (s *stage) Own(chain string, epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[chain] = max(epoch, s.runs[chain])
}

func (s *stage) Drain(chain string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, chain)
	done := make(chan struct{})
	time.AfterFunc(time.Duration(rand.IntN(300))*time.Millisecond, func() { close(done) })
	return done
}

func (s *stage) Lost() <-chan actors.Loss { return nil }

// process is a coordinator with all it needs.
type process struct {
	*line
	name        string
	stage       *stage
	coordinator *Coordinator
	log         said
	stop        context.CancelFunc
	done        chan error
}

func start(t *table, n int, chains []string) *process {
	p := &process{
		name: fmt.Sprint("p", n),
		line: &line{t: t, gone: make(chan struct{})}, stage: &stage{runs: map[string]int64{}}, done: make(chan error, 1),
	}
	as := persistence.Node{Name: p.name}
	for _, c := range chains {
		as.Chains = append(as.Chains, persistence.NodeChain{Name: c})
	}
	p.coordinator = New(Config{
		Registry: p.line, Host: p.stage, Node: as, Poll: 500 * time.Millisecond, TTL: 3 * time.Second,
		Log: slog.New(slog.NewTextHandler(&p.log, nil)),
	})
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	go func() { p.done <- p.coordinator.Run(ctx) }()
	return p
}

func (p *process) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

// setDeaf ends the watch for changes, and lets none be opened as long as it is set.
func (p *process) setDeaf(deaf bool) {
	p.mu.Lock()
	p.deaf = deaf
	p.mu.Unlock()
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	p.t.changes.tell()
}

// kill ends a process between two calls.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
}

// cleanUp ends what a killed process has left in this one.
func (p *process) cleanUp() {
	close(p.gone)
	p.stop()
	<-p.done
}

// Whatever nodes come, go, die and are cut off: when they are left alone, every chain
// is soon run by exactly one of them, at its lease's epoch, as evenly as can be; and
// then nothing moves any more.
func TestEveryChainHasOneOwnerInTheEnd(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 6))) })
		})
	}
}

func history(t *testing.T, r *rand.Rand) {
	tab := newTable()
	chains := names("chain", 1+r.IntN(12))
	var alive, dead []*process
	defer func() {
		for _, p := range append(alive, dead...) {
			if p.dead {
				p.cleanUp()
				continue
			}
			p.stop()
			<-p.done
		}
	}()
	started := 0
	for range 5 + r.IntN(20) {
		time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
		switch act := r.IntN(8); {
		case len(alive) < 2 || act == 0:
			started++
			alive = append(alive, start(tab, started, chains))
		case act == 1:
			p := alive[0]
			p.kill()
			alive, dead = alive[1:], append(dead, p)
		case act == 2:
			p := alive[0]
			alive = alive[1:]
			p.stop()
			if err := <-p.done; err != nil {
				t.Fatal(err)
			}
		case act == 3: // MongoDB is away for all of them
			for _, p := range alive {
				p.setCut(true)
			}
			time.Sleep(time.Duration(r.IntN(30_000)) * time.Millisecond)
			for _, p := range alive {
				p.setCut(false)
			}
		case act == 4:
			tab.seize(chains[r.IntN(len(chains))])
		case act == 5:
			p := alive[r.IntN(len(alive))]
			p.setDeaf(!p.deaf)
		default:
			p := alive[r.IntN(len(alive))]
			p.setCut(!p.cut)
		}
	}
	for _, p := range alive {
		p.setCut(false)
	}
	time.Sleep(20 * time.Second) // longer than a take that was cut off is waited for
	checkOwners(t, tab, alive, chains)
	taken := tab.acquisitions()
	time.Sleep(20 * time.Second)
	checkOwners(t, tab, alive, chains)
	if n := tab.acquisitions() - taken; n != 0 {
		t.Errorf("%d chains move at rest", n)
	}
}

func checkOwners(t *testing.T, tab *table, alive []*process, chains []string) {
	t.Helper()
	tab.mu.Lock()
	defer tab.mu.Unlock()
	runs := map[string]int{}
	least, most := len(chains), 0
	for _, p := range alive {
		p.stage.mu.Lock()
		for chain, epoch := range p.stage.runs {
			runs[chain]++
			if l := tab.leases[chain]; l.Epoch != epoch || tab.nodes[l.Node].Name != p.name {
				t.Errorf("%s runs %s at epoch %d, its lease is %+v", p.name, chain, epoch, l)
			}
		}
		least, most = min(least, len(p.stage.runs)), max(most, len(p.stage.runs))
		p.stage.mu.Unlock()
		if err := p.coordinator.Ready(); err != nil {
			t.Errorf("%s is not ready: %v", p.name, err)
		}
	}
	for _, c := range chains {
		if runs[c] != 1 {
			t.Errorf("%d nodes run %s: %+v", runs[c], c, tab.leases[c])
		}
	}
	if most-least > 1 {
		t.Errorf("from %d to %d chains a node", least, most)
	}
}

// A registry that takes beats and tells nothing is not well.
func TestARegistryThatAnswersOnlyHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(newTable(), 1, names("chain", 1))
		defer func() {
			p.stop()
			<-p.done
		}()
		time.Sleep(10 * time.Second)
		if err := p.coordinator.Ready(); err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		p.mute = true
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
		if err := p.coordinator.Ready(); !errors.Is(err, errAway) {
			t.Errorf("ready: %v", err)
		}
		if err := p.coordinator.Alive(); err != nil {
			t.Error(err)
		}
	})
}

// Two living nodes of one name do not declare each other dead, but a node that was never
// heard is soon taken for the previous incarnation of one of its name.
func TestTwoNodesOfOneName(t *testing.T) {
	d := detector{poll: testPoll, ttl: testTTL, name: "name"}
	now := time.Now()
	for i, beat := range []int64{1, 2, 2, 2, 2, 2, 2} { // silent for almost a ttl
		n := persistence.Node{ID: "name.other", Name: "name", State: persistence.Up, Heartbeats: beat}
		previous := persistence.Node{ID: "name.previous", Name: "name", State: persistence.Up, Heartbeats: 7}
		stranger := persistence.Node{ID: "stranger.1", Name: "stranger", State: persistence.Up, Heartbeats: 7}
		d.look(now.Add(time.Duration(i)*testPoll), []persistence.Node{n, previous, stranger})
		if d.dead(n) || d.dead(stranger) != (i >= 6) || d.dead(previous) != (i >= 3) {
			t.Fatalf("at look %d dead are %v, %v, %v", i, d.dead(n), d.dead(previous), d.dead(stranger))
		}
	}
}
