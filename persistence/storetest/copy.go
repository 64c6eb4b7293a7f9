package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/transfer"
)

// Copyable is a store that can be copied, and copied to.
type Copyable interface {
	persistence.Store
	transfer.Source
	transfer.Target
}

// RunCopy runs the suite of copies. open opens a new, empty store that is closed
// when the test ends.
func RunCopy(t *testing.T, open func(t testing.TB) Copyable) {
	for _, test := range copyTests {
		t.Run(test.name, func(t *testing.T) {
			store := open(t)
			test.run(&copySuite{suite{T: t, store: store}, store, open})
		})
	}
}

type copyTest struct {
	name string
	run  func(*copySuite)
}

// copySuite is one test on one store.
type copySuite struct {
	suite
	store Copyable
	open  func(t testing.TB) Copyable
}

// A state of an unfinished copy, and a later one.
var (
	begun  = persistence.Copying{Source: "there", State: "s", Owner: "me", Collection: persistence.Orders}
	beyond = persistence.Copying{Source: "there", State: "s", Owner: "me", Collection: persistence.Orders, After: "7"}
)

// FillForCopies writes documents of every collection by way of the Store interface.
func FillForCopies(t *testing.T, store persistence.Store) {
	t.Helper()
	(&suite{T: t, store: store}).fillForCopies()
}

func (s *suite) fillForCopies() {
	s.Helper()
	s.shop()
	s.observer()
	s.claim(claimOf(persistence.MarketRef{Chain: "bsc", Market: "other"}, "buy", s.takeOver("bsc")))
	a := s.claim(claimOf(seaport, "list", s.takeOver(chain)))
	pending := place(9)
	to := move(a, place(5))
	to.Trail, to.Events, to.Report = markets.Trail{place(1), place(5)}, 3, persistence.Report{Status: persistence.Following, Head: 9, LastError: "Ünï \"q\" <b>",
		Endpoints: []persistence.Endpoint{{Host: "node", State: persistence.EndpointUp, Rate: 2.5, Errors: map[string]int64{"timeout": 1 << 40}}},
	}
	s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{to}, func(tx persistence.Tx) error {
		odd := letter(seaport, "list", 5, 1)
		odd.Raw = json.RawMessage(`[{"$a.b":1.0,"":[1e400,-0,9223372036854775808],"x\u0000":"<&>"},null]`)
		bulk := cancelAll("list", 5, "0xMaker")
		return errors.Join(
			tx.PutOrders([]markets.Order{fullOrder()}),
			tx.PutRecords([]markets.Record{record("gallery", "g"), {Chain: chain, Market: "seaport", Type: "x", Key: "bare"}}),
			tx.Notify(markets.Notifications(activities(seaport, fullEvent())[0])),
			tx.Append(activities(seaport, fullEvent(), bulk, listed("list", 4, "0xa")), []markets.DeadLetter{odd, letter(seaport, "list", 4, 2)}),
		)
	}))
	s.insertSigned(signedOrder("0xa"), signedOrder("0xb"))
	s.append(answering(listed("list", 4, "0xsigned"), s.pending(seaport)[0].ID))
	_, err := s.store.AddCurrencies(s.Context(), []persistence.KnownCurrency{currencyOf("0xA", "A", 0), {ID: "bsc/0xB", Chain: "bsc", Address: "0xB", Reason: "symbol: empty", ReadAt: at(9)}})
	s.must(err)
	s.must(s.store.PutMetadata(s.Context(), metadataOf("ipfs://a")))
	s.must(s.store.PutAudit(s.Context(), auditOf("bsc")))
	a.Place = to.To
	to = move(a, a.Place)
	to.Pending = &pending
	s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{to}, nil))
}

// Texts are all documents of a store as Query yields them, each behind the name of
// its collection, sorted.
func Texts(ctx context.Context, store interface {
	Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error]
}) ([]string, error) {
	var texts []string
	for _, collection := range persistence.Collections {
		for doc, err := range store.Query(ctx, persistence.Query{Collection: collection}) {
			if err != nil {
				return nil, err
			}
			texts = append(texts, collection+" "+string(doc))
		}
	}
	slices.Sort(texts)
	return texts, nil
}

func (s *copySuite) texts(store Copyable) []string {
	s.Helper()
	texts, err := Texts(s.Context(), store)
	s.must(err)
	return texts
}

// batch returns the documents of a collection that follow a position.
func (s *copySuite) batch(collection, after string, limit int) (docs []json.RawMessage, last string) {
	s.Helper()
	docs, last, err := s.store.Batch(s.Context(), collection, after, limit)
	s.must(err)
	return docs, last
}

// import_ imports into a collection and leaves the copy at begun.
func (s *copySuite) import_(collection string, docs ...json.RawMessage) error {
	to := begun
	to.Collection = collection
	return errors.Join(
		s.store.Import(s.Context(), begun.Owner, &to, docs),
		s.store.Import(s.Context(), begun.Owner, &begun, nil),
	)
}

