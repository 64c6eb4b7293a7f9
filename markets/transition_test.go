package markets

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// memory is a book in memory. It counts what a transition reads and writes.
type memory struct {
	places        map[string]int64
	log           []Event
	orders        map[string]Order
	records       map[string]Record
	reads, writes int
}

func newMemory() *memory {
	return &memory{places: map[string]int64{}, orders: map[string]Order{}, records: map[string]Record{}}
}

func (m *memory) Places() (map[string]int64, error) { return m.places, nil }

func (m *memory) Orders(keys []string) (map[string]Order, error) {
	out := map[string]Order{}
	for _, k := range keys {
		if o, ok := m.orders[k]; ok {
			out[k] = o
		}
	}
	m.reads += len(keys)
	return out, nil
}

func (m *memory) OrdersOf(maker string, nonce Amount, after string, limit int) ([]Order, error) {
	var out []Order
	for _, k := range slices.Sorted(maps.Keys(m.orders)) {
		if o := m.orders[k]; o.Maker == maker && (nonce == "" || o.Nonce == nonce) && k > after && len(out) < limit {
			out = append(out, o)
		}
	}
	return out, nil
}

func (m *memory) Records(keys []string) (map[string]Record, error) {
	out := map[string]Record{}
	for _, k := range keys {
		if r, ok := m.records[k]; ok {
			out[k] = r
		}
	}
	return out, nil
}

func (m *memory) Log(keys []string) ([]Event, error) {
	var out []Event
	for _, e := range m.log {
		if slices.Contains(keys, e.Key()) {
			out = append(out, e)
			m.reads++
		}
	}
	return out, nil
}

func (m *memory) LogBetween(stream string, after, through int64, from Position, limit int) ([]Event, error) {
	var out []Event
	for _, e := range m.log {
		if e.Stream == stream && e.Seq > after && e.Seq <= through && e.Position.After(from) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, byPosition)
	return out[:min(len(out), limit)], nil
}

func (m *memory) BulkCancels() (bool, error) {
	return slices.ContainsFunc(m.log, func(e Event) bool { return e.Kind == OrdersCancelled }), nil
}

func (m *memory) PutOrders(orders []Order) error {
	for _, o := range orders {
		m.orders[o.Key] = o
	}
	m.writes += len(orders)
	return nil
}

func (m *memory) DeleteOrders(keys []string) error {
	for _, k := range keys {
		delete(m.orders, k)
	}
	return nil
}

func (m *memory) PutRecords(records []Record) error {
	for _, r := range records {
		m.records[RecordKey(r.Type, r.Key)] = r
	}
	return nil
}

func (m *memory) DeleteRecords(keys []string) error {
	for _, k := range keys {
		delete(m.records, k)
	}
	return nil
}

// plain is the documents that all of the executed events make: the fold, without
// any of the machinery.
func (m *memory) plain() (map[string]Order, map[string]Record) {
	var executed []Event
	for _, e := range m.log {
		if seq, ok := m.places[e.Stream]; ok && e.Seq <= seq {
			executed = append(executed, e)
		}
	}
	slices.SortFunc(executed, byPosition)
	orders, records := map[string]Order{}, map[string]Record{}
	keys := map[string]bool{}
	for _, e := range executed {
		if e.Order != "" {
			keys[e.Order] = true
		}
	}
	for key := range keys {
		var mine []Event
		for _, e := range executed {
			if e.Order == key || e.Kind == OrdersCancelled {
				mine = append(mine, e)
			}
		}
		if o, born := FoldOrder("chain", "market", key, mine); born {
			orders[key] = o
		}
	}
	for _, e := range executed {
		if e.Record == nil {
			continue
		}
		key := RecordKey(e.Record.Type, e.Record.Key)
		r, ok := records[key]
		if !ok {
			r = Record{Chain: "chain", Market: "market", Type: e.Record.Type, Key: e.Record.Key}
		}
		r.Apply(e)
		records[key] = r
	}
	return orders, records
}

// fault says how the documents differ from the plain fold.
func (m *memory) fault() string {
	orders, records := m.plain()
	if !equal(m.orders, orders) {
		return fmt.Sprintf("orders are\n%sthe plain fold is\n%slog\n%splaces %v", show(m.orders), show(orders), showLog(m.log), m.places)
	}
	if !equal(m.records, records) {
		return fmt.Sprintf("records are\n%sthe plain fold is\n%s", show(m.records), show(records))
	}
	return ""
}

func equal[T any](a, b map[string]T) bool { return show(a) == show(b) }

