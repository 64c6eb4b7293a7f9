package factories

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The contracts of the tests announce, or trade, by the first byte of their data.
const (
	announces = byte(iota)
	trades
	breaks // cannot be read
)

var pairs = &markets.Factories{
	Names: []string{"pair", "vault"},
	Reads: func(raw *markets.Raw) bool { return raw.Data[0] == announces || len(raw.Announced) > 0 },
	Announces: func(raw *markets.Raw) (all []markets.Announcement) {
		if raw.Data[0] == announces {
			all = append(all, markets.Announcement{Factory: string(raw.Data[2:]), Address: [20]byte{raw.Data[1]}})
		}
		return all
	},
}

// block is a block of a tree of branches.
type block struct {
	markets.Place
	parent *block
	raws   []markets.Raw
}

// path is the blocks from the first to this one.
func (b *block) path() (all []*block) {
	for ; b != nil; b = b.parent {
		all = append(all, b)
	}
	slices.Reverse(all)
	return all
}

// on says whether the block's branch has a place.
func (b *block) on(p markets.Place) bool {
	return p.Hash == "" || slices.ContainsFunc(b.path(), func(x *block) bool { return x.Place == p })
}

// world is a tree of blocks, and a log that has executed one of its branches up to a block.
type world struct {
	t      *rapid.T
	blocks []*block // the first one is everybody's
	log    *block
	trail  markets.Trail
	broken bool   // the log is being rolled back
	during func() // what happens while the log is read
}

func newWorld(t *rapid.T) *world {
	first := &block{Place: markets.Place{Seq: 1, Hash: "0x1"}}
	w := &world{t: t, blocks: []*block{first}}
	for range rapid.IntRange(1, 12).Draw(t, "blocks") {
		w.mine()
	}
	return w
}

// mine adds a block to any branch.
func (w *world) mine() {
	parent := rapid.SampledFrom(w.blocks).Draw(w.t, "parent")
	b := &block{parent: parent, Place: markets.Place{Seq: parent.Seq + 1, Hash: fmt.Sprintf("0x%d", len(w.blocks)+1)}}
	events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []byte {
		kind := rapid.SampledFrom([]byte{announces, trades, trades, breaks}).Draw(t, "kind")
		name := rapid.SampledFrom(pairs.Names).Draw(t, "factory")
		return append([]byte{kind, byte(rapid.IntRange(1, 4).Draw(t, "contract"))}, name...)
	}), 0, 4).Draw(w.t, "events")
	for i, data := range events {
		raw := markets.Raw{
			Position: markets.Position{Height: b.Seq, Transaction: int32(i / 2), Log: int32(i)},
			Seq:      b.Seq, Block: b.Hash, Address: [20]byte{data[1]}, Data: data,
		}
		if data[0] == breaks {
			raw.Fault = fmt.Errorf("broken")
		}
		b.raws = append(b.raws, raw)
	}
	w.blocks = append(w.blocks, b)
}

// naive is what a stream reads of a branch, and the contracts that are announced there.
func naive(b *block) (read []markets.Raw, announced map[markets.Announcement]bool) {
	announced = map[markets.Announcement]bool{}
	for _, b := range b.path() {
		for _, raw := range b.raws {
			for _, name := range pairs.Names {
				if announced[markets.Announcement{Factory: name, Address: raw.Address}] {
					raw.Announced = append(raw.Announced, name)
				}
			}
			if raw.Data[0] == announces {
				announced[markets.Announcement{Factory: string(raw.Data[2:]), Address: [20]byte{raw.Data[1]}}] = true
			} else if raw.Announced == nil {
				continue
			}
			read = append(read, raw)
		}
	}
	return read, announced
}

// moveLog takes the log to any block, by rolling it back to a common ancestor, but not exactly
// to where it was.
func (w *world) moveLog() {
	to := rapid.SampledFrom(w.blocks).Draw(w.t, "log")
	if to == w.log {
		return
	}
	var trail markets.Trail
	for _, p := range w.trail {
		if to.on(p) {
			trail = append(trail, p)
		}
	}
	w.log, w.trail = to, append(trail, to.Place)
}

// view is a view of a branch.
func (w *world) view(head *block, violations int) *chains.View {
	path := head.path()
	final := rapid.IntRange(0, len(path)-1).Draw(w.t, "final")
	var hashes []string
	for _, b := range path[final:] {
		hashes = append(hashes, b.Hash)
	}
	v := chains.NewView(path[final].Seq, hashes)
	v.FinalityViolations = violations
	return v
}

func (w *world) find(hash string) *block {
	return w.blocks[slices.IndexFunc(w.blocks, func(b *block) bool { return b.Hash == hash })]
}

// tree is the world as a chain.
type tree struct {
	chains.Chain
	*world
}

func (c tree) Read(_ context.Context, view *chains.View, _ markets.Source, after markets.Place, through int64, _ int) (chains.Page, error) {
	head := c.find(view.Head.Hash)
	if !head.on(after) {
		return chains.Page{}, chains.ErrReorganised
	}
	page := chains.Page{To: after}
	for _, b := range head.path() {
		if b.Seq > after.Seq && b.Seq <= through {
			page.To, page.Raws = b.Place, append(page.Raws, b.raws...)
		}
	}
	return page, nil
}

func (c tree) Ancestor(_ context.Context, view *chains.View, trail markets.Trail, _ int64) (markets.Place, bool, error) {
	for _, p := range slices.Backward(trail) {
		if p.Seq > view.Head.Seq {
			return markets.Place{}, false, chains.ErrAhead
		}
		if c.find(view.Head.Hash).on(p) {
			return p, true, nil
		}
	}
	return markets.Place{}, false, nil
}

// Query answers as the store does: the document of the log's observer, and its announcements.
func (w *world) Query(_ context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	var docs []any
	if q.Collection == persistence.Actors {
		docs = append(docs, persistence.Actor{Documents: true})
		a := persistence.Actor{Trail: w.trail}
		if w.log != nil {
			a.Place = w.log.Place
		}
		if w.broken {
			a.Pending = &markets.Place{Seq: 1}
		}
		docs = append(docs, a)
	} else {
		if w.during != nil {
			w.during()
		}
		docs = w.announcements(q.Filter.Condition.(persistence.And))
	}
	return func(yield func(json.RawMessage, error) bool) {
		for _, doc := range docs {
			text, err := json.Marshal(doc)
			if !yield(text, err) {
				return
			}
		}
	}
}

func (w *world) announcements(filter persistence.And) (docs []any) {
	var name string
	var through int64
	for _, c := range filter {
		switch c := c.(persistence.Compare); c.Path {
		case "factory":
			name = c.Operand.(string)
		case "seq":
			through = c.Operand.(int64)
		}
	}
	if w.log == nil {
		return nil
	}
	read, _ := naive(w.log)
	for _, raw := range read {
		for _, a := range pairs.Announces(&raw) {
			if a.Factory == name && raw.Seq <= through && !w.broken {
				docs = append(docs, markets.Activity{Event: markets.Event{Kind: markets.ContractCreated, Seq: raw.Seq, Factory: name, Contract: fmt.Sprintf("0x%x", a.Address)}})
			}
		}
	}
	return docs
}
