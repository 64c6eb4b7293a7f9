package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Documents is the result of comparing a collection with a market's log.
type Documents = persistence.AuditDocuments

const (
	maxSeen     = 1 << 22 // compared documents that are remembered
	maxUnseen   = 100_000 // documents that are compared after one pass over the collection
	maxRefolds  = 100_000 // keys of differing documents that are remembered for a repair
	concurrency = 4       // documents that are compared concurrently
)

// documentAudit compares the documents of a market with the fold of its log. The documents
// that the log yields are compared page by page, along with the log; the others follow at
// the end.
type documentAudit struct {
	*audit
	market  string
	checker *explain.Checker

	seed      maphash.Seed
	seen      map[uint64]struct{} // hashes of the keys that were compared
	forgotten bool                // seen was cleared because it was full

	orders, records, notices Documents
	refolds                  []string          // keys of orders and records that differ
	firstSeqs                map[string]*int64 // see firstSeq, by stream
}

// documentsOf returns the comparison of a market's documents; nil if they are not compared.
func (a *audit) documentsOf(ctx context.Context, market string) (*documentAudit, error) {
	if a.LogOnly {
		return nil, nil
	}
	if d := a.documents[market]; d != nil {
		return d, nil
	}
	d := &documentAudit{
		audit: a, market: market, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, firstSeqs: map[string]*int64{},
		orders: Documents{Market: market, Collection: persistence.Orders}, records: Documents{Market: market, Collection: persistence.Records},
		notices: Documents{Market: market, Collection: persistence.Notifications},
	}
	for _, before := range a.ResumeDocuments {
		switch {
		case before.Market != market:
		case before.Collection == persistence.Orders: // existing documents are compared again at the end
			d.orders.Compared, d.orders.Missing = before.Missing, before.Missing
		case before.Collection == persistence.Records:
			d.records.Compared, d.records.Missing = before.Missing, before.Missing
		case before.Collection == persistence.Notifications:
			d.notices = before
		}
	}
	var err error
	d.checker, err = explain.NewChecker(ctx, a.Docs, persistence.MarketRef{Chain: a.Chain, Market: market})
	a.documents[market] = d
	return d, err
}

// comparePage compares the documents of the activities in a page of a stream's log.
func (d *documentAudit) comparePage(ctx context.Context, p page) error {
	if err := d.checker.Refresh(ctx); err != nil {
		return err
	}
	var keys []explain.Key
	for _, a := range p.activities {
		if k, ok := explain.KeyOf(a.Event); ok && p.within(a.Position.Height) && d.markSeen(k) {
			keys = append(keys, k)
		}
	}
	if err := d.compare(ctx, keys); err != nil {
		return err
	}
	return d.compareNotifications(ctx, p)
}

// markSeen remembers that a document is compared; false if it was compared before.
func (d *documentAudit) markSeen(k explain.Key) bool {
	kind := "order "
	if k.Record {
		kind = "record "
	}
	sum := maphash.String(d.seed, kind+k.Key)
	if _, was := d.seen[sum]; was {
		return false
	}
	if len(d.seen) >= maxSeen {
		clear(d.seen)
		d.forgotten = true
	}
	d.seen[sum] = struct{}{}
	return true
}

