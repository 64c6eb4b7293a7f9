package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/matching"
)

var propertyTests = []test{
	// Any sequence of calls, by owners and incarnations of whatever age, answers as
	// the model does and leaves the same documents.
	{"AsTheModel", func(s *suite) {
		n := 0
		rapid.Check(s.T, func(t *rapid.T) {
			n++ // the store stays, and every run has a chain of its own
			r := &random{T: t, suite: s, model: newModel(), chain: fmt.Sprintf("chain-%d", n), epochs: []int64{0}}
			t.Repeat(map[string]func(*rapid.T){
				"take over": r.takeOver,
				"claim":     r.claim,
				"commit":    r.commit,
				"report":    r.report,
				"compare":   r.compare,
			})
			r.compare(t)
			r.clean(t)
		})
	}},
	// Any filter finds the documents that it describes, and no others.
	{"FindsWhatMatches", func(s *suite) {
		s.shop()
		docs := all[any](s, persistence.Orders)
		rapid.Check(s.T, func(t *rapid.T) {
			filter := persistence.Filter{Condition: condition(t, 3)}
			found := query[any](s, persistence.Query{Collection: persistence.Orders, Filter: filter, Sort: []persistence.SortKey{{Path: "_id"}}})
			want := slices.DeleteFunc(slices.Clone(docs), func(doc any) bool { return !matching.Value(filter.Condition, doc) })
			if !reflect.DeepEqual(append([]any{}, found...), want) {
				t.Fatalf("%#v\nfound %s\nwant %s", filter.Condition, asJSON(found), asJSON(want))
			}
		})
	}},
}

// random is one run of the property test.
type random struct {
	*rapid.T
	suite  *suite
	model  *model
	chain  string
	epochs []int64             // all that were given out
	known  []persistence.Actor // actors as their incarnations know them
	events int32               // made so far, for positions of their own
}

func (r *random) market() persistence.MarketRef {
	return persistence.MarketRef{Chain: r.chain, Market: rapid.SampledFrom([]string{"m1", "m2"}).Draw(r.T, "market")}
}

func (r *random) stream() string {
	return rapid.SampledFrom([]string{"list", "buy"}).Draw(r.T, "stream")
}

func (r *random) number(name string, from, to int64) int64 {
	return rapid.Int64Range(from, to).Draw(r.T, name)
}

func (r *random) chance(name string, percent int64) bool { return r.number(name, 1, 100) <= percent }

func (r *random) takeOver(t *rapid.T) {
	r.T = t
	got, err := r.suite.store.TakeOver(t.Context(), r.chain, node)
	if want := r.model.takeOver(); err != nil || got != want {
		t.Fatalf("epoch %d, error %v, want %d", got, err, want)
	}
	r.epochs = append(r.epochs, got)
}

func (r *random) claim(t *rapid.T) {
	r.T = t
	c := claimOf(r.market(), r.stream(), r.epochs[len(r.epochs)-1])
	if r.chance("old epoch", 20) {
		c.Epoch = rapid.SampledFrom(r.epochs).Draw(t, "epoch")
	}
	c.Restarts, c.Documents = r.number("restarts", 0, 2), rapid.Bool().Draw(t, "documents")
	c.Meaning = rapid.SampledFrom([]markets.Meaning{{}, {Source: "a", Decoding: "a", Total: true}, {Source: "a", Decoding: "b"}, {Source: "b", Decoding: "b", Total: true}}).Draw(t, "meaning")
	got, err := r.suite.store.Claim(t.Context(), c)
	want, wanted := r.model.claim(c)
	r.sameError("claim", err, wanted)
	if err == nil {
		r.same("claimed", timeless(got), timeless(want))
		r.known = append(r.known, got)
	}
}

// actor is one that was claimed, mostly the last.
func (r *random) actor() *persistence.Actor {
	if len(r.known) == 0 {
		r.Skip("no actor")
	}
	i := len(r.known) - 1
	if r.chance("any actor", 40) {
		i = int(r.number("actor", 0, int64(i)))
	}
	return &r.known[i]
}

func (r *random) report(t *rapid.T) {
	r.T = t
	ref := r.actor().Ref()
	report := persistence.Report{Status: persistence.Following, Head: r.number("head", 0, 9)}
	if r.chance("endpoints", 30) {
		report.Endpoints = []persistence.Endpoint{{Host: "node", State: persistence.EndpointUp, Height: r.number("height", 0, 9)}}
	}
	r.sameError("report", r.suite.store.Report(t.Context(), ref, report), r.model.report(ref, report))
}