// stands checks the state of the copy, nil if there is none, and how many orders there
// are.
func (s *copySuite) stands(at *persistence.Copying, orders int64) {
	s.Helper()
	got, err := s.store.Copying(s.Context())
	s.must(err)
	s.same("copying", got, at)
	n, err := s.store.Count(s.Context(), persistence.Orders)
	s.must(err)
	if n != orders {
		s.Errorf("%d orders, want %d", n, orders)
	}
}

// document is an order as Query yields it.
func document(key string) json.RawMessage {
	o := order(seaport, listed("list", 1, key))
	return json.RawMessage(`{"_id":` + asJSON(o.ID()) + "," + asJSON(o)[1:])
}

var copyTests = []copyTest{
	{"CopiesAreTheSame", func(s *copySuite) {
		s.fillForCopies()
		before := s.texts(s.store)
		target := s.open(s)
		c := transfer.Copy{Source: "there", From: s.store, To: target, Report: func(transfer.Progress) {}}
		counts, err := c.Run(s.Context())
		s.must(err)
		s.same("the copy", s.texts(target), before)
		s.same("the original", s.texts(s.store), before)
		for _, c := range counts {
			if c.Source == 0 || c.Target != c.Source {
				s.Errorf("%+v", c)
			}
		}
		// The copy is as good as the original: its actors go on, and what they read is there.
		a := s.actor("ethereum/seaport/list/order-list")
		s.must(target.Commit(s.Context(), seaport, []persistence.Move{move(a, place(6))}, func(tx persistence.Tx) error {
			for _, key := range []string{"0xfull", markets.MakerKey("0xMaker"), "0xa"} {
				if events, err := tx.Log([]string{key}); err != nil || len(events) != 1 {
					s.Errorf("%d events of %s, error %v", len(events), key, err)
				}
			}
			bulk, err1 := tx.BulkCancels()
			of, err2 := tx.OrdersOf("0xM", "", "", 10)
			records, err3 := tx.Records([]string{"gallery:g"})
			places, err4 := tx.Places()
			activities, letters, err5 := tx.Truncate("list", 4, 10)
			if !bulk || len(of) != 2 || len(records) != 1 || places["list"] != 5 || activities != 2 || letters != 1 {
				s.Errorf("bulk cancels %v, orders %v, records %v, places %v, truncated %d and %d", bulk, of, records, places, activities, letters)
			}
			return errors.Join(err1, err2, err3, err4, err5)
		}))
		if epoch, err := target.TakeOver(s.Context(), chain, node); err != nil || epoch != a.Epoch+1 {
			s.Errorf("epoch %d, error %v", epoch, err)
		}
	}},
	{"AnyDocumentIsStoredExactly", func(s *copySuite) {
		s.must(s.store.Import(s.Context(), "", &begun, nil))
		rapid.Check(s.T, func(t *rapid.T) {
			if err := s.store.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			docs := DrawDocuments(t)
			var want []string
			for _, collection := range persistence.Copied {
				if err := s.import_(collection, docs[collection]...); err != nil {
					t.Fatal(err)
				}
				for _, doc := range docs[collection] {
					want = append(want, collection+" "+string(doc))
				}
			}
			slices.Sort(want)
			got, err := Texts(t.Context(), s.store)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("error %v, found\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}},
	{"BatchesFollowEachOther", func(s *copySuite) {
		s.fillForCopies()
		for _, collection := range persistence.Copied {
			all, end := s.batch(collection, "", 1_000)
			var texts []string
			after := ""
			for i, doc := range all {
				rest, _ := s.batch(collection, after, 1_000)
				s.same("after "+after, asJSON(rest), asJSON(all[i:]))
				var one []json.RawMessage
				one, after = s.batch(collection, after, 1)
				s.same("one of "+collection, asJSON(one), asJSON(all[i:i+1]))
				texts = append(texts, collection+" "+string(doc))
			}
			if none, _ := s.batch(collection, after, 1); after != end || len(none) > 0 {
				s.Errorf("%s: the last is at %q, want %q; then %d documents", collection, after, end, len(none))
			}
			slices.Sort(texts)
			s.same(collection, texts, slices.DeleteFunc(s.texts(s.store), func(text string) bool { return !strings.HasPrefix(text, collection+" ") }))
			if n, err := s.store.Count(s.Context(), collection); err != nil || n != int64(len(all)) || n == 0 {
				s.Errorf("%d %s, error %v", n, collection, err)
			}
		}
		if _, _, err := s.store.Batch(s.Context(), "sales", "", 1); err == nil || !strings.Contains(err.Error(), "dead_letters") {
			s.Errorf("unknown collection: %v", err)
		}
		if _, err := s.store.Count(s.Context(), "sales"); err == nil {
			s.Error("an unknown collection is counted")
		}
	}},
	{"ImportsForItsOwnerOnly", func(s *copySuite) {
		s.stands(nil, 0)
		s.fenced("me", &begun) // before it has begun
		s.fenced("me", nil)
		s.must(s.store.Import(s.Context(), "", &begun, nil))
		yours := beyond
		yours.Owner = "you"
		s.fenced("", &yours)
		s.must(s.store.Import(s.Context(), "me", &beyond, []json.RawMessage{document("0xa")}))
		s.fenced("", &yours)
		s.fenced("her", &yours)
		s.fenced("you", nil)
		s.stands(&beyond, 1)
		s.must(s.store.Import(s.Context(), "me", &yours, nil))
		s.fenced("me", &begun)
		s.fenced("me", nil)
		s.stands(&yours, 1)
		s.must(s.store.Import(s.Context(), "you", nil, nil))
		s.fenced("you", &yours)
		s.fenced("you", nil)
		s.stands(nil, 1)
	}},
	{"BadDocumentsAreNamed", func(s *copySuite) {
		s.must(s.store.Import(s.Context(), "", &begun, nil))
		good := string(document("0xa"))
		actor := `{"_id":"a","kind":"head","chain":"c","node":"n","epoch":1,"incarnation":1,"seq":1,"head":0,"finalized":0,"lag":0,"restarts":0,"events":0,"deadLetters":0,"updatedAt":"2024-01-01T00:00:00Z"}`
		s.must(s.import_(persistence.Actors, json.RawMessage(actor)))
		for _, bad := range []struct{ collection, doc, names string }{
			{persistence.Orders, `{`, "orders: a document"},
			{persistence.Orders, ``, "orders: a document"},
			{persistence.Orders, `[]`, "orders: a document"},
			{persistence.Orders, `null`, "orders: a document"},
			{persistence.Orders, `{"_id":"ethereum/seaport/0xa"}`, `"ethereum/seaport/0xa"`},
			{persistence.Orders, good + good, "orders: "},
			{persistence.Orders, strings.Replace(good, "ethereum/seaport/0xa", "ethereum/seaport/0xb", 1), `"ethereum/seaport/0xb"`},
			{persistence.Orders, strings.Replace(good, `"status"`, `"sttus"`, 1), `"ethereum/seaport/0xa"`},
			{persistence.Orders, strings.Replace(good, `"height":1`, `"height":"1"`, 1), `"ethereum/seaport/0xa"`},
			{persistence.Orders, strings.Replace(good, `"chain"`, `"new":1,"chain"`, 1), `"ethereum/seaport/0xa"`},
			{persistence.Actors, strings.Replace(actor, `"kind"`, `"kin":1,"kind"`, 1), `"a"`},
			{"sales", good, "sales"},
		} {
			before := s.texts(s.store)
			docs := []json.RawMessage{json.RawMessage(bad.doc)}
			if bad.collection == persistence.Orders {
				docs = slices.Insert(docs, 0, document("0xnew")) // comes to nothing too
			}
			err := s.import_(bad.collection, docs...)
			if err == nil || !strings.Contains(err.Error(), bad.names) {
				s.Errorf("%s: %v", bad.doc, err)
			}
			s.same("after "+bad.doc, s.texts(s.store), before)
		}
		s.stands(&begun, 0)
		// What only looks different is the same document.
		reordered := strings.Replace(good[:len(good)-1], `"chain":"ethereum",`, "", 1) + `, "chain":"\u0065thereum"}`
		s.must(s.import_(persistence.Orders, json.RawMessage(reordered)))
		s.same("documents", s.texts(s.store), []string{"actors " + actor, "orders " + good})
		// What is imported again is there once.
		s.must(s.import_(persistence.Orders, json.RawMessage(good), json.RawMessage(good)))
		s.must(s.import_(persistence.Actors, json.RawMessage(actor)))
		s.same("documents", s.texts(s.store), []string{"actors " + actor, "orders " + good})
	}},
	{"ClearRemovesUnfinishedCopiesOnly", func(s *copySuite) {
		s.fillForCopies()
		before := s.texts(s.store)
		if err := s.store.Clear(s.Context()); !errors.Is(err, persistence.ErrOtherCopy) {
			s.Errorf("clearing what is no copy: %v", err)
		}
		s.same("documents", s.texts(s.store), before)
		s.must(s.store.Import(s.Context(), "", &begun, nil))
		s.must(s.store.Clear(s.Context()))
		s.same("documents", s.texts(s.store), nil)
		s.stands(&begun, 0)
		s.fillForCopies()
	}},
}

// fenced expects an import to be refused and to write nothing.
func (s *copySuite) fenced(owner string, to *persistence.Copying) {
	s.Helper()
	var docs []json.RawMessage
	if to != nil {
		docs = append(docs, document(fmt.Sprint("0x", len(s.texts(s.store)))))
	}
	before := s.texts(s.store)
	if err := s.store.Import(s.Context(), owner, to, docs); !errors.Is(err, persistence.ErrOtherCopy) {
		s.Errorf("owner %q: %v", owner, err)
	}
	s.same("documents", s.texts(s.store), before)
}