// compare compares documents with their log.
func (d *documentAudit) compare(ctx context.Context, keys []explain.Key) error {
	checks := make([]explain.Check, len(keys))
	failures := make([]error, len(keys))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for i, k := range keys {
		group.Go(func() error {
			check, err := d.checker.Look(within, k)
			if err == nil && !check.Agrees() {
				check, err = d.checker.Settled(within, k)
			}
			if errors.Is(err, explain.ErrTooLong) || errors.Is(err, explain.ErrChanging) {
				failures[i], err = err, nil
			}
			checks[i] = check
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, k := range keys {
		if failures[i] != nil {
			d.note(fmt.Sprintf("%s/%s: a document is not compared: %v", d.Chain, d.market, failures[i]))
			continue
		}
		d.add(k, checks[i])
	}
	return nil
}

// add counts a document and reports its difference.
func (d *documentAudit) add(k explain.Key, c explain.Check) {
	of := &d.orders
	if k.Record {
		of = &d.records
	}
	if c.Exists || c.Made {
		of.Compared++
	}
	if c.Agrees() {
		return
	}
	diff := Difference{Kind: Different, Market: d.market, Collection: of.Collection, Order: k.Key, Position: c.Last}
	switch {
	case !c.Exists:
		diff.Kind = Missing
	case !c.Made:
		diff.Kind = Extra
	default:
		for _, change := range c.Changes {
			diff.Fields = append(diff.Fields, fieldsOf(change)...)
		}
	}
	if len(d.refolds) < maxRefolds {
		d.refolds = append(d.refolds, k.Key)
	} else {
		d.note(fmt.Sprintf("%s/%s: more than %d documents differ: verify again after the repair", d.Chain, d.market, maxRefolds))
	}
	d.addDocument(of, diff)
}

// fieldsOf splits the change of a field into its inner fields that differ.
func fieldsOf(c explain.Change) (all []Field) {
	if c.From == nil || c.To == nil {
		return []Field{{Path: c.Field, Log: c.To, Document: c.From}}
	}
	fields, err := differing(c.To, c.From)
	if err != nil || len(fields) == 0 {
		return []Field{{Path: c.Field, Log: c.To, Document: c.From}}
	}
	for _, f := range fields {
		path := c.Field
		if f.Path != "" {
			path += "." + f.Path
		}
		all = append(all, Field{Path: path, Log: f.Log, Document: f.Chain})
	}
	return all
}

// addDocument counts and reports a document that differs.
func (d *documentAudit) addDocument(of *Documents, diff Difference) {
	switch diff.Kind {
	case Missing:
		of.Missing++
	case Extra:
		of.Extra++
	default:
		of.Different++
	}
	if d.Found != nil {
		d.Found(diff)
	}
}

// extras compares the documents that no page of the log has named, in passes over the
// collections until all of them were compared.
func (d *documentAudit) extras(ctx context.Context) error {
	if d.Stream != "" {
		return nil
	}
	if err := d.checker.Refresh(ctx); err != nil {
		return err
	}
	for _, record := range []bool{false, true} {
		for {
			keys, err := d.unseen(ctx, record)
			if err != nil {
				return err
			}
			for part := range slices.Chunk(keys, d.Events) {
				if err := d.compare(ctx, part); err != nil {
					return err
				}
			}
			if len(keys) < maxUnseen {
				break
			}
			if d.forgotten {
				d.note(fmt.Sprintf("%s/%s: there are too many documents: some without events were not compared", d.Chain, d.market))
				break
			}
		}
	}
	return nil
}

// unseen returns the keys of up to maxUnseen documents that were not compared yet, and
// marks them as seen.
func (d *documentAudit) unseen(ctx context.Context, record bool) (keys []explain.Key, err error) {
	collection := persistence.Orders
	if record {
		collection = persistence.Records
	}
	q := persistence.Query{Collection: collection, Filter: persistence.Filter{Condition: persistence.MarketRef{Chain: d.Chain, Market: d.market}.Documents()}}
	for doc, err := range d.Docs.Query(ctx, q) {
		if err != nil {
			return nil, err
		}
		k, height, err := keyOfDocument(doc, record)
		if err != nil {
			return nil, err
		}
		if (d.From > 0 && height < d.From) || height > d.DocumentsTo || !d.markSeen(k) {
			continue
		}
		if keys = append(keys, k); len(keys) == maxUnseen {
			break
		}
	}
	return keys, nil
}

// note adds a note to the report unless it has it.
func (a *audit) note(text string) {
	if !slices.Contains(a.notes, text) {
		a.notes = append(a.notes, text)
	}
}

// allDocuments returns the results of all collections with documents.
func (a *audit) allDocuments() (all []Documents) {
	for _, m := range a.Markets {
		d := a.documents[m.Name]
		if d == nil {
			continue
		}
		for _, of := range []Documents{d.orders, d.records, d.notices} {
			if of.Compared > 0 || of.Differ() > 0 {
				all = append(all, of)
			}
		}
	}
	return all
}

// page is a page of a stream's log whose documents are compared.
type page struct {
	log
	activities     []markets.Activity
	after, through int64 // seqs
	notifies       bool
	// within, before and beforeEvent are those of a comparison.
	within              func(height int64) bool
	before, beforeEvent func(int64) int64
	result              *Stream
}