func (r *random) commit(t *rapid.T) {
	r.T = t
	market := r.market()
	actors, moves := r.moves()
	steps := r.steps(market)
	if r.chance("fail", 15) {
		steps = append(steps, func(persistence.Tx) (string, error) { return "", errMine })
	}
	var got, want string
	err := r.suite.store.Commit(t.Context(), market, moves, func(tx persistence.Tx) (err error) {
		got, err = runSteps(tx, steps)
		return err
	})
	wanted := r.model.commit(moves, func(m *model) (err error) {
		want, err = runSteps(book{m, market}, steps)
		return err
	})
	r.sameError("commit", err, wanted)
	if !errors.Is(err, persistence.ErrFenced) && got != want {
		t.Fatalf("read\n%s\nwant\n%s", got, want)
	}
	if err == nil {
		for i, a := range actors {
			a.Place = moves[i].To
		}
	}
}

// moves are those of one or two actors, now and then from a wrong place.
func (r *random) moves() (actors []*persistence.Actor, moves []persistence.Move) {
	for range r.number("moves", 1, 2) {
		a := r.actor()
		m := move(*a, markets.Place{Seq: r.number("to", 0, 5), Hash: rapid.SampledFrom([]string{"0xa", "0xb"}).Draw(r.T, "fork")})
		if r.chance("pending", 20) {
			pending := m.To
			m.Pending, m.To = &pending, m.From
		}
		if r.chance("wrong place", 10) {
			m.From.Seq++
		}
		if m.Events = r.number("events", -1, 3); rapid.Bool().Draw(r.T, "trail") {
			m.Trail = markets.Trail{m.To}
		}
		actors, moves = append(actors, a), append(moves, m)
	}
	return actors, moves
}

// step is a step of a transaction; it tells what it read.
type step func(tx persistence.Tx) (read string, err error)

func runSteps(tx persistence.Tx, steps []step) (string, error) {
	var reads []string
	for _, step := range steps {
		read, err := step(tx)
		reads = append(reads, read)
		if err != nil {
			return strings.Join(reads, "\n"), err
		}
	}
	return strings.Join(reads, "\n"), nil
}

func (r *random) steps(market persistence.MarketRef) (steps []step) {
	for range r.number("steps", 0, 5) {
		kind := rapid.SampledFrom([]func(persistence.MarketRef) step{
			r.append, r.append, r.truncate, r.removeLetter, r.orders, r.orders, r.records, r.read,
		}).Draw(r.T, "step")
		steps = append(steps, kind(market))
	}
	return steps
}

var orderKeys = []string{"a", "b", "c", "d"}

func (r *random) nonce(from ...markets.Amount) markets.Amount {
	return rapid.SampledFrom(from).Draw(r.T, "nonce")
}

// event is a new event of a stream.
func (r *random) event(stream string) markets.Event {
	r.events++
	e := listed(stream, r.number("seq", 0, 5), rapid.SampledFrom(orderKeys).Draw(r.T, "order"))
	e.Maker = rapid.SampledFrom([]string{"x", "y"}).Draw(r.T, "maker")
	e.Nonce = r.nonce("", "5", "6")
	if r.chance("bulk", 20) {
		e = cancelAll(stream, e.Seq, e.Maker)
		e.Nonce = r.nonce("", "5")
	}
	if e.Order != "" && r.chance("sold", 40) {
		e.Kind, e.Taker = markets.Bought, "z"
	}
	e.Position.Log = r.events
	return e
}

func (r *random) append(market persistence.MarketRef) step {
	var log []markets.Activity
	var letters []markets.DeadLetter
	for range r.number("events", 0, 4) {
		log = append(log, activities(market, r.event(r.stream()))...)
	}
	if r.chance("letter", 30) {
		r.events++
		letters = append(letters, letter(market, r.stream(), r.number("seq", 0, 5), r.events))
	}
	var told []markets.Notification
	for _, a := range log {
		told = append(told, markets.Notifications(a)...)
	}
	return func(tx persistence.Tx) (string, error) {
		return "", errors.Join(tx.Append(log, letters), tx.Notify(told))
	}
}

func (r *random) truncate(persistence.MarketRef) step {
	stream, after, limit := r.stream(), r.number("after", -1, 5), int(r.number("limit", 0, 4))
	return func(tx persistence.Tx) (string, error) {
		activities, letters, err := tx.Truncate(stream, after, limit)
		return fmt.Sprintf("truncated %d, %d", activities, letters), err
	}
}

func (r *random) removeLetter(market persistence.MarketRef) step {
	id := letter(market, "list", r.number("seq", 0, 5), r.events).ID()
	if n := len(r.model.letters); n > 0 {
		id = r.model.letters[r.number("letter", 0, int64(n-1))].ID()
	}
	return func(tx persistence.Tx) (string, error) {
		removed, err := tx.RemoveDeadLetter(id)
		return fmt.Sprintf("removed %v", removed), err
	}
}

