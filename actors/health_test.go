package actors

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// impatient is a world in which nothing may stand for long.
func impatient(t *testing.T) *world {
	w := calm(t, "list", "buy")
	w.log = &journal{}
	w.stuck = 300 * time.Millisecond
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	return w
}

// stands reports whether the node is not ready for reasons that hold these texts.
func stands(w *world, texts ...string) bool {
	err := w.node.Ready()
	return err != nil && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(err.Error(), text) })
}

// A stream that makes no progress without an error is reported once a period, with the
// reason.
func TestAStreamThatStandsSaysSo(t *testing.T) {
	for _, test := range []struct {
		name       string
		begin, end func(w *world)
		reason     string
		observer   string
	}{
		{
			"the endpoint is always behind", func(w *world) { w.chain.fail("buy", chains.ErrAhead) },
			func(w *world) { w.chain.fail("buy", nil) }, chains.ErrAhead.Error(), activity,
		},
		{
			"the endpoint does not know the block", func(w *world) { w.chain.fail("buy", chains.ErrReorganised) },
			func(w *world) { w.chain.fail("buy", nil) }, chains.ErrReorganised.Error(), activity,
		},
		{
			"reading fails", func(w *world) { w.chain.fail("buy", errHurt) },
			func(w *world) { w.chain.fail("buy", nil) }, errHurt.Error(), activity,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := impatient(t)
			w.boot()
			w.mustCheck()
			test.begin(w)
			w.mine(block(listed("b", "1"), bought("a", "1")))
			begun := time.Now() // it may stand since the tick before
			w.eventually("it stands, and it alone", func() bool {
				return stands(w, "chain/market/buy/subject", test.reason) && !stands(w, "list")
			})
			subject := func() persistence.Actor { return w.actors()["chain/market/buy/subject"] }
			w.eventually("the subject's document says so", func() bool {
				return subject().Status == persistence.Retrying && strings.Contains(subject().LastError, test.reason)
			})
			// On a busy machine, streams may have been stalled for a moment at the start.
			stalled := func() []string { return w.log.lines("stream is stalled although", "chain/market/buy ", " at=2 ") }
			advances := func() []string { return w.log.lines("stream advances again", "chain/market/buy ") }
			w.eventually("it is said again", func() bool { return len(stalled()) >= 3 })
			before := len(advances())
			if took := time.Since(begun); took < 2*w.stuck {
				t.Errorf("three warnings after %v", took)
			}
			for i, line := range stalled() {
				if strings.Contains(line, "level=ERROR") != (i == 0) || !strings.Contains(line, "observer="+test.observer+" at=2 head=3") {
					t.Error(line)
				}
			}
			test.end(w)
			w.mustCheck()
			w.eventually("it is well", func() bool { return w.node.Ready() == nil && w.states()[persistence.Retrying] == 0 })
			if lines := advances()[before:]; len(lines) != 1 || !strings.Contains(lines[0], "level=INFO") || !strings.Contains(lines[0], "lasted=") {
				t.Errorf("%q", lines)
			}
			w.unharmed("")
		})
	}
}

// Nothing is answered, and nothing fails.
func TestAStreamThatIsNeverAnsweredSaysSo(t *testing.T) {
	w := impatient(t)
	w.chain.fail("buy", errHang)
	w.boot()
	w.eventually("it stands", func() bool { return stands(w, "activity is stalled at 0: still reading from the chain") })
	stalled := func() []string { return w.log.lines("stream is stalled although", "chain/market/buy ") }
	before := len(stalled())
	w.fail("chain/market/buy/subject")
	w.eventually("the subject's restart", func() bool { return w.restarts("buy/subject") > 0 })
	w.eventually("it is said again", func() bool { return len(stalled()) > before })
	if lines := w.log.lines("stream is stalled although", "chain/market/buy ", "level=ERROR"); len(lines) != 1 || w.node.Ready() == nil {
		t.Errorf("restarted, it begins anew: %q", lines)
	}
}

// The documents' observer is held up, the log is not.
func TestDocumentsThatStandSaySo(t *testing.T) {
	w := impatient(t)
	h := w.gates.hold("chain/market/buy/order-buy")
	w.boot()
	<-h.arrived
	w.eventually("it stands", func() bool {
		return stands(w, "chain/market/buy/subject: order-buy is stalled at 0: what it was sent is not executed yet")
	})
	h.release()
	w.mustCheck()
	w.eventually("it is well", func() bool { return w.node.Ready() == nil })
}

// A stream that waits for others may wait for as long as they take, unless what it has read
// is not executed.
func TestAStreamThatWaitsForOthersDoesNotStand(t *testing.T) {
	w := impatient(t)
	w.boot()
	w.mustCheck()
	w.chain.fail("buy", chains.ErrWaits)
	w.mine(block(listed("b", "1"), bought("a", "1")))
	time.Sleep(3 * w.stuck)
	if lines := w.log.lines("is stalled although", "chain/market/buy ", " at=2 "); len(lines) > 0 || stands(w, "buy") {
		t.Errorf("%q, %v", lines, w.node.Ready())
	}
	w.chain.fail("buy", nil)
	w.mustCheck()
	h := w.gates.hold("chain/market/buy/activity")
	w.mine(block(bought("a", "1")))
	<-h.arrived
	w.chain.fail("buy", chains.ErrWaits)
	w.mine(block(bought("a", "1")))
	w.eventually("it stands", func() bool {
		return stands(w, "chain/market/buy/subject: activity is stalled at 3: what it was sent is not executed yet")
	})
	h.release()
	w.chain.fail("buy", nil)
	w.mustCheck()
}

