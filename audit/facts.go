package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/facts"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// compareFactsOf asks contracts again for the facts in a market's log, from the newest to
// the oldest, because nodes prune the state of old blocks first. The worker's choice of
// orders and blocks is not audited.
func (a *audit) compareFactsOf(ctx context.Context, of markets.Market) error {
	market := of.Name
	asker, ok := innermost(a.Source).(facts.Asker)
	ref := persistence.MarketRef{Chain: a.Chain, Market: market}
	l := log{a.Docs, ref, markets.StateStream}
	observer, err := l.observer(ctx)
	if errors.Is(err, errNoLog) {
		return nil
	}
	if err != nil {
		return err
	}
	f := &factAudit{audit: a, log: l, result: Stream{Market: market, Stream: markets.StateStream}}
	f.notifies = slices.ContainsFunc(of.Streams, func(s markets.Stream) bool { return s.Notifies })
	f.result.From = max(1, a.From)
	f.result.To = min(observer.Seq, observer.Finalized, a.view.Final.Seq, a.To)
	if ok && a.ID != 0 {
		f.inquirer = facts.NewInquirer(asker, a.ID)
	}
	err = f.run(ctx)
	if f.result.NotAsked > 0 {
		note(&f.result, fmt.Sprintf("%d facts are not compared: %s", f.result.NotAsked, f.notAskedReason()))
	}
	a.others = append(a.others, f.result)
	return err
}

// factAudit is the audit of one market's facts.
type factAudit struct {
	*audit
	log      log
	inquirer *facts.Inquirer // nil if contracts cannot be asked
	pruned   int64           // the newest block whose state no endpoint has; 0 if none is known
	result   Stream
	notifies bool // facts notify owners of offers for their tokens
}

func (f *factAudit) notAskedReason() string {
	switch {
	case f.inquirer == nil:
		return "contracts of this chain cannot be asked"
	case f.pruned > 0:
		return fmt.Sprintf("no endpoint has the state of block %d and earlier blocks; use an archive node", f.pruned)
	}
	return "they are not answers of contracts"
}

// factBlocks is the number of blocks of the log that are read at once.
const factBlocks = 1000

func (f *factAudit) run(ctx context.Context) error {
	for to := f.result.To; to >= f.result.From; to -= factBlocks {
		e, err := f.log.between(ctx, max(to-factBlocks, f.result.From-1), to)
		if err != nil {
			return err
		}
		if err := f.compareDocuments(ctx, e.activities, max(to-factBlocks, f.result.From-1), to); err != nil {
			return err
		}
		slices.SortFunc(e.activities, func(a, b markets.Activity) int { return b.Position.Compare(a.Position) })
		for rest := e.activities; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Seq == rest[0].Seq && rest[n].Block == rest[0].Block {
				n++
			}
			if err := f.block(ctx, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}

// compareDocuments compares the documents of facts.
func (f *factAudit) compareDocuments(ctx context.Context, log []markets.Activity, after, through int64) error {
	d, err := f.documentsOf(ctx, f.result.Market)
	if err != nil || d == nil {
		return err
	}
	below := func(height int64) int64 { return max(0, height-1) }
	return d.comparePage(ctx, page{
		log: f.log, activities: log, after: after, through: through, notifies: f.notifies,
		within: func(int64) bool { return true }, before: below, beforeEvent: below, result: &f.result,
	})
}

// block compares the facts of one block.
func (f *factAudit) block(ctx context.Context, all []markets.Activity) error {
	checked := slices.DeleteFunc(slices.Clone(all), func(a markets.Activity) bool { return a.Kind != markets.OrderChecked || a.Fact == nil })
	f.result.NotAsked += int64(len(all) - len(checked))
	if len(checked) == 0 {
		return nil
	}
	if f.inquirer == nil || f.pruned > 0 {
		f.result.NotAsked += int64(len(checked))
		return nil
	}
	orders := make([]markets.Order, len(checked))
	for i, a := range checked {
		var err error
		if orders[i], err = f.order(ctx, a); err != nil {
			return err
		}
	}
	at := markets.Place{Seq: checked[0].Seq, Hash: checked[0].Block}
	var said []markets.Fact
	err := f.retry(ctx, fmt.Sprintf("asking contracts about block %d", at.Seq), func() (err error) {
		if said, err = f.inquirer.Ask(ctx, at, orders); errors.Is(err, chains.ErrReorganised) {
			said, err = nil, nil // the block was replaced
		}
		return err
	})
	if errors.Is(err, chains.ErrPruned) || errors.Is(err, chains.ErrNoMethod) {
		f.pruned = at.Seq
		f.result.NotAsked += int64(len(checked))
		return nil
	}
	if err != nil {
		return err
	}
	for i, a := range checked {
		if said == nil {
			d := f.difference(a)
			d.Note = "the block is not on the chain"
			f.addDifference(&f.result, d)
		} else if err := f.compare(a, said[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *factAudit) difference(a markets.Activity) Difference {
	d := ofActivity(Different, a)
	d.Market, d.Stream, d.Before = f.result.Market, f.result.Stream, max(0, a.Seq-1)
	return d
}

// compare compares a fact with the contracts' current answer for the same block. Fillable
// is compared only if both are known.
func (f *factAudit) compare(a markets.Activity, said markets.Fact) error {
	logged := *a.Fact
	logged.Owner, said.Owner = "", ""
	if logged.State == nil || logged.State.Height != 0 || said.State == nil {
		logged.State, said.State = nil, nil
	}
	if logged.Fillable == nil || said.Fillable == nil || logged.Fillable.Answer == markets.Unknown || said.Fillable.Answer == markets.Unknown {
		logged.Fillable, said.Fillable = nil, nil
	}
	if logged.State == nil && logged.Fillable == nil {
		f.result.NotAsked++
		return nil
	}
	l, err := json.Marshal(logged)
	if err != nil {
		return err
	}
	c, err := json.Marshal(said)
	if err != nil {
		return err
	}
	d := f.difference(a)
	if d.Fields, err = differing(l, c); err != nil {
		return err
	}
	if len(d.Fields) == 0 {
		count(&f.result.AuditCounts, agreed)
		count(&f.total, agreed)
		return nil
	}
	for i := range d.Fields {
		d.Fields[i].Path = "fact." + d.Fields[i].Path
	}
	f.addDifference(&f.result, d)
	return nil
}

// order folds a fact's order from the events before the fact. Bulk cancels are left out:
// they do not change the terms that contracts are asked about.
func (f *factAudit) order(ctx context.Context, a markets.Activity) (markets.Order, error) {
	where := append(f.log.ref.Documents(), persistence.Equals("order", a.Order))
	own, err := persistence.Collect[markets.Activity](ctx, f.Docs, persistence.Query{Collection: persistence.Activities, Filter: persistence.Filter{Condition: where}})
	if err != nil {
		return markets.Order{}, err
	}
	var events []markets.Event
	for _, b := range own {
		if b.Position.Compare(a.Position) < 0 {
			events = append(events, b.Event)
		}
	}
	slices.SortFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	o, _ := markets.FoldOrder(a.Chain, a.Market, a.Order, events)
	if o.Contract == "" {
		o.Contract = a.Contract
	}
	return o, nil
}