func (r *random) orders(market persistence.MarketRef) step {
	look := rapid.SliceOfN(rapid.SampledFrom(orderKeys), 0, 3).Draw(r.T, "look up")
	gone := rapid.SliceOfN(rapid.SampledFrom(orderKeys), 0, 1).Draw(r.T, "delete")
	var put []markets.Order
	for range r.number("put", 0, 3) {
		if e := r.event("list"); e.Order != "" {
			put = append(put, order(market, e))
		}
	}
	return func(tx persistence.Tx) (string, error) {
		found, err := tx.Orders(look)
		return asJSON(found), errors.Join(err, tx.PutOrders(put), tx.DeleteOrders(gone))
	}
}

func (r *random) records(market persistence.MarketRef) step {
	rec := record("gallery", rapid.SampledFrom(orderKeys).Draw(r.T, "record"))
	rec.Market, rec.Chain = market.Market, market.Chain
	rec.Fields = map[string]any{"n": rapid.StringN(0, 3, -1).Draw(r.T, "field")}
	gone := rapid.SliceOfN(rapid.SampledFrom(orderKeys), 0, 2).Draw(r.T, "delete")
	return func(tx persistence.Tx) (string, error) {
		found, err := tx.Records([]string{"gallery:a", "gallery:b"})
		var keys []string
		for _, key := range gone {
			keys = append(keys, markets.RecordKey("gallery", key))
		}
		return asJSON(found), errors.Join(err, tx.PutRecords([]markets.Record{rec}), tx.DeleteRecords(keys))
	}
}

// read reads all that there is to read.
func (r *random) read(persistence.MarketRef) step {
	stream, after, through := r.stream(), r.number("after", -1, 5), r.number("through", 0, 6)
	from := markets.Position{Height: r.number("from", 0, 5), Log: int32(r.number("log", 0, 50))}
	limit := int(r.number("limit", 1, 5))
	nonce := r.nonce("", "5", "6")
	return func(tx persistence.Tx) (string, error) {
		places, err1 := tx.Places()
		bulk, err2 := tx.BulkCancels()
		log, err3 := tx.Log([]string{"a", markets.MakerKey("x"), markets.NonceKey("x", "5")})
		between, err4 := tx.LogBetween(stream, after, through, from, limit)
		of, err5 := tx.OrdersOf("x", nonce, "", 100)
		slices.SortFunc(of, func(a, b markets.Order) int { return strings.Compare(a.Key, b.Key) })
		return asJSON([]any{places, bulk, byPosition(log), byPosition(between), of}), errors.Join(err1, err2, err3, err4, err5)
	}
}

// compare compares all of the chain's documents.
func (r *random) compare(t *rapid.T) {
	r.T = t
	m := r.model
	sameDocuments(r, persistence.Actors, slices.Collect(maps.Values(m.actors)), timeless)
	sameDocuments(r, persistence.Orders, slices.Collect(maps.Values(m.orders)), itself)
	sameDocuments(r, persistence.Records, slices.Collect(maps.Values(m.records)), itself)
	sameDocuments(r, persistence.Activities, m.log, itself)
	sameDocuments(r, persistence.DeadLetters, m.letters, itself)
	sameDocuments(r, persistence.Notifications, m.told, itself)
}

// clean removes the run's documents, so that later runs need not pass over them.
func (r *random) clean(t *rapid.T) {
	for _, name := range []string{"m1", "m2"} {
		r.suite.within(persistence.MarketRef{Chain: r.chain, Market: name}, func(tx persistence.Tx) error {
			var records []string
			for _, key := range orderKeys {
				records = append(records, markets.RecordKey("gallery", key))
			}
			_, _, list := tx.Truncate("list", -1, 1000)
			_, _, buy := tx.Truncate("buy", -1, 1000)
			return errors.Join(list, buy, tx.DeleteOrders(orderKeys), tx.DeleteRecords(records))
		})
	}
}

func itself[T any](doc T) T { return doc }

// timeless is an actor's document without what a clock put there.
func timeless(a persistence.Actor) persistence.Actor {
	a.UpdatedAt = time.Time{}
	return a
}

// sameDocuments compares the chain's documents of a collection, in any order.
func sameDocuments[T any](r *random, collection string, want []T, normal func(T) T) {
	filter := persistence.Filter{Condition: persistence.Compare{Path: "chain", Operator: persistence.Equal, Operand: r.chain}}
	got := query[T](r.suite, persistence.Query{Collection: collection, Filter: filter})
	r.same(collection, asLines(got, normal), asLines(want, normal))
}

func asLines[T any](docs []T, normal func(T) T) string {
	lines := make([]string, len(docs))
	for i, doc := range docs {
		lines[i] = asJSON(normal(doc))
	}
	return strings.Join(sorted(lines), "\n")
}

func (r *random) same(what string, got, want any) {
	if g, w := asJSON(got), asJSON(want); g != w {
		r.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// sameError fails unless two errors mean the same to a caller.
func (r *random) sameError(what string, got, want error) {
	for _, sentinel := range []error{nil, persistence.ErrFenced, errMine} {
		if errors.Is(got, sentinel) != errors.Is(want, sentinel) {
			r.Fatalf("%s: error %v, want %v", what, got, want)
		}
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
