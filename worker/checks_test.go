package worker

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/markets/seaport"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// database is data in a MongoDB database.
type database string

func (d database) String() string { return "database" }

func (d database) Open(ctx context.Context) (persistence.Store, error) {
	return mongo.Open(ctx, string(d))
}

// Data of a version whose Seaport orders had no contract in their keys are refused, until
// they are gone.
func TestOldKeysAreRefused(t *testing.T) {
	const hash = "0x5b062a90f00a2a83d8fe04c1a3971af5e29674b0248f8ec62774d6e84bc9ae0f"
	for name, data := range map[string]func(t *testing.T) Data{
		"embedded": func(t *testing.T) Data { return folder(t.TempDir()) },
		"mongodb":  func(t *testing.T) Data { return database(mongotest.Database(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, "one")
			o.Data = data(t)
			o.Chains[0].Markets = []actors.Market{{Market: markettest.Mainnet(t, "wyvern")}, {Market: markettest.Mainnet(t, "seaport")}}
			refused := func() bool {
				t.Helper()
				w, err := Open(t.Context(), o)
				if err != nil {
					if !strings.Contains(err.Error(), "event-worker rewind a/seaport --to 0") {
						t.Fatalf("it does not say what to do: %v", err)
					}
					return true
				}
				if err := w.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				return false
			}
			put := func(market, key string) {
				t.Helper()
				write(t, o.Data, market, func(tx persistence.Tx) error {
					return tx.PutOrders([]markets.Order{{Chain: "a", Market: market, Key: key, Status: markets.Sold}})
				})
			}
			if refused() {
				t.Error("no data are refused")
			}
			put("wyvern", hash)
			put("seaport-fork", hash)
			if refused() {
				t.Error("other markets' keys are refused")
			}
			put("seaport", "exhibit-7@"+seaportContract(t, o.Chains[0].Markets[1].Market)) // a market may have others besides
			if refused() {
				t.Error("a key that is not Seaport's is refused")
			}
			put("seaport", hash)
			if !refused() {
				t.Error("an old key is not refused")
			}
			write(t, o.Data, "seaport", func(tx persistence.Tx) error { return tx.DeleteOrders([]string{hash}) })
			put("seaport", hash+"@"+seaportContract(t, o.Chains[0].Markets[1].Market))
			if refused() {
				t.Error("a key of this version is refused")
			}
		})
	}
}

// So are data of IMart from before the numbers of its galleries, exhibits and offers had their
// curation.
func TestOldKeysOfIMartAreRefused(t *testing.T) {
	for name, id := range map[string]uint64{"imart": 56, "imart-aptos": 2} {
		m, err := catalogue.Market(name, definition.Site{ChainID: id})
		if err != nil {
			t.Fatal(err)
		}
		o := options(t, "one")
		o.Data = folder(t.TempDir())
		o.Chains[0].Markets = []actors.Market{{Market: m}}
		open := func(kind, key string, want bool) {
			t.Helper()
			record := markets.Record{Chain: "a", Market: name, Type: kind, Key: key}
			write(t, o.Data, name, func(tx persistence.Tx) error { return tx.PutRecords([]markets.Record{record}) })
			w, err := Open(t.Context(), o)
			if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "event-worker rewind a/"+name+" --to 0") {
				t.Errorf("%s %s: %v", kind, key, err)
			}
			if err == nil {
				if err := w.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			write(t, o.Data, name, func(tx persistence.Tx) error {
				return tx.DeleteRecords([]string{markets.RecordKey(kind, key)})
			})
		}
		open("token", "0x17", true)
		open("exhibit", "7@0x73", true)
		for _, kind := range []string{"gallery", "exhibit", "exhibit-offer"} {
			open(kind, "7", false)
		}
	}
}

// seaportContract is one of the market's contracts.
func seaportContract(t *testing.T, m markets.Market) string {
	t.Helper()
	if !seaport.Decodes(m) {
		t.Fatal("not Seaport")
	}
	return m.Streams[0].Source.Addresses[0]
}

// write changes a market's documents as nobody who follows a chain does.
func write(t *testing.T, data Data, market string, do func(persistence.Tx) error) {
	t.Helper()
	store, err := data.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Commit(t.Context(), persistence.MarketRef{Chain: "a", Market: market}, nil, do); err != nil {
		t.Fatal(err)
	}
}
