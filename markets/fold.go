package markets

import "slices"

// folder folds documents on one snapshot of the book.
type folder struct {
	Transition
	Book
	executed map[string]int64 // the seq up to which each stream counts
	anyBulk  bool             // the log has bulk cancels
}

func (t Transition) folder(b Book) (folder, error) {
	places, err := b.Places()
	if err != nil {
		return folder{}, err
	}
	bulk, err := b.BulkCancels()
	if err != nil {
		return folder{}, err
	}
	executed := map[string]int64{}
	for stream, seq := range places {
		executed[stream] = seq
	}
	executed[t.Stream] = t.To.Seq
	return folder{Transition: t, Book: b, executed: executed, anyBulk: bulk}, nil
}

// fold folds the documents that the events concern, from the cursor on, about
// budget of them, and returns how many those were.
func (f folder) fold(events []Event, c Cursor, budget int) (int, Cursor, error) {
	orders, records, bulks := concerned(events)
	used := 0
	if rest := orders.from(c.keys, budget); len(rest) > 0 {
		if err := f.foldOrders(rest); err != nil {
			return 0, c, err
		}
		used, c.keys = len(rest), c.keys+len(rest)
	}
	if rest := records.from(c.keys-len(orders), budget-used); len(rest) > 0 {
		if err := f.foldRecords(rest); err != nil {
			return 0, c, err
		}
		used, c.keys = used+len(rest), c.keys+len(rest)
	}
	for used < budget && c.bulk < len(bulks) {
		n, last, err := f.cancelInBulk(bulks[c.bulk], c.from, budget-used)
		if err != nil {
			return 0, c, err
		}
		used, c.from = used+n, last
		if last == "" {
			c.bulk++
		}
	}
	c.Done = c.keys == len(orders)+len(records) && c.bulk == len(bulks)
	return used, c, nil
}

// concern is a document's key and those of a page's events that concern it.
type concern struct {
	key    string
	events []Event
}

type concerns []concern

// from is up to limit concerns from index i on.
func (cs concerns) from(i, limit int) concerns {
	if i < 0 || i >= len(cs) || limit <= 0 {
		return nil
	}
	return cs[i:min(len(cs), i+limit)]
}

// concerned sorts events by what they concern.
func concerned(events []Event) (orders, records concerns, bulks []Event) {
	at := map[string]int{}
	add := func(cs *concerns, e Event) {
		key := e.Key()
		i, ok := at[key]
		if !ok {
			i = len(*cs)
			at[key] = i
			*cs = append(*cs, concern{key: key})
		}
		(*cs)[i].events = append((*cs)[i].events, e)
	}
	for _, e := range events {
		switch {
		case e.Kind == SignedRefused:
		case e.Order != "":
			add(&orders, e)
		case e.Kind == OrdersCancelled:
			bulks = append(bulks, e)
		case e.Record != nil:
			add(&records, e)
		}
	}
	return orders, records, bulks
}

// foldOrders leaves each order the fold of what is executed: on top of its
// document where that gives the same, from the log where it does not.
func (f folder) foldOrders(cs concerns) error {
	docs, err := f.Orders(keys(cs))
	if err != nil {
		return err
	}
	var names []string
	for _, c := range cs {
		names = append(names, cancelKeys(docs[c.key], c.events)...)
	}
	bulks, err := f.bulksOf(names)
	if err != nil {
		return err
	}
	var put []Order
	var again []string
	for _, c := range cs {
		doc, known := docs[c.key]
		first := c.events[0].Position
		cancels := merged(bulks, cancelKeys(doc, c.events))
		switch {
		case f.Kind == RollbackTransition, known && !first.After(doc.Last), anyAfter(cancels, first), !known && f.factsAfter(first):
			again = append(again, c.key)
		case known:
			for _, e := range c.events {
				doc.Apply(e)
				doc.cancelUsed(cancels)
			}
			put = append(put, doc)
		default:
			doc, _ = FoldOrder(f.Chain, f.Market, c.key, append(cancels, c.events...))
			put = append(put, doc)
		}
	}
	if err := f.PutOrders(put); err != nil {
		return err
	}
	return f.refoldOrders(again)
}

// factsAfter says whether the log may have facts after a position: of an order that has no
// document, because facts alone make none. They may be among the events of the batch.
func (f folder) factsAfter(p Position) bool {
	read, ok := f.executed[StateStream]
	return ok && read >= p.Height
}