func show[T any](m map[string]T) string {
	out := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out += fmt.Sprintf("  %s %s\n", k, line(m[k]))
	}
	return out
}

func showLog(log []Event) string {
	slices.SortFunc(log, byPosition)
	out := ""
	for _, e := range log {
		out += fmt.Sprintf("  %v seq %d %s %s %s %s %s\n", e.Position, e.Seq, e.Stream, e.Kind, e.Order, e.Maker, e.Quantity+"/"+e.Nonce+"/"+e.Below)
	}
	return out
}

// line shows a document with the times and not their addresses.
func line(doc any) string {
	if o, ok := doc.(Order); ok {
		at := func(t *time.Time) int64 {
			if t == nil {
				return 0
			}
			return t.Unix()
		}
		times := []int64{at(o.ListedAt), at(o.FilledAt), at(o.SoldAt), at(o.CanceledAt), at(o.ExpiresAt)}
		o.ListedAt, o.FilledAt, o.SoldAt, o.CanceledAt, o.ExpiresAt = nil, nil, nil, nil, nil
		state, checked, fillable := fmt.Sprintf("%+v", o.State), fmt.Sprintf("%+v", o.Checked), ""
		if f := o.Fillable; f != nil {
			fillable = fmt.Sprintf("%s %s since %v %d", f.Answer, f.Reasons, *f.Since, at(f.Time))
		}
		o.State, o.Checked, o.Fillable = nil, nil, nil
		listed := o.Parameters != nil
		o.Parameters = nil
		return fmt.Sprintf("%+v %v %s %s %s %v", o, times, state, checked, fillable, listed)
	}
	return fmt.Sprintf("%+v", doc)
}

// history is a random chain of events of several streams, by position: few
// orders and makers, so that everything meets everything.
func history(r *rand.Rand) []Event {
	height := int64(1)
	var out []Event
	for i := range 1 + r.IntN(30) {
		height += int64(r.IntN(3))
		e := Event{
			Stream:   pick(r, "list", "buy", "delist", "bulk", "records", StateStream),
			Seq:      height,
			Position: Position{Height: height, Log: int32(i)},
			Time:     time.Unix(height, 0).UTC(),
			Order:    pick(r, "order0", "order1"),
			Maker:    pick(r, "maker", "maker", "maker", "other"),
			Contract: pick(r, "", "", "1.4", "1.5"),
			Quantity: pick[Amount](r, "1", "2", "3"),
			Price:    "10",
			Nonce:    pick[Amount](r, "", "1", "2", "10"),
		}
		switch e.Stream {
		case "list":
			e.Kind = pick(r, Listed, Listed, OfferMade, OrderChanged)
			e.Quantity = pick(r, "", e.Quantity.Plus("2"))
			if e.Fixed = r.IntN(2) == 0; e.Fixed && e.Quantity.Known() {
				e.Parameters = &Parameters{Offerer: e.Maker}
			}
			e.Side = e.Kind.Side()
		case "buy":
			e.Kind = pick(r, Bought, Matched, OfferAccepted, TokenMinted)
			e.Partial = r.IntN(2) == 0
			e.Maker = pick(r, "", e.Maker)
		case "delist":
			e.Kind = pick(r, Delisted, OfferCancelled, OfferRejected)
		case "bulk":
			e.Kind, e.Order, e.Side = OrdersCancelled, "", pick(r, "", "", Ask, Bid)
			if e.Below = pick[Amount](r, "", "", "2", "11"); e.Below.Known() {
				e.Nonce = ""
			}
		case "records":
			e.Kind = pick(r, Recorded, Recorded, RecordRemoved)
			e.Record = &RecordChange{Type: "gallery", Key: e.Order, Fields: map[string]any{fmt.Sprint(i % 3): i}}
			e.Order = ""
		case StateStream:
			e.Kind, e.Maker, e.Quantity, e.Price = OrderChecked, "", "", ""
			e.Fact = drawFact(r, height)
		}
		out = append(out, e)
	}
	return out
}