// Who is at the head may stay there for as long as the chain does, and be behind for a
// moment afterwards.
func TestWhoHasNothingToDoDoesNotStand(t *testing.T) {
	w := impatient(t)
	w.stuck = 2 * time.Second // more than a busy machine needs for a block
	rest := func() { time.Sleep(w.stuck + w.stuck/4) }
	w.boot()
	w.mustCheck()
	rest()
	w.mine(block(bought("a", "1")))
	w.mustCheck()
	rest()
	if lines := w.log.lines("is stalled although"); len(lines) > 0 || w.node.Ready() != nil {
		t.Errorf("%q, %v", lines, w.node.Ready())
	}
}

// deafHeads is a chain that does not answer where its head is.
type deafHeads struct{ *fakeChain }

func (c deafHeads) Advance(ctx context.Context, _ *chains.View) (*chains.View, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAHeadThatStandsSaysSo(t *testing.T) {
	for _, test := range []struct {
		name   string
		begin  func(w *world)
		reason string
	}{
		{"nothing is answered", func(w *world) { w.reads = deafHeads{w.chain} }, "still looking"},
		{"it fails", func(w *world) { w.chain.fail("head", errHurt) }, errHurt.Error()},
		{"an endpoint is further", func(w *world) {
			w.chain.tell(chains.EndpointStatus{State: chains.EndpointUp, Height: 3}, chains.EndpointStatus{State: chains.EndpointWrongChain, Height: 99})
		}, "an endpoint has seen 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := impatient(t)
			test.begin(w)
			w.boot()
			w.eventually("it stands", func() bool {
				err := w.node.Ready()
				return err != nil && strings.Contains(err.Error(), "chain/head: ") && strings.Contains(err.Error(), test.reason)
			})
			w.eventually("its document says so", func() bool {
				a := w.actors()["chain/head"]
				return a.Status == persistence.Retrying && strings.Contains(a.LastError, test.reason)
			})
			if line := w.log.lines("head is stalled although")[0]; !strings.Contains(line, "level=ERROR") {
				t.Error(line)
			}
			w.chain.fail("head", nil)
			w.mine(block(bought("a", "1")))
			if w.reads == nil {
				w.mustCheck()
				w.eventually("it is well", func() bool { return w.node.Ready() == nil && w.state("chain/head") == persistence.Following })
			}
		})
	}
}

func TestSinceWhenItStands(t *testing.T) {
	const most = 2 * time.Minute
	zero := time.Unix(0, 0)
	var s stall
	for _, step := range []struct {
		at    int64
		rests bool
		after time.Duration
		long  bool
	}{
		{7, false, 0, false},
		{7, false, most - 1, false},
		{7, false, most, true},
		{7, false, 2 * most, true},
		{8, false, 2*most + 1, false}, // it moves
		{8, false, 3 * most, false},
		{8, true, 3*most + 1, false}, // it may rest
		{8, false, 5*most + 1, true},
		{7, false, 5*most + 2, false}, // it goes back
	} {
		if long := s.check(markets.Place{Seq: step.at}, step.rests, zero.Add(step.after), most); long != step.long {
			t.Errorf("%+v: %t", step, long)
		}
	}
	if s.check(s.at, false, zero.Add(time.Hour), 0) {
		t.Error("it stands for too long though nothing is")
	}
	if !s.warns(zero, most) || s.warns(zero.Add(most-1), most) || !s.warns(zero.Add(most), most) {
		t.Error("it does not warn once a period")
	}
}

// A chain whose head cannot be read is logged as an error once, although the head's actor
// is restarted, and its recovery is logged once. The stall of the chain is not a second
// error.
func TestAnOutageOfAChain(t *testing.T) {
	w := impatient(t)
	w.outage = 50 * time.Millisecond
	w.boot()
	w.mustCheck()
	before := len(w.log.lines("level=ERROR")) // a stream may have been stalled for a moment at the start
	w.chain.fail("head", errHurt)
	w.eventually("it is an error", func() bool { return len(w.log.lines("chain cannot be followed: none")) == 1 })
	w.fail("chain/head")
	w.eventually("the head's restart", func() bool { return w.actors()["chain/head"].Restarts > 0 })
	w.eventually("it is stalled", func() bool { return len(w.log.lines("head is stalled although")) > 0 })
	w.chain.fail("head", nil)
	w.mustCheck()
	w.eventually("its end is logged", func() bool { return len(w.log.lines("chain is followed again")) == 1 })
	if line := w.log.lines("chain is followed again")[0]; !strings.Contains(line, "level=INFO") || !strings.Contains(line, "chain=chain lasted=") {
		t.Error(line)
	}
	if lines := w.log.lines("level=ERROR")[before:]; len(lines) != 1 || !strings.Contains(lines[0], errHurt.Error()) {
		t.Errorf("%q", lines)
	}
}

// What fails for less than an outage is no error.
func TestAChainThatFailsForAMoment(t *testing.T) {
	w := impatient(t)
	w.outage, w.stuck = time.Hour, 0
	w.boot()
	w.mustCheck()
	w.chain.fail("head", errHurt)
	w.eventually("it fails", func() bool { return len(w.log.lines("chain cannot be followed, trying again")) > 1 })
	w.chain.fail("head", nil)
	w.mine(block(bought("a", "1")))
	w.mustCheck()
	if lines := append(w.log.lines("level=ERROR"), w.log.lines("lasted=")...); len(lines) > 0 {
		t.Errorf("%q", lines)
	}
}
