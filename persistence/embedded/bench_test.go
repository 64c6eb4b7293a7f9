package embedded

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The benchmark's market: listedEvents listings, of which every second is bought.
const (
	listedEvents = 80_000
	boughtEvents = listedEvents / 2
	batchSize    = 1000
)

var benchMarket = persistence.MarketRef{Chain: "ethereum", Market: "seaport"}

// benchEvents returns the events of both streams, as Seaport's are.
func benchEvents() (listed, bought []markets.Event) {
	event := func(kind markets.Kind, stream string, i, order int) markets.Event {
		at := time.Unix(1_600_000_000+int64(i), 0).UTC()
		return markets.Event{
			Kind: kind, Stream: stream, Seq: int64(i / 10), Position: markets.Position{Height: int64(i / 10), Transaction: int32(i % 10), Log: int32(i % 10)},
			Block: fmt.Sprintf("0x%064x", i/10*7919), Transaction: fmt.Sprintf("0x%064x", i*104729), Time: at,
			Order: fmt.Sprintf("0x%064x", uint64(order)*0x9e3779b97f4a7c15), Side: markets.Ask, Maker: fmt.Sprintf("0x%040x", order%5000*7919),
			From: fmt.Sprintf("0x%040x", order%5000*7919), Token: markets.Token{Collection: fmt.Sprintf("0x%040x", order%97), ID: fmt.Sprint(order), Standard: markets.ERC721},
			Quantity: "1", Price: "1500000000000000000", Currency: markets.Currency{Address: "0x0000000000000000000000000000000000000000", Symbol: "ETH", Decimals: 18},
			Contract: "0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC",
		}
	}
	for i := range listedEvents {
		listed = append(listed, event(markets.Listed, "list", i, i))
	}
	for i := range boughtEvents {
		e := event(markets.Bought, "buy", listedEvents+i, 2*i)
		e.Taker, e.To = fmt.Sprintf("0x%040x", i*31), fmt.Sprintf("0x%040x", i*31)
		bought = append(bought, e)
	}
	return listed, bought
}

// BenchmarkCommit writes the benchmark's events as the observers do: each batch to the
// log, then folded into its orders.
func BenchmarkCommit(b *testing.B) {
	listed, bought := benchEvents()
	for b.Loop() {
		b.StopTimer()
		store, err := Open(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		w := benchWorker{b, store}
		b.StartTimer()
		w.run("list", listed)
		w.run("buy", bought)
		b.StopTimer()
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*(listedEvents+boughtEvents))/b.Elapsed().Seconds(), "events/s")
}

type benchWorker struct {
	b     *testing.B
	store *Store
}

// run executes a stream.
func (w benchWorker) run(stream string, events []markets.Event) {
	activity, order, writer := w.claim(stream+"/activity", stream, false), w.claim(stream+"/order", stream, true), w.claim("orders", "", false)
	for from := int64(-1); len(events) > 0; {
		n := min(batchSize, len(events))
		batch := events[:n]
		events = events[n:]
		to := batch[n-1].Seq
		w.commit(func(tx persistence.Tx) error {
			log := make([]markets.Activity, n)
			for i, e := range batch {
				log[i] = markets.Activity{Chain: benchMarket.Chain, Market: benchMarket.Market, Event: e}
			}
			return tx.Append(log, nil)
		}, to, activity)
		transition := markets.Transition{
			Kind: markets.BatchTransition, Chain: benchMarket.Chain, Market: benchMarket.Market, Stream: stream,
			From: markets.Place{Seq: from}, To: markets.Place{Seq: to}, Batch: &markets.Batch{Events: batch},
		}
		w.commit(func(tx persistence.Tx) error {
			c, err := transition.Step(tx, markets.Cursor{}, batchSize)
			if err == nil && !c.Done {
				w.b.Fatal("not done")
			}
			return err
		}, to, order, writer)
		from = to
	}
}

func (w benchWorker) claim(id, stream string, documents bool) *persistence.Actor {
	actor, err := w.store.Claim(w.b.Context(), persistence.Claim{
		ID: id, Chain: benchMarket.Chain, Market: benchMarket.Market, Stream: stream, Documents: documents, Start: markets.Place{Seq: -1},
	})
	if err != nil {
		w.b.Fatal(err)
	}
	return &actor
}