// refoldOrders folds orders from the log.
func (f folder) refoldOrders(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	own, err := f.executedLog(keys)
	if err != nil {
		return err
	}
	var names []string
	for _, events := range own {
		names = append(names, cancelKeys(Order{}, events)...)
	}
	bulks, err := f.bulksOf(names)
	if err != nil {
		return err
	}
	var put []Order
	var gone []string
	for _, key := range keys {
		events := append(merged(bulks, cancelKeys(Order{}, own[key])), own[key]...)
		slices.SortFunc(events, byPosition)
		if order, born := FoldOrder(f.Chain, f.Market, key, events); born {
			put = append(put, order)
		} else {
			gone = append(gone, key)
		}
	}
	if err := f.PutOrders(put); err != nil {
		return err
	}
	return f.DeleteOrders(gone)
}

// foldRecords does for records what foldOrders does for orders.
func (f folder) foldRecords(cs concerns) error {
	docs, err := f.Records(keys(cs))
	if err != nil {
		return err
	}
	var put []Record
	var again, gone []string
	for _, c := range cs {
		doc, known := docs[c.key]
		switch {
		case f.Kind == RollbackTransition, known && !c.events[0].Position.After(doc.Last):
			again = append(again, c.key)
		case known:
			for _, e := range c.events {
				doc.Apply(e)
			}
			put = append(put, doc)
		default:
			doc, _ = FoldRecord(f.Chain, f.Market, c.events)
			put = append(put, doc)
		}
	}
	log, err := f.executedLog(again)
	if err != nil {
		return err
	}
	for _, key := range again {
		if record, ok := FoldRecord(f.Chain, f.Market, log[key]); ok {
			put = append(put, record)
		} else {
			gone = append(gone, key)
		}
	}
	if err := f.PutRecords(put); err != nil {
		return err
	}
	return f.DeleteRecords(gone)
}

// cancelInBulk folds a bulk cancel, or its absence, into up to limit of its
// maker's orders behind a key. It returns how many it looked at and the key of
// the last one, empty when there are no more.
func (f folder) cancelInBulk(e Event, after string, limit int) (int, string, error) {
	orders, err := f.OrdersOf(e.Maker, e.Nonce, after, limit)
	if err != nil {
		return 0, "", err
	}
	var put []Order
	var again []string
	for _, o := range orders {
		switch {
		case !o.namedBy(&e), !e.byNonce() && o.First.After(e.Position):
		case f.Kind == RollbackTransition || !e.Position.After(o.Last):
			again = append(again, o.Key)
		case o.Apply(e):
			put = append(put, o)
		}
	}
	if err := f.PutOrders(put); err != nil {
		return 0, "", err
	}
	if err := f.refoldOrders(again); err != nil {
		return 0, "", err
	}
	if len(orders) < limit {
		return len(orders), "", nil
	}
	return len(orders), orders[len(orders)-1].Key, nil
}

// executedLog is what is executed of the log of each key, by position.
func (f folder) executedLog(keys []string) (map[string][]Event, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	events, err := f.Log(keys)
	if err != nil {
		return nil, err
	}
	log := map[string][]Event{}
	for _, e := range events {
		if seq, ok := f.executed[e.Stream]; ok && e.Seq <= seq {
			log[e.Key()] = append(log[e.Key()], e)
		}
	}
	for _, events := range log {
		slices.SortFunc(events, byPosition)
	}
	return log, nil
}

// bulksOf is the executed bulk cancels of each key, by position.
func (f folder) bulksOf(keys []string) (map[string][]Event, error) {
	if !f.anyBulk {
		return nil, nil
	}
	slices.Sort(keys)
	return f.executedLog(slices.Compact(keys))
}

func byPosition(a, b Event) int { return a.Position.Compare(b.Position) }

func keys(cs concerns) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.key
	}
	return out
}

// merged is the bulk cancels of several keys, by position.
func merged(bulks map[string][]Event, keys []string) []Event {
	var out []Event
	for _, key := range keys {
		out = append(out, bulks[key]...)
	}
	slices.SortFunc(out, byPosition)
	return out
}

// anyAfter says whether any of the events comes after a position.
func anyAfter(events []Event, p Position) bool {
	return slices.ContainsFunc(events, func(e Event) bool { return e.Position.After(p) })
}
