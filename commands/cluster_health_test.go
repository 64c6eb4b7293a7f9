package commands

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence/mongo"
)

// observed is a process of a team whose health and metrics are at an address.
type observed struct {
	*member
	url string
}

func (c *team) startMonitored(name string, options ...string) observed {
	c.t.Helper()
	address := unusedAddress(c.t)
	return observed{c.start(name, append(options, "EVENT_WORKER_MONITOR_LISTEN="+address)...), "http://" + address}
}

// get requests a path. The status is 0 if there is no answer.
func (m observed) get(path string) (status int, text string) {
	m.t.Helper()
	answer, err := http.Get(m.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// answers waits until a path is answered with a status and a text that matches.
func (m observed) answers(path string, status int, pattern string) {
	m.t.Helper()
	match := regexp.MustCompile("(?m)^" + pattern + "$")
	eventually(m.t, path+" says "+pattern, func() bool {
		got, said := m.get(path)
		return got == status && match.MatchString(said)
	})
}

// A node is ready while it is a member and reaches MongoDB, and alive all the time. The
// owner of a chain exposes its metrics.
func TestHealth(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	uri := mongotest.Database(t)
	server, err := mongo.AddressOf(uri)
	if err != nil {
		t.Fatal(err)
	}
	proxy := mongotest.NewProxy(t, server.Hosts[0])
	c := newTeamOn(t, uri)
	one := c.startMonitored("one", "MONGODB_URI="+proxy.URI(server.Database))
	two := c.startMonitored("two")
	owns := func(m observed, chains string) {
		m.answers("/metrics", 200, "event_worker_node_chains "+chains)
	}
	for _, m := range []observed{one, two} {
		m.answers("/readyz", 200, "ready")
		owns(m, "1")
	}
	for _, m := range []observed{one, two} { // whichever is asked
		m.answers("/chains", 200, `\[({"chain":"(aptos|ethereum)","node":"(one|two)\.\w{6}","epoch":\d,"phase":"running"},?){2}\]`)
	}

	proxy.Refuse()
	one.answers("/readyz", 503, "MongoDB has not answered for .*: .*")
	one.answers("/chains", 503, "the owners of chains cannot be asked: MongoDB, .*")
	one.answers("/healthz", 200, "ok")
	owns(two, "2")
	two.answers("/metrics", 200, "event_worker_node_take_overs_total [1-9]")
	two.answers("/metrics", 200, `event_worker_cluster_members{state="dead"} [1-9]`)

	proxy.Pass()
	one.answers("/readyz", 200, "ready")
	one.answers("/metrics", 200, "event_worker_node_rejoins_total [1-9]")
	owns(one, "1")
	owns(two, "1")
	two.answers("/metrics", 200, "event_worker_node_hand_overs_total [1-9]")
	for chain, owner := range chainOwners(c.status()) {
		for _, m := range []observed{one, two} {
			if _, text := m.get("/metrics"); strings.Contains(text, `event_worker_chain_epoch{chain="`+chain+`"}`) != (owner == m.name) {
				t.Errorf("%s is %s's, and %s has these metrics:\n%s", chain, owner, m.name, text)
			}
		}
	}
}

// After MongoDB dies and comes back, everything continues where it was.
func TestClusterOutlivesMongoDB(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	c := newTeamOn(t, server.URI())
	c.advance(40 * time.Millisecond)
	const ttl = "EVENT_WORKER_CLUSTER_TTL=3s"
	one, two := c.start("one", ttl), c.start("two", ttl)
	before := c.until("each has a chain", ownedBy("one", "two"))

	server.Kill()
	for _, w := range []*member{one, two} {
		w.says("MongoDB does not answer; the chains go on by themselves when it does")
	}
	time.Sleep(5 * time.Second) // for so long it is away
	server.Restart()
	for _, w := range []*member{one, two} {
		w.says("MongoDB answers again")
	}
	c.until("each has a chain again", ownedBy("one", "two"))
	c.finish()
	for i, l := range c.status().Leases {
		if moved := l.Epoch - before.Leases[i].Epoch; moved > 1 {
			t.Errorf("%s has moved %d times", l.Chain, moved)
		}
	}
	for _, w := range []*member{one, two} {
		select {
		case <-w.ended:
			t.Errorf("%s has ended", w.name)
		default:
		}
	}
	c.expectWhole()
}
