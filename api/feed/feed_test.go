package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// timeout bounds fast operations, with a margin for loaded machines.
const timeout = 30 * time.Second

var seaport = persistence.MarketRef{Chain: "ethereum", Market: "seaport"}

// served is a feed that is served.
type served struct {
	t     testing.TB
	store persistence.Store
	url   string
}

// serve serves a store's feed.
func serve(t testing.TB, store persistence.Store, o feed.Options) *served {
	t.Helper()
	o.Data, o.Log = store, slog.New(slog.DiscardHandler)
	server, err := api.Serve(t.Context(), api.Options{Listen: "127.0.0.1:0", Routes: feed.Routes(o), Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return &served{t, store, "http://" + server.Addr() + "/feed"}
}

// at returns the URL with parameters, in pairs.
func (s *served) at(parameters ...string) string {
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Add(parameters[i], parameters[i+1])
	}
	return s.url + "?" + values.Encode()
}

func (s *served) newest() string {
	s.t.Helper()
	at, err := s.store.Newest(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return at
}

// open opens a feed until the test ends.
func (s *served) open(parameters ...string) *feedtest.Reader {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	s.t.Cleanup(cancel)
	r, err := feedtest.Open(ctx, s.at(parameters...), "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = r.Body.Close() })
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		s.t.Fatalf("%s, %s", r.Status, r.Header)
	}
	return r
}

// next returns the next event with a name, and ignores others.
func (s *served) next(r *feedtest.Reader, name string) feedtest.Event {
	s.t.Helper()
	for {
		e, err := r.Next()
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", name, err)
		}
		if e.Name == name {
			return e
		}
	}
}

// changes returns the next n changes, one per line.
func (s *served) changes(r *feedtest.Reader, n int) (lines []string) {
	s.t.Helper()
	for len(lines) < n {
		e, err := r.Next()
		if err != nil {
			s.t.Fatalf("after %q: %v", lines, err)
		}
		if e.OfChange() {
			c := e.Change()
			if (e.Name == "put") != (c.Document != nil) {
				s.t.Errorf("%s", e.Data)
			}
			lines = append(lines, e.Name+" "+c.Collection+" "+c.ID)
		}
	}
	return lines
}

func (s *served) commit(do func(tx persistence.Tx) error) {
	s.t.Helper()
	if err := s.store.Commit(s.t.Context(), seaport, nil, do); err != nil {
		s.t.Fatal(err)
	}
}

func order(key, maker string) markets.Order {
	return markets.Order{Chain: seaport.Chain, Market: seaport.Market, Key: key, Maker: maker, Side: markets.Ask, Status: markets.Listing,
		Token: markets.Token{Collection: "0xC" + maker, ID: "1", Standard: markets.ERC721}}
}

func (s *served) put(orders ...markets.Order) {
	s.t.Helper()
	s.commit(func(tx persistence.Tx) error { return tx.PutOrders(orders) })
}

func activity(seq int64, key string) markets.Activity {
	return markets.Activity{Chain: seaport.Chain, Market: seaport.Market, Event: markets.Event{
		Kind: markets.Listed, Stream: "list", Seq: seq, Position: markets.Position{Height: seq}, Block: "0xb", Transaction: "0xt", Order: key,
	}}
}

// On both stores a reader without a position receives its start position and every later
// write and retraction, and nothing else.
func TestEvents(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		t.Parallel()
		s := serve(t, store, feed.Options{})
		s.put(order("before", "m"))
		r := s.open()
		if e := s.next(r, "position"); e.ID == "" || string(e.Data) != fmt.Sprintf(`{"position":%q}`, e.ID) {
			t.Errorf("%+v", e)
		}
		letter := markets.DeadLetter{Chain: seaport.Chain, Market: seaport.Market, Stream: "list", Seq: 1, Reason: "r", Raw: json.RawMessage(`{}`)}
		s.commit(func(tx persistence.Tx) error {
			return errors.Join(tx.Append([]markets.Activity{activity(1, "a")}, []markets.DeadLetter{letter}), tx.PutOrders([]markets.Order{order("a", "m")}))
		})
		s.commit(func(tx persistence.Tx) error {
			_, _, err := tx.Truncate("list", 0, 10)
			return errors.Join(err, tx.DeleteOrders([]string{"a"}))
		})
		id := activity(1, "a").ID()
		want := []string{"put activities " + id, "put orders ethereum/seaport/a", "retracted activities " + id, "removed orders ethereum/seaport/a"}
		if got := s.changes(r, 4); !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A reader gets only changes that match its parameters. A document that no longer matches is
// sent as removed.
func TestRestrictions(t *testing.T) {
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{})
	at := s.newest()
	s.put(order("a", "m"), order("b", "n"))
	s.commit(func(tx persistence.Tx) error { return tx.Append([]markets.Activity{activity(1, "a")}, nil) })
	s.put(order("a", "n"), order("b", "m"))
	if _, err := s.store.TakeOver(t.Context(), "ethereum", "me"); err != nil {
		t.Fatal(err)
	}
	other := persistence.MarketRef{Chain: "aptos", Market: "other"}
	err := s.store.Commit(t.Context(), other, nil, func(tx persistence.Tx) error {
		return tx.PutOrders([]markets.Order{{Chain: other.Chain, Market: other.Market, Key: "end"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b, end := "orders ethereum/seaport/a", "orders ethereum/seaport/b", "put orders aptos/other/end"
	log := "put activities " + activity(1, "a").ID()
	for _, c := range []struct {
		parameters string
		want       []string
	}{
		{"", []string{"put " + a, "put " + b, log, "put " + a, "put " + b, end}},
		{"collection orders", []string{"put " + a, "put " + b, "put " + a, "put " + b, end}},
		{"collection activities", []string{log}},
		{"collection leases collection activities", []string{log, "put leases ethereum"}},
		{"chain aptos", []string{end}},
		{"chain aptos chain ethereum market seaport", []string{"put " + a, "put " + b, log, "put " + a, "put " + b}},
		{"market other", []string{end}},
		{`collection orders market seaport filter.orders {maker:"m"}`, []string{"put " + a, "removed " + b, "removed " + a, "put " + b}},
		{`collection orders market seaport tokenCollection 0xCm`, []string{"put " + a, "removed " + b, "removed " + a, "put " + b}},
		{`market seaport tokenCollection 0xCm tokenCollection 0xCn filter.orders {maker:"m"}`, []string{"put " + a, "removed " + b, "removed " + a, "put " + b}},
		{`market seaport filter.activities {order:"x"} filter.orders {_id:"x"}`, []string{"removed " + a, "removed " + b, "removed " + a, "removed " + b}},
	} {
		r := s.open(append(strings.Fields(c.parameters), "after", at)...)
		if got := s.changes(r, len(c.want)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.parameters, got, c.want)
		}
		_ = r.Body.Close()
	}
}

// Invalid requests are refused with a message that says what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{})
	for parameters, want := range map[string]string{
		"collection signed_orders":                    "400 \"signed_orders\" has no feed",
		"colection orders":                            "400 unknown parameter \"colection\": known are after, collection",
		"after x":                                     "400 after, or Last-Event-ID, is not a position",
		"after 0123456789abcdef-7":                    "410 the changes after this position are no longer kept: read the documents again",
		"filter.orders {":                             "400 filter.orders: filter:",
		"filter.orders {final:true}":                  "400 filter.orders: cannot filter by final",
		"filter.actors {}":                            "400 filter.actors: the feed does not include this collection",
		"collection records tokenCollection 0xC":      "400 tokenCollection: records have no token",
		"collection orders filter.activities {a:1}":   "400 filter.activities: the feed does not include this collection",
		"tokenCollection 0xC filter.records {}":       "400 filter.records: the feed does not include this collection",
		"filter.orders {$where:\"1\"}":                "400 filter.orders: filter: at character 2: unknown operator $where",
		"after 0123456789abcdef-99999999999999999999": "400 after, or Last-Event-ID, is not a position",
	} {
		status, text, err := feedtest.Refusal(t.Context(), s.at(strings.Fields(parameters)...), "")
		if got := fmt.Sprint(status, " ", text); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s%v, want %s", parameters, got, err, want)
		}
	}
	if status, text, err := feedtest.Refusal(t.Context(), s.at("after", s.newest()), "x"); status != 400 {
		t.Errorf("Last-Event-ID must take precedence over after: %d %s %v", status, text, err)
	}
}

// When changes are no longer kept, a running feed ends with the event gone, and a reader that
// continues from its last position is refused.
func TestGone(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store, err := mongo.Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := serve(t, store, feed.Options{})
	r := s.open()
	at := s.next(r, "position").ID
	dropOrders(t, uri)
	e := s.next(r, "gone")
	if e.ID != "" || !strings.Contains(string(e.Data), "read the documents again") {
		t.Errorf("%+v", e)
	}
	if e, err := r.Next(); err == nil {
		t.Errorf("then %+v", e)
	}
	if status, _, err := feedtest.Refusal(t.Context(), s.url, at); status != http.StatusGone || err != nil {
		t.Errorf("after reconnecting: %d, %v", status, err)
	}
}

// A reader whose collections do not change still receives positions.
func TestPositionsAdvance(t *testing.T) {
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{Heartbeat: time.Millisecond})
	r := s.open("collection", "records")
	first := s.next(r, "position")
	s.put(order("a", "m"))
	for e := s.next(r, "position"); e.ID != s.newest(); e = s.next(r, "position") {
		if e.ID != first.ID {
			t.Errorf("position %s", e.ID)
		}
	}
}

// A reader receives the position at the end of the feed even before the first heartbeat, so
// that one that is disconnected often makes progress.
func TestPositionsAdvanceAtTheEnd(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	test := func(t *testing.T, store persistence.Store) {
		s := serve(t, store, feed.Options{Heartbeat: time.Hour})
		at := s.newest()
		s.put(order("a", "m"))
		newest := s.newest()
		r := s.open("collection", "records", "after", at)
		s.next(r, "position")
		if e := s.next(r, "position"); !store.Reached(e.ID, newest) {
			t.Errorf("position %s, want %s", e.ID, newest)
		}
	}
	t.Run("embedded", func(t *testing.T) { test(t, teststore.Embedded(t)) })
	t.Run("mongodb", func(t *testing.T) {
		// A server without other writers, whose writes readers may see only after Newest does.
		store, err := mongo.Open(t.Context(), mongotest.Start(t).URI())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		test(t, store)
	})
}
