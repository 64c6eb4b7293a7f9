package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/persistence"
)

// pair is two processes on a table with two chains, each of which has one; they end with
// the test.
func pair(t *testing.T, tab *table) (one, two *process) {
	t.Helper()
	chains := names("chain", 2)
	one, two = start(tab, 1, chains), start(tab, 2, chains)
	t.Cleanup(func() {
		for _, p := range []*process{one, two} {
			if p.dead {
				p.cleanUp()
				continue
			}
			p.stop()
			<-p.done
		}
	})
	time.Sleep(10 * time.Second)
	for _, p := range []*process{one, two} {
		p.mu.Lock()
		p.sure = true
		p.mu.Unlock()
	}
	checkOwners(t, tab, []*process{one, two}, chains)
	return one, two
}

// deafPair is a pair whose processes are told of no changes, if they are to be deaf.
func deafPair(t *testing.T, tab *table, deaf bool) (one, two *process) {
	t.Helper()
	one, two = pair(t, tab)
	one.setDeaf(deaf)
	two.setDeaf(deaf)
	return one, two
}

func (p *process) asks(t *testing.T, chains ...string) []persistence.Request {
	t.Helper()
	asked, err := p.coordinator.Ask(t.Context(), chains)
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

// Whichever node is asked, the owners answer, and soon; without changes to wake them at
// their next polls.
func TestAsk(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			tab := newTable()
			one, _ := deafPair(t, tab, deaf)
			begun := time.Now()
			asked := one.asks(t, "chain01", "chain00")
			if took := time.Since(begun); (took > 150*time.Millisecond) != deaf || took > 2*testPoll+100*time.Millisecond {
				t.Errorf("deaf: %v, and answered after %v", deaf, took)
			}
			for i, chain := range []string{"chain01", "chain00"} {
				r := asked[i]
				l := tab.leases[chain]
				if r.Chain != chain || r.State != persistence.RequestDone || r.Node != l.Node || r.Epoch != l.Epoch || r.Answer.Phase != "running" || r.AskedBy != one.coordinator.view().node {
					t.Errorf("%+v, its lease is %+v", r, l)
				}
			}
		})
	}
}

// What nobody answers fails when it is overdue, and says why: nobody owns the chain, or
// its owner does not answer.
func TestUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		one, _ := pair(t, tab)
		tab.mu.Lock()
		tab.nodes["mute"] = &persistence.Node{ID: "mute", Name: "mute", State: persistence.Up, Version: "v1", JoinedAt: time.Now()}
		tab.leases["other"] = persistence.Lease{Chain: "other", Node: "mute", Epoch: 1}
		tab.mu.Unlock()
		over := make(chan struct{})
		defer close(over)
		go func() { // it lives
			for {
				tab.mu.Lock()
				_, _ = tab.heartbeat("mute", persistence.Heartbeat{})
				tab.mu.Unlock()
				select {
				case <-over:
					return
				case <-time.After(testPoll):
				}
			}
		}()
		time.Sleep(time.Second)
		begun := time.Now()
		asked := one.asks(t, "nobody's", "other", "chain00")
		if took := time.Since(begun); took < answerWithin || took > answerWithin+2*testPoll {
			t.Errorf("failed after %v", took)
		}
		for i, want := range []string{"no node owns the chain", "node mute, version v1, owns the chain and has not answered"} {
			if r := asked[i]; r.State != persistence.RequestFailed || r.Reason != want || r.Answer != nil {
				t.Errorf("%+v, want %s", r, want)
			}
		}
		if asked[2].State != persistence.RequestDone {
			t.Errorf("beside those that fail: %+v", asked[2])
		}
	})
}

// While MongoDB is away nobody can be asked, which is said soon.
func TestAskWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, _ := pair(t, newTable())
		one.setCut(true)
		begun := time.Now()
		if asked, err := one.coordinator.Ask(t.Context(), []string{"chain00"}); !errors.Is(err, errAway) || time.Since(begun) > 6*time.Second {
			t.Errorf("after %v: %v, %v", time.Since(begun), asked, err)
		}
	})
	c := New(Config{})
	if _, err := c.Ask(context.Background(), nil); !errors.Is(err, errNotMember) {
		t.Errorf("before it is a member: %v", err)
	}
}

// A released chain is acquired soon after, when changes wake the node; otherwise at its
// next poll. That they cannot is said once, and that they can again.
func TestReleaseWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		one, two := pair(t, tab)
		for _, deaf := range []bool{false, true} {
			two.setDeaf(deaf)
			time.Sleep(30*time.Second + testPoll/2)
			if warned := strings.Contains(two.log.String(), "changes in MongoDB cannot be watched"); warned != deaf {
				t.Errorf("deaf: %v, and that it is said %v", deaf, warned)
			}
			if deaf {
				break
			}
			one.stop() // it gives its chain away
			if err := <-one.done; err != nil {
				t.Fatal(err)
			}
			one.done <- nil
			begun := time.Now()
			for two.running() < 2 {
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(begun); took > 100*time.Millisecond {
				t.Errorf("acquired after %v", took)
			}
		}
		two.setDeaf(false)
		time.Sleep(2 * maxWatchPause)
		if n := strings.Count(two.log.String(), "changes in MongoDB are watched again"); n != 1 {
			t.Errorf("that they can again is said %d times", n)
		}
	})
}

// running is how many chains run in a process.
func (p *process) running() int {
	p.stage.mu.Lock()
	defer p.stage.mu.Unlock()
	return len(p.stage.runs)
}
