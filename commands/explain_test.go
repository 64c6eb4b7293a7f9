package commands

import (
	"cmp"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// demoOnBothStores returns a folder and a database in which the demo has read its whole
// recording.
func demoOnBothStores(t *testing.T) []location {
	t.Helper()
	data, _ := whole(t)
	uri := mongotest.Database(t)
	if _, stderr, code := result(t, t.TempDir(), []string{mongoVariable + "=" + uri}, "demo", "--once"); code != 0 {
		t.Fatalf("the demo on MongoDB: %s", stderr)
	}
	return []location{{folder: data}, {uri: uri}}
}

// in runs the program on the data of a location.
func (l location) in(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if l.uri != "" {
		return result(t, t.TempDir(), []string{mongoVariable + "=" + l.uri}, args...)
	}
	return result(t, l.folder, nil, append(args, "--data", l.folder)...)
}

// The document of every recorded order equals the fold of its log, and the changes of its
// explanation make the order. testdata has the output for some of them.
func TestExplainRecordedOrders(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	for _, at := range demoOnBothStores(t) {
		explainAll(t, at)
		for name, args := range map[string][]string{
			"sold":      {"0x8d6fe7ee489a4ff34394976d889ac864b0ab5371ebb707f955a6749e496a6397"},
			"delisted":  {"ethereum/seaport/0x898A9F30CB3E58B95343A8B778843CA2097C11D375F0502EE27565F14E38E475@0x00000000000000adc04c56bf30ac9d3c0aaf14dc"},
			"aptos":     {"aptos/tradeport/0x892b542fbc8724a065e3c1138b637712ab063ab8db92680ef2533121b8fba172"},
			"aptos-bid": {"0x892b542fbc8724a065e3c1138b637712ab063ab8db92680ef2533121b8fba172", "--at", "2,386,142,671"},
		} {
			stdout, stderr, code := at.in(t, append([]string{"explain"}, args...)...)
			if code != 0 {
				t.Fatalf("%s in %s: %s", name, at, stderr)
			}
			path := filepath.Join("testdata", "explain", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(stdout), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if stdout != string(want) {
				t.Errorf("%s in %s is printed as\n%s\n%s has\n%s", name, at, stdout, path, want)
			}
		}
	}
}

func explainAll(t *testing.T, at location) {
	t.Helper()
	docs, err := at.openReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer docs.Close()
	orders, err := persistence.Collect[markets.Order](t.Context(), docs, persistence.Query{Collection: persistence.Orders})
	if err != nil || len(orders) != 61 {
		t.Fatalf("%d orders: %v", len(orders), err)
	}
	for _, o := range orders {
		e, err := explain.Order(t.Context(), docs, o.ID(), nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		fields := explain.Fields{}
		for _, s := range e.Steps {
			fields.Apply(s.Changes)
		}
		folded, err := fields.Order()
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(folded)
		want, _ := json.Marshal(o)
		if string(got) != string(want) || len(e.Differences) > 0 || len(e.Waiting) > 0 {
			t.Errorf("%s in %s: the changes make\n%s\nof\n%s\nwith %d differences", o.ID(), at, got, want, len(e.Differences))
		}
	}
}

// Errors say what to write instead.
func TestExplainMistakes(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	const order = "ethereum/seaport/0x8d6fe7ee489a4ff34394976d889ac864b0ab5371ebb707f955a6749e496a6397@0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"
	for _, test := range []struct{ args, want string }{
		{"", "expected one argument, an order"},
		{"0x8d6fe7ee489a4ff34394976d889ac864b0ab5371ebb707f955a6749e496a6398", "did you mean " + order + "?"},
		{"etherum/seaport/0x12", "did you mean ethereum/seaport?"},
		{"0x12345678", `"query orders" prints orders with their _id`},
		{"0x46EE748e03fba9a8a03e872fc9f75f7a181bf558c80849ff0006f27138748471", "it is a transaction; its orders are ethereum/seaport/0x631d"},
		{order + " --at yesterday", "must be a block number or ledger version"},
		{order + " --at -1", "must be a block number or ledger version"},
	} {
		_, stderr, code := result(t, data, nil, append([]string{"explain", "--data", data}, strings.Fields(test.args)...)...)
		if code != 1 || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("explain %s: exit code %d, %s, want %q", test.args, code, stderr, test.want)
		}
	}
}

// An order that differs from the fold of its log is explained all the same; the exit code
// is 1.
func TestExplainADifference(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	const key = "0x8d6fe7ee489a4ff34394976d889ac864b0ab5371ebb707f955a6749e496a6397@0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"
	store, err := location{folder: data}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = store.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, nil, func(tx persistence.Tx) error {
		orders, err := tx.Orders([]string{key})
		o := orders[key]
		o.Status = markets.Listing
		return cmp.Or(err, tx.PutOrders([]markets.Order{o}))
	})
	if err := cmp.Or(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := result(t, data, nil, "explain", "--data", data, key, "--json")
	var e explain.Explanation
	if err := json.Unmarshal([]byte(stdout), &e); err != nil {
		t.Fatal(err)
	}
	if code != 1 || !strings.Contains(stderr, "differs from the fold of its log") || len(e.Differences) != 1 || e.Differences[0].Field != "status" || e.Order.Status != markets.Sold {
		t.Errorf("exit code %d: %s%s", code, stderr, stdout)
	}
}