// drawFact draws a fact, whether or not it makes sense.
func drawFact(r *rand.Rand, height int64) *Fact {
	var f Fact
	if r.IntN(4) > 0 {
		f.State = &ContractState{Cancelled: r.IntN(3) == 0, Filled: pick[Amount](r, "", "0", "1", "2"), Size: pick[Amount](r, "", "0", "2")}
		if r.IntN(3) == 0 {
			f.State.Height = height + int64(r.IntN(5))
		}
	}
	if r.IntN(2) == 0 {
		f.Fillable = &Fillability{Answer: pick(r, Answers()...), Reasons: []Reason{pick(r, NotOwner, CounterRisen)}}
	}
	return &f
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// Whatever the streams' order of arrival, the split into batches, rollbacks,
// interruptions, repetitions and events that come late: at every moment the
// documents are the plain fold of what the streams have executed.
func TestDocumentsAreAlwaysTheFoldOfTheExecuted(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := newWorld(history(r), r)
		for range 40 {
			stream := pick(r, "list", "buy", "delist", "bulk", "records", StateStream)
			var did string
			switch r.IntN(6) {
			case 0:
				did = w.back(t, stream)
			case 1:
				did = w.retry(t)
			default:
				did = w.forward(t, stream)
			}
			if fault := w.fault(); fault != "" {
				t.Fatalf("seed %d: after %s: %s", seed, did, fault)
			}
		}
	}
}

// world is a chain of events and a book that follows it as the actors would.
type world struct {
	*memory
	r     *rand.Rand
	all   []Event
	dead  map[Position]bool // cannot be decoded yet, so not in the log
	inLog map[string]int64  // how far the log has each stream
}

func newWorld(all []Event, r *rand.Rand) *world {
	w := &world{memory: newMemory(), r: r, all: all, dead: map[Position]bool{}, inLog: map[string]int64{}}
	for _, e := range all {
		w.dead[e.Position] = r.IntN(6) == 0
	}
	return w
}

// batch is a stream's events in (after, through], as far as they can be decoded.
func (w *world) batch(stream string, after, through int64) []Event {
	var out []Event
	for _, e := range w.all {
		if e.Stream == stream && e.Seq > after && e.Seq <= through && !w.dead[e.Position] {
			out = append(out, e)
		}
	}
	return out
}

func (w *world) forward(t *testing.T, stream string) string {
	from := w.places[stream]
	to := min(w.all[len(w.all)-1].Seq, from+1+int64(w.r.IntN(10)))
	if to <= from {
		return "nothing"
	}
	if to > w.inLog[stream] {
		w.log = append(w.log, w.batch(stream, w.inLog[stream], to)...)
		w.inLog[stream] = to
	}
	w.run(t, batchOf(stream, from, to, w.batch(stream, from, to)...))
	return fmt.Sprintf("%s forward from %d to %d", stream, from, to)
}

func (w *world) back(t *testing.T, stream string) string {
	from := w.places[stream]
	to := max(0, from-int64(w.r.IntN(10)))
	w.run(t, rollbackOf(stream, from, to))
	if w.r.IntN(2) == 0 {
		w.log = slices.DeleteFunc(w.log, func(e Event) bool { return e.Stream == stream && e.Seq > to })
		w.inLog[stream] = to
	}
	return fmt.Sprintf("%s back from %d to %d", stream, from, to)
}

// retry is a dead letter that can be decoded at last, once its stream is past it.
func (w *world) retry(t *testing.T) string {
	e := pick(w.r, w.all...)
	place, started := w.places[e.Stream]
	if !w.dead[e.Position] || !started || e.Seq > place {
		return "nothing"
	}
	w.dead[e.Position] = false
	w.log = append(w.log, e)
	w.run(t, batchOf(e.Stream, place, place, e))
	return fmt.Sprintf("retry of %v", e.Position)
}

func batchOf(stream string, from, to int64, events ...Event) Transition {
	return Transition{BatchTransition, "chain", "market", stream, Place{Seq: from}, Place{Seq: to}, &Batch{Events: events}}
}

func rollbackOf(stream string, from, to int64) Transition {
	return Transition{RollbackTransition, "chain", "market", stream, Place{Seq: from}, Place{Seq: to}, nil}
}

// run makes a transition in portions, sometimes broken off and begun again; what an
// interrupted batch has left to do is read from the log.
func (w *world) run(t *testing.T, tr Transition) {
	for w.r.IntN(3) == 0 {
		w.steps(t, tr, pick(w.r, 1, 2, 3), w.r.IntN(3))
		if tr.Kind == BatchTransition && tr.To.Seq > tr.From.Seq {
			tr.Kind, tr.Batch = ResumeTransition, nil
		}
	}
	w.steps(t, tr, pick(w.r, 1, 2, 3, 1000), -1)
	w.places[tr.Stream] = tr.To.Seq
}

func (m *memory) steps(t *testing.T, tr Transition, portion, steps int) {
	var c Cursor
	for i := 0; !c.Done && i != steps; i++ {
		next, err := tr.Step(m, c, portion)
		if err != nil {
			t.Fatal(err)
		}
		c = next
	}
}

