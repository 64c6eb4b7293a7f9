package facts

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// history is a random history of a follower and its chain.
type history struct {
	*follower
	*rapid.T
	orders []*madeOrder
	signed []*madeOrder
	page   *chains.Page // read and not executed yet, or dropped
	from   markets.Place
	// abandoned is the head before the last reorganisation.
	abandoned *fakeBlock
}

// Whatever pages are read, executed and dropped, in whatever order the streams come forward,
// and whatever restarts and reorganisations there are: in the end the documents say what the
// contracts say at the head, and no fact of an abandoned block is left.
func TestDocumentsEndAsTheContractsSay(t *testing.T) {
	thorough.Only(t)
	rapid.Check(t, live)
}

// live lives through a history.
func live(rt *rapid.T) {
	dir, err := os.MkdirTemp("", "facts")
	if err != nil {
		rt.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fake := newFakeChain()
	f := follow(rt, dir, fake)
	defer func() { f.close() }()
	f.limit = rapid.SampledFrom([]int{1, 3, 2000}).Draw(rt, "limit")
	h := &history{follower: f, T: rt}
	for range rapid.IntRange(5, 40).Draw(rt, "steps") {
		h.step()
	}
	fake.behind = nil
	f.next()
	for range 100 { // what waits follows block by block
		f.next()
		if f.questions() == 0 {
			break
		}
	}
	h.check()
}

func (h *history) step() {
	f, fake := h.follower, h.fake
	switch rapid.SampledFrom([]string{"mine", "mine", "execute", "execute", "read", "log", "log", "documents", "reorganise", "restart", "sync", "drop", "hand in", "endpoint"}).Draw(h.T, "step") {
	case "mine":
		var do []func(*fakeBlock)
		for range rapid.IntRange(0, 3).Draw(h.T, "actions") {
			do = append(do, h.action())
		}
		fake.mine(do...)
	case "execute":
		stream := rapid.SampledFrom(otherStreams).Draw(h.T, "stream")
		f.back(stream)
		f.execute(stream, rapid.Int64Range(f.actors[stream].Seq, max(fake.head.Seq, f.actors[stream].Seq)).Draw(h.T, "to"))
	case "read":
		f.back(markets.StateStream)
		if page, err := f.read(markets.StateStream); err == nil {
			h.page, h.from = &page, f.actors[markets.StateStream].Place
		}
	case "endpoint":
		fake.behind = nil
		if h.abandoned != nil && rapid.Bool().Draw(h.T, "behind") {
			fake.behind = h.abandoned
		}
	case "drop":
		h.page = nil
	case "log":
		f.back(markets.StateStream)
		h.readAndAccept(markets.StateStream)
	case "documents":
		h.readAndAccept(markets.StateStream + "+")
	case "reorganise":
		depth := rapid.IntRange(1, 4).Draw(h.T, "depth")
		h.abandoned = fake.head
		fake.reorganise(depth)
		for range rapid.IntRange(max(depth-1, 1), depth+1).Draw(h.T, "blocks") {
			fake.mine(h.action())
		}
		h.page = nil
	case "restart":
		h.page = nil
		f.restart()
	case "sync":
		h.page, fake.behind = nil, nil
		f.next()
	case "hand in":
		o := newOrder(alice, 2*rapid.Uint64Range(0, 3).Draw(h.T, "token"), 1).salted(100 + rapid.IntRange(0, 5).Draw(h.T, "signed"))
		o.sign()
		h.signed = append(h.signed, o)
		f.insert(o.document())
	}
}

// readAndAccept executes the page that was read before, or else reads one.
func (h *history) readAndAccept(actor string) {
	at := h.actors[actor].Place
	if actor == markets.StateStream+"+" && (at.Seq >= h.actors[markets.StateStream].Seq || h.fake.view().Stand(at) != chains.On) {
		return // documents follow the log, and go back before it
	}
	if actor == markets.StateStream && h.page != nil {
		if h.from == at {
			h.accept(actor, *h.page)
		}
		h.page = nil
		return
	}
	page, err := h.read(actor)
	if errors.Is(err, chains.ErrWaits) || errors.Is(err, chains.ErrReorganised) {
		return
	}
	h.must(err)
	h.accept(actor, page)
}

// action is something that happens in a block.
func (h *history) action() func(*fakeBlock) {
	maker := rapid.SampledFrom([]common.Address{alice, bob}).Draw(h.T, "maker")
	other := map[common.Address]common.Address{alice: bob, bob: alice}[maker]
	token := rapid.Uint64Range(0, 3).Draw(h.T, "token")
	if len(h.orders) == 0 || len(h.orders) < 8 && rapid.IntRange(0, 3).Draw(h.T, "list") == 0 {
		o := newOrder(maker, token, rapid.SampledFrom([]uint64{1, 3}).Draw(h.T, "units")).salted(len(h.orders))
		h.orders = append(h.orders, o)
		return list(o)
	}
	all := append(h.orders[:len(h.orders):len(h.orders)], h.signed...)
	o := all[rapid.IntRange(0, len(all)-1).Draw(h.T, "order")]
	switch rapid.SampledFrom([]string{"fill", "fill", "cancel", "cancel all", "move", "move", "move", "allow", "allow"}).Draw(h.T, "action") {
	case "fill":
		return fill(o, map[common.Address]common.Address{alice: bob, bob: alice}[o.maker])
	case "cancel":
		return cancel(o)
	case "cancel all":
		return cancelAll(maker)
	case "move":
		return transfer(token, other)
	}
	return allow(maker, rapid.Bool().Draw(h.T, "allowed"))
}

// check compares the documents with the contracts at the head.
func (h *history) check() {
	f, head := h.follower, h.fake.head
	f.checkLog()
	known := map[string]bool{}
	for _, a := range collect[markets.Activity](f, persistence.Activities) {
		known[a.Order] = true
	}
	for _, o := range append(h.orders, h.signed...) {
		if !known[o.key()] {
			continue // its listing was reorganised, or it was refused
		}
		s, want := head.orders[o.hash], "LISTING yes"
		doc := f.doc(o)
		switch {
		case s.size > 0 && s.filled == s.size:
			want = "SOLD"
		case s.cancelled, head.counters[o.maker] > 0:
			want = "CANCELED"
		case doc.Parameters == nil: // signed, filled and not submitted on this branch
			want = "LISTING unknown"
		case !head.canFill(o):
			want = "LISTING no"
		}
		if got := f.is(o); !strings.HasPrefix(got, want) {
			h.Fatalf("%s (token %d, %d units) is %q, want %q: %+v", o.key(), o.token, o.size, got, want, s)
		}
		if doc.Status.Alive() && (doc.State == nil || string(doc.State.Filled) != fmt.Sprint(s.filled) || doc.State.Cancelled != s.cancelled) {
			h.Fatalf("%s: the document says %+v, the contract %+v", o.key(), doc.State, s)
		}
	}
	for _, answer := range f.answers() {
		if answer == persistence.SignedPending {
			h.Fatalf("a signed order was not answered: %v", f.answers())
		}
	}
}