func (w benchWorker) commit(do func(tx persistence.Tx) error, to int64, actors ...*persistence.Actor) {
	place := markets.Place{Seq: to, Hash: "0x1"}
	var moves []persistence.Move
	for _, a := range actors {
		a.Trail = a.Trail.Push(place)
		moves = append(moves, persistence.Move{Actor: a.Ref(), From: a.Place, To: place, Trail: a.Trail, Events: batchSize})
		a.Place = place
	}
	if err := w.store.Commit(w.b.Context(), benchMarket, moves, do); err != nil {
		w.b.Fatal(err)
	}
}

// bareRow is a row that BenchmarkBare writes.
type bareRow struct {
	numbers []int64
	text    string
}

// bareRows are the rows of a stream.
type bareRows struct{ names, log, orders []bareRow }

// bareNames numbers names as the store would.
type bareNames map[string]int64

// number returns the number of a name; a new name becomes a row.
func (n bareNames) number(rows *bareRows, of string) int64 {
	id, known := n[of]
	if !known {
		id = int64(len(n) + 1)
		n[of] = id
		rows.names = append(rows.names, bareRow{[]int64{id, 1, name{1, of}.hash()}, of})
	}
	return id
}

// BenchmarkBare writes the same documents into the same tables in as many transactions,
// encoded beforehand, without reads and conditions.
func BenchmarkBare(b *testing.B) {
	listed, bought := benchEvents()
	names, orders := bareNames{}, map[string]markets.Order{}
	rowsOf := func(events []markets.Event) (rows bareRows) {
		for _, e := range events {
			o, known := orders[e.Order]
			if known {
				o.Apply(e)
			} else {
				o, _ = markets.FoldOrder(benchMarket.Chain, benchMarket.Market, e.Order, []markets.Event{e})
			}
			orders[e.Order] = o
			a := markets.Activity{Chain: benchMarket.Chain, Market: benchMarket.Market, Event: e}
			key, maker := names.number(&rows, e.Order), names.number(&rows, markets.MakerKey(e.Maker))
			rows.log = append(rows.log, bareRow{[]int64{key, 1, e.Seq}, encoded(b, a)})
			rows.orders = append(rows.orders, bareRow{[]int64{key, maker}, encoded(b, o)})
		}
		return rows
	}
	list, buy := rowsOf(listed), rowsOf(bought)
	for b.Loop() {
		b.StopTimer()
		store, err := Open(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		conn := <-store.writer
		b.StartTimer()
		for _, rows := range []bareRows{list, buy} {
			bare(b, conn, "INSERT INTO names (id, parent, hash, name) VALUES (?, ?, ?, ?)", rows.names)
			bare(b, conn, "INSERT INTO activities (key, stream, seq, doc) VALUES (?, ?, ?, ?)", rows.log)
		}
		bare(b, conn, "INSERT INTO orders (id, maker, doc) VALUES (?, ?, ?)", list.orders)
		bare(b, conn, "UPDATE orders SET doc = ?3 WHERE id = ?1 AND maker = ?2", buy.orders)
		b.StopTimer()
		store.writer <- conn
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*(listedEvents+boughtEvents))/b.Elapsed().Seconds(), "events/s")
}

func encoded(b *testing.B, doc any) string {
	text, err := json.Marshal(doc)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func bare(b *testing.B, conn *sqlite.Conn, query string, rows []bareRow) {
	for ; len(rows) > 0; rows = rows[min(batchSize, len(rows)):] {
		err := transact(conn, func() error {
			for _, row := range rows[:min(batchSize, len(rows))] {
				if _, err := run(conn, query, row.bind); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func (r bareRow) bind(stmt *sqlite.Stmt) {
	for i, n := range r.numbers {
		stmt.BindInt64(i+1, n)
	}
	stmt.BindText(len(r.numbers)+1, r.text)
}

// BenchmarkDecode decodes the benchmark's events from the log.
func BenchmarkDecode(b *testing.B) {
	_, bought := benchEvents()
	docs := make([][]byte, batchSize)
	for i := range docs {
		var e encoder
		e.activity(&markets.Activity{Chain: benchMarket.Chain, Market: benchMarket.Market, Event: bought[i]})
		docs[i] = e.buf
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var a markets.Activity
		if err := activityDecoder.Decode(docs[i%len(docs)], &a); err != nil {
			b.Fatal(err)
		}
	}
}