// A bulk cancel that reaches more orders than fit one commit is made in portions.
func TestLargeBulkCancelsAreMadeInPortions(t *testing.T) {
	const portion = 100
	m := newMemory()
	for i := range 2*portion + 5 {
		e := Event{Kind: Listed, Stream: "list", Seq: 1, Position: Position{Height: 1, Log: int32(i)}, Order: fmt.Sprintf("%05d", i), Maker: "m"}
		m.log = append(m.log, e)
		m.orders[e.Order], _ = FoldOrder("chain", "market", e.Order, []Event{e})
	}
	m.places["list"] = 1
	bulk := Event{Kind: OrdersCancelled, Stream: "bulk", Seq: 2, Position: Position{Height: 2}, Maker: "m"}
	m.log = append(m.log, bulk)
	forward := batchOf("bulk", 0, 2, bulk)
	back := rollbackOf("bulk", 2, 0)
	for _, c := range []struct {
		Transition
		want Status
	}{{forward, Canceled}, {back, Listing}} {
		m.writes = 0
		if m.steps(t, c.Transition, portion, 1); m.writes > portion {
			t.Fatalf("%d writes in a portion of %d", m.writes, portion)
		}
		m.steps(t, c.Transition, portion, -1)
		m.places["bulk"] = c.To.Seq
		for key, o := range m.orders {
			if o.Status != c.want {
				t.Fatalf("%s is %s, want %s", key, o.Status, c.want)
			}
		}
	}
}

func TestAnOrderWithManyFillsStaysSmallAndCheap(t *testing.T) {
	m := newMemory()
	at := func(i int) Position { return Position{Height: int64(i)} }
	huge := AmountOf(maxAmount())
	step := func(stream string, e Event) {
		e.Stream, e.Seq, e.Order = stream, e.Position.Height, "order"
		m.log = append(m.log, e)
		c, err := batchOf(stream, e.Seq-1, e.Seq, e).Step(m, Cursor{}, 100)
		if err != nil || !c.Done {
			t.Fatal(err, c)
		}
		m.places[stream] = e.Seq
	}
	step("list", Event{Kind: Listed, Position: at(1), Maker: "m", Quantity: "10000", Price: huge})
	m.reads, m.writes = 0, 0
	for i := range 10_000 {
		step("buy", Event{Kind: Bought, Position: at(2 + i), Partial: true, Quantity: "1", Price: "1"})
	}
	if m.reads != 10_000 || m.writes != 10_000 {
		t.Errorf("%d reads and %d writes, want one of each a fill", m.reads, m.writes)
	}
	o := m.orders["order"]
	if o.Status != Sold || o.Filled != "10000" || o.Paid != "10000" || o.Price != huge {
		t.Errorf("order is %+v", o)
	}
	if size := len(line(o)); size > 1000 {
		t.Errorf("the document has %d bytes", size)
	}
}

func TestAmountsStayExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{1,90}`)
		a, errA := ParseAmount(digits.Draw(t, "a"))
		b, errB := ParseAmount(digits.Draw(t, "b"))
		if errA != nil || errB != nil {
			t.Skip()
		}
		x, y := bigOf(a), bigOf(b)
		if got := sign(a.Cmp(b)); got != x.Cmp(y) {
			t.Fatalf("%s Cmp %s = %d", a, b, got)
		}
		if got := cmp.Compare(a.Sortable(), b.Sortable()); got != x.Cmp(y) {
			t.Fatalf("%s sorts %d to %s", a.Sortable(), got, b.Sortable())
		}
		want := x.Add(x, y)
		if limit := bigOf(AmountOf(maxAmount())); want.Cmp(limit) > 0 {
			want = limit
		}
		if got := a.Plus(b); string(got) != want.String() {
			t.Fatalf("%s + %s = %s, want %s", a, b, got, want)
		}
	})
}

// A trail stays short, keeps its start and its end, and among its places is one
// not much deeper than any depth asked for.
func TestTrailsStayShortAndReachDeep(t *testing.T) {
	var trail Trail
	for i := range int64(100_000) {
		trail = trail.Push(Place{Seq: i, Hash: fmt.Sprint(i)})
		if len(trail) > 100 {
			t.Fatalf("%d places at %d", len(trail), i)
		}
	}
	end := trail[len(trail)-1].Seq
	if trail[0].Seq != 0 || end != 99_999 {
		t.Fatalf("trail runs from %d to %d", trail[0].Seq, end)
	}
	for depth := int64(1); depth < 99_999; depth += 97 {
		i, found := slices.BinarySearchFunc(trail, end-depth, func(p Place, seq int64) int { return cmp.Compare(p.Seq, seq) })
		if !found {
			i--
		}
		if rolled := end - trail[i].Seq; rolled > 3*depth+denseTrail {
			t.Errorf("to undo %d the trail goes back %d", depth, rolled)
		}
	}
}

// A place joins a trail where the trail passes it, and nowhere else.
func TestAPlaceJoinsATrail(t *testing.T) {
	trail := Trail{{Seq: 1, Hash: "a"}, {Seq: 5, Hash: "b"}, {Seq: 9, Hash: "c"}}
	for seq, want := range map[int64]int{0: 3, 1: 3, 2: 4, 5: 3, 8: 4, 9: 3, 10: 3} {
		got := trail.With(Place{Seq: seq, Hash: "new"})
		if len(got) != want || !slices.IsSortedFunc(got, func(a, b Place) int { return cmp.Compare(a.Seq, b.Seq) }) {
			t.Errorf("with %d: %v", seq, got)
		}
		if got[0] != trail[0] || got[len(got)-1] != trail[2] || len(trail) != 3 || trail[1].Seq != 5 {
			t.Errorf("with %d: %v of %v", seq, got, trail)
		}
	}
}

// A change keeps what it does not tell; its quantity is what is left on offer.
func TestAnOrderChanges(t *testing.T) {
	listed := Event{Kind: Listed, Order: "a", Maker: "m", Token: Token{ID: "7"}, Quantity: "10", Price: "500", Position: Position{Height: 1}}
	filled := Event{Kind: Bought, Order: "a", Quantity: "4", Price: "200", Partial: true, Position: Position{Height: 2}}
	changed := func(e Event) Event {
		e.Kind, e.Order, e.Position = OrderChanged, "a", Position{Height: 3}
		return e
	}
	expiry := time.Unix(9, 0).UTC()
	for name, c := range map[string]struct {
		events []Event
		want   Order
	}{
		"price":          {[]Event{listed, filled, changed(Event{Price: "400"})}, Order{Status: Listing, Maker: "m", Token: Token{ID: "7"}, Quantity: "10", Filled: "4", Price: "400", Paid: "200", UnitPrice: "40", Remaining: "6"}},
		"quantity":       {[]Event{listed, filled, changed(Event{Quantity: "3", Price: "120"})}, Order{Status: Listing, Maker: "m", Token: Token{ID: "7"}, Quantity: "3", Filled: "0", Price: "120", UnitPrice: "40", Remaining: "3"}},
		"expiry":         {[]Event{listed, changed(Event{ExpiresAt: &expiry})}, Order{Status: Listing, Maker: "m", Token: Token{ID: "7"}, Quantity: "10", Filled: "0", Price: "500", UnitPrice: "50", Remaining: "10", ExpiresAt: &expiry}},
		"unseen listing": {[]Event{changed(Event{Price: "400"}), filled}, Order{Status: Partial, Price: "400", Filled: "4", Paid: "200"}},
		"cancelled before": {[]Event{listed, {Kind: Delisted, Order: "a", Position: Position{Height: 2}}, changed(Event{Price: "1"})},
			Order{Status: Canceled, Maker: "m", Token: Token{ID: "7"}, Quantity: "10", Filled: "0", Price: "500", UnitPrice: "50", Anomalies: 1}},
	} {
		o, _ := FoldOrder("", "", "", c.events[:0])
		for _, e := range c.events {
			o.Apply(e)
		}
		o.First, o.Last, o.ListedAt, o.FilledAt, o.CanceledAt, o.Taker, o.Open = Position{}, Position{}, nil, nil, nil, "", false
		if !reflect.DeepEqual(o, c.want) {
			t.Errorf("%s:\n is   %+v\n want %+v", name, o, c.want)
		}
	}
}

// As in an auction: the first half alone is sold for what was asked for all.
func TestThePriceOfAListingIsWhatWasAsked(t *testing.T) {
	o, _ := FoldOrder("chain", "market", "a", []Event{
		{Kind: Listed, Order: "a", Quantity: "2", Price: "100", Position: Position{Height: 1}},
		{Kind: Bought, Order: "a", Quantity: "1", Price: "100", Partial: true, Position: Position{Height: 2}},
		{Kind: Bought, Order: "a", Quantity: "1", Price: "50", Partial: true, Position: Position{Height: 3}},
	})
	if o.Price != "100" || o.Paid != "150" || o.Status != Sold {
		t.Errorf("asked %s, paid %s, %s", o.Price, o.Paid, o.Status)
	}
}
