package facts

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// nearHead is the maximum distance in blocks of the market's other streams from the head
// for contracts to be asked. Nodes keep the state of about 128 blocks, and facts of a
// backfill would be outdated anyway.
const nearHead = 96

// reader reads one market's facts.
type reader struct {
	Market
	asker    Asker
	store    Store
	contract *contracts
	log      *slog.Logger
	counters counters

	mu       sync.Mutex
	memories memories
	warned   time.Time
}

func newReader(m Market, asker Asker, id uint64, store Store, log *slog.Logger) *reader {
	r := &reader{Market: m, store: store, log: log}
	r.asker = countedAsker{asker, &r.counters.calls}
	r.contract = newContracts(r.asker, id)
	r.contract.owners = m.Notifies
	return r
}

// read reads the facts behind a place: those that the log has, or those of the block that all
// other streams have reached.
func (r *reader) read(ctx context.Context, view *chains.View, after markets.Place, limit int) (chains.Page, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.find(ctx, r.store, view)
	switch {
	case err != nil:
		return chains.Page{}, err
	case p.log.Seq > after.Seq:
		return r.replay(ctx, view, after, p.log)
	case !sameBlock(p.log, after) || !sameBlock(p.documents, after):
		return chains.Page{}, notYet("the facts of the previous block are not executed")
	case p.others.Seq <= after.Seq:
		return chains.Page{}, notYet("the market's other streams are not executed further")
	}
	if view.Head.Seq-p.others.Seq > nearHead {
		return chains.Page{To: p.others}, nil
	}
	page, err := r.ask(ctx, view, after, p.others, limit)
	if errors.Is(err, chains.ErrPruned) || errors.Is(err, chains.ErrNoMethod) {
		r.warn(err)
		return chains.Page{To: p.others}, nil
	}
	return page, err
}

// warnEvery is how often a warning that no endpoint answers calls is repeated.
const warnEvery = time.Hour

// warn logs that the contracts cannot be asked. The stream goes on without facts; once an
// endpoint answers again, all open orders are asked about.
func (r *reader) warn(err error) {
	if time.Since(r.warned) > warnEvery {
		r.warned = time.Now()
		r.log.Warn("no endpoint answers calls of contracts: which orders are fillable is unknown", "reason", err)
	}
}

func sameBlock(a, b markets.Place) bool { return a.Seq == b.Seq && a.Hash == b.Hash }

// mayBeOn says whether a place is on a view's branch, or below it.
func mayBeOn(view *chains.View, p markets.Place) bool {
	s := view.Stand(p)
	return s == chains.On || s == chains.Below
}

// replay reads the facts of the log between two places.
func (r *reader) replay(ctx context.Context, view *chains.View, after, to markets.Place) (chains.Page, error) {
	if !mayBeOn(view, to) {
		return chains.Page{}, notYet("the log is on another branch")
	}
	page := chains.Page{To: to}
	filter := append(r.Ref.Documents(), persistence.Equals("stream", markets.StateStream),
		persistence.Compare{Path: "seq", Operator: persistence.Greater, Operand: after.Seq},
		persistence.Compare{Path: "seq", Operator: persistence.LessOrEqual, Operand: to.Seq})
	log, err := persistence.Collect[markets.Activity](ctx, r.store, persistence.Query{
		Collection: persistence.Activities, Filter: persistence.Filter{Condition: filter},
	})
	if err != nil {
		return chains.Page{}, err
	}
	slices.SortFunc(log, func(a, b markets.Activity) int { return a.Position.Compare(b.Position) })
	for _, a := range log {
		raw, err := rawOf(a)
		if err != nil {
			return chains.Page{}, err
		}
		page.Raws = append(page.Raws, raw)
	}
	return page, nil
}

// ask asks the contracts at the end of a block.
func (r *reader) ask(ctx context.Context, view *chains.View, after, at markets.Place, limit int) (chains.Page, error) {
	now, err := r.asker.TimeAt(ctx, at)
	if err != nil {
		return chains.Page{}, err
	}
	b := block{at, now, at.Seq == view.Head.Seq}
	moved, err := r.touched(ctx, view, after, at)
	if err != nil {
		return chains.Page{}, err
	}
	memory := r.memories.at(after)
	memory.reveal(&moved, view)
	orders, err := r.choose(ctx, &memory, b, &moved, limit)
	if err != nil {
		return chains.Page{}, err
	}
	taken, opened, err := r.takeIn(ctx, b, limit)
	if err != nil {
		return chains.Page{}, err
	}
	orders = append(opened, without(orders, opened)...)
	news, err := r.check(ctx, b, orders)
	if err != nil {
		return chains.Page{}, err
	}
	then, err := r.find(ctx, r.store, view)
	if err != nil {
		return chains.Page{}, err
	}
	memory.hide(moved, at, then.furthest)
	events := append(taken, news...)
	r.count(&memory, b, orders, events)
	page := chains.Page{To: at}
	if page.Raws, err = b.raws(events); err != nil {
		return chains.Page{}, err
	}
	r.memories.put(at, memory)
	return page, nil
}

// without is the orders without those that are opened.
func without(orders, opened []chosen) []chosen {
	return slices.DeleteFunc(orders, func(o chosen) bool {
		return slices.ContainsFunc(opened, func(p chosen) bool { return p.Key == o.Key })
	})
}

// check asks about orders, and returns an event of each whose document says otherwise.
func (r *reader) check(ctx context.Context, b block, orders []chosen) ([]markets.Event, error) {
	asked := make([]markets.Order, len(orders))
	for i, o := range orders {
		asked[i] = o.Order
	}
	answers, err := r.contract.facts(ctx, b, asked)
	if err != nil {
		return nil, err
	}
	var events []markets.Event
	for i, o := range asked {
		if fact := answers[i]; isNews(o, fact) {
			e := markets.Event{Kind: markets.OrderChecked, Order: o.Key, Contract: o.Contract, Fact: &fact}
			if fact.Owner != "" { // the owner is notified of the bid
				e.Maker, e.Token, e.Quantity, e.Price, e.Currency = o.Maker, o.Token, o.Quantity, o.Price, o.Currency
			}
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b markets.Event) int { return cmp.Compare(a.Order, b.Order) })
	return events, nil
}

// isNews says whether a fact tells something that the order's document does not.
func isNews(o markets.Order, fact markets.Fact) bool {
	if o.Checked == nil {
		return true
	}
	if s := fact.State; s != nil && (o.State == nil || *s != *o.State || !o.Status.Alive() && o.Open) {
		return true
	}
	return !fact.Fillable.Same(o.Fillable)
}
