package monitor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
)

var log = persistence.Claim{ID: "ethereum/seaport/list/activity", Kind: "observer", Chain: "ethereum", Market: "seaport", Stream: "list", Node: "this"}

// slow is a store whose answers to claims and commits are late: something else happens
// first.
type slow struct {
	persistence.Store
	first func()
}

func (s *slow) meanwhile() {
	if first := s.first; first != nil {
		s.first = nil
		first()
	}
}

func (s *slow) Claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	defer s.meanwhile()
	return s.Store.Claim(ctx, claim)
}

func (s *slow) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	defer s.meanwhile()
	return s.Store.Commit(ctx, market, moves, do)
}

// cluster is a process that may lose its chain to another one.
type cluster struct {
	t     *testing.T
	disk  *slow
	m     *monitor.Metrics
	store persistence.Store // as the process sees the disk
}

func newCluster(t *testing.T) *cluster {
	disk, m := &slow{Store: open(t)}, monitor.New()
	return &cluster{t, disk, m, m.Store(disk)}
}

func (c *cluster) takeOver(store persistence.Store) int64 {
	c.t.Helper()
	epoch, err := store.TakeOver(c.t.Context(), "ethereum", "node")
	if err != nil {
		c.t.Fatal(err)
	}
	return epoch
}

func (c *cluster) claim(epoch int64) persistence.Actor {
	c.t.Helper()
	claim := log
	claim.Epoch = epoch
	doc, err := c.store.Claim(c.t.Context(), claim)
	if err != nil {
		c.t.Fatal(err)
	}
	return doc
}

// commit adds five events to the log.
func (c *cluster) commit(doc persistence.Actor) error {
	move := persistence.Move{Actor: doc.Ref(), From: doc.Place, To: markets.Place{Seq: doc.Seq + 1}, Events: 5}
	return c.store.Commit(c.t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, []persistence.Move{move}, nil)
}

// shows fails unless the metrics show the given number of events in the log; -1 means
// that the stream has no series.
func (c *cluster) shows(events float64) {
	c.t.Helper()
	series := only(gather(c.t, c.m), "stream_")
	if got, ok := series["stream_events{ethereum seaport list}"]; events >= 0 && got != events || events < 0 && len(series) > 0 || ok != (events >= 0) {
		c.t.Errorf("got\n%s\nwant %v events", lines(series), events)
	}
}

// A commit that the next incarnation has already seen is not counted twice, and the late
// answer to a claim does not restore an earlier incarnation.
func TestLateAnswers(t *testing.T) {
	c := newCluster(t)
	epoch := c.takeOver(c.store)
	doc := c.claim(epoch)
	c.disk.first = func() { doc = c.claim(epoch) }
	if err := c.commit(doc); err != nil {
		t.Fatal(err)
	}
	c.shows(5)
	c.disk.first = func() {
		if err := c.commit(c.claim(epoch)); err != nil {
			t.Fatal(err)
		}
	}
	c.claim(epoch)
	c.shows(10)
}

// The series of a chain that another process has taken over disappear as soon as a
// commit is fenced.
func TestFenced(t *testing.T) {
	c := newCluster(t)
	doc := c.claim(c.takeOver(c.store))
	c.shows(0)
	c.takeOver(c.disk)
	if err := c.commit(doc); !errors.Is(err, persistence.ErrFenced) {
		t.Fatal(err)
	}
	c.shows(-1)
	if n := gather(t, c.m)["fenced_commits_total{ethereum}"]; n != 1 {
		t.Errorf("%v fenced commits", n)
	}
	doc = c.claim(c.takeOver(c.store))
	c.shows(0)
	c.takeOver(c.disk)
	if err := c.store.Report(t.Context(), doc.Ref(), persistence.Report{}); !errors.Is(err, persistence.ErrFenced) {
		t.Fatal(err)
	}
	c.shows(-1)
}

// The end of an earlier incarnation does not affect the current one.
func TestFencedByItself(t *testing.T) {
	c := newCluster(t)
	epoch := c.takeOver(c.store)
	early := c.claim(epoch)
	c.claim(epoch)
	if err := c.commit(early); !errors.Is(err, persistence.ErrFenced) {
		t.Fatal(err)
	}
	c.shows(0)
}

// A released chain has no series, even if an actor's claim is reported late; once the
// process owns the chain again, it has.
func TestReleased(t *testing.T) {
	c := newCluster(t)
	node := c.m.Node()
	epoch := c.takeOver(c.disk) // as the keeper does it
	node.Owned("ethereum", epoch)
	if err := c.commit(c.claim(epoch)); err != nil {
		t.Fatal(err)
	}
	c.shows(5)
	same(t, only(gather(t, c.m), "chain_epoch", "node_chains", "fenced"), map[string]float64{
		"chain_epoch{ethereum}": float64(epoch), "node_chains{}": 1, "fenced_commits_total{ethereum}": 0,
	})
	node.Released("ethereum")
	node.Released("ethereum")
	c.shows(-1)
	doc := c.claim(epoch)
	if err := c.commit(doc); err != nil {
		t.Fatal(err)
	}
	c.shows(-1)
	same(t, only(gather(t, c.m), "chain_epoch", "node_chains"), map[string]float64{"node_chains{}": 0})
	node.Owned("ethereum", c.takeOver(c.disk))
	c.claim(epoch + 1)
	c.shows(10)
}

// A process without a cluster does not expose the cluster's metrics.
func TestNode(t *testing.T) {
	m := monitor.New()
	node := m.Node()
	same(t, only(gather(t, m), "cluster_", "node_beat"), map[string]float64{})
	node.Members(map[string]int{persistence.Up: 3, persistence.Dead: 1})
	node.Members(map[string]int{persistence.Up: 2})
	node.TakenOver()
	node.HandedOver()
	node.HandedOver()
	node.DeclaredDead()
	node.Rejoined()
	same(t, only(gather(t, m), "cluster_", "node_"), map[string]float64{
		"cluster_members{up}": 2, "cluster_members{draining}": 0, "cluster_members{leaving}": 0, "cluster_members{left}": 0, "cluster_members{dead}": 0,
		"node_chains{}": 0, "node_take_overs_total{}": 1, "node_hand_overs_total{}": 2, "node_burials_total{}": 1, "node_rejoins_total{}": 1,
	})
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := monitor.New()
		m.Node().Heartbeat()
		time.Sleep(3 * time.Second)
		if age := gather(t, m)["node_beat_age_seconds{}"]; age != 3 {
			t.Errorf("%v s after 3 s", age)
		}
	})
}
