package page_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// attack is hostile text from a chain, a token or an endpoint. If a browser interprets any of
// it as markup or script, it marks the document as owned.
const attack = "\"'><script>document.documentElement.dataset.owned=1</script>" +
	"<img src=x onerror=\"document.documentElement.dataset.owned=2\">" +
	"<b hx-get='/' hx-trigger='load' hx-on:click='1'>b</b></td></table></main>{{.}}" +
	"\u202e\u2066gnp\u2069\u200b\x1b[31m\x00\x07\u0085\u2028\ufeff\U000e0041"

// hostile returns a store in which every text contains the attack.
func hostile(t *testing.T) persistence.Store {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	chain, market := "c"+attack, "m"+strings.ReplaceAll(attack, "/", "|")
	chain = strings.ReplaceAll(chain, "/", "|")
	ref := persistence.MarketRef{Chain: chain, Market: market}
	epoch, err := store.TakeOver(t.Context(), chain, "node"+attack)
	if err != nil {
		t.Fatal(err)
	}
	report := persistence.Report{
		Status: persistence.Retrying, Head: 9, LastError: "error" + attack,
		Endpoints: []persistence.Endpoint{{Host: "host" + attack, State: "state" + attack, LastError: "failed" + attack, Errors: map[string]int64{attack: 1}}},
	}
	for _, a := range []persistence.Claim{
		{ID: chain, Kind: "chain"}, {ID: chain + "/head", Kind: "head"}, {ID: chain + "/" + market, Kind: "market", Market: market},
		{ID: chain + "/" + market + "/s/subject", Kind: "subject", Market: market, Stream: "s" + attack},
		{ID: chain + "/" + market + "/s/activity", Kind: "observer", Market: market, Stream: "s" + attack, Start: markets.Place{Seq: 1}},
		{ID: chain + "/" + market + "/s/orders", Kind: "observer", Market: market, Stream: "s" + attack, Documents: true, Start: markets.Place{Seq: 1}},
	} {
		a.Chain, a.Node, a.Epoch = chain, "node"+attack, epoch
		actor, err := store.Claim(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Report(t.Context(), actor.Ref(), report); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	e := markets.Event{
		Kind: markets.Bought, Stream: "s" + attack, Seq: 1, Position: markets.Position{Height: 1}, Block: attack, Transaction: "tx" + attack, Time: at,
		Order: "key" + attack, Side: markets.Ask, Maker: "maker" + attack, From: "from" + attack, To: "to" + attack,
		Token: markets.Token{Collection: attack, ID: attack, Name: "name" + attack}, Quantity: "1", Price: "1",
		Currency: markets.Currency{Symbol: attack, Address: attack},
	}
	folding := markets.NewFolding(chain, market, e.Order)
	folding.Apply(&e)
	o := folding.Order
	letter := markets.DeadLetter{
		Chain: chain, Market: market, Stream: e.Stream, Seq: 1, Position: e.Position, Block: attack, Transaction: e.Transaction, Time: at,
		Reason: "reason" + attack, Raw: []byte(fmt.Sprintf(`[{"topics": %q}]`, "<script>document.documentElement.dataset.owned=3</script>")),
	}
	err = store.Commit(t.Context(), ref, nil, func(tx persistence.Tx) error {
		if err := tx.PutOrders([]markets.Order{o}); err != nil {
			return err
		}
		return tx.Append([]markets.Activity{{Chain: chain, Market: market, Event: e}}, []markets.DeadLetter{letter})
	})
	if err != nil {
		t.Fatal(err)
	}
	troubled(t, store, chain, attack)
	queue := any(store).(persistence.RequestQueue)
	err = queue.Ask(context.WithoutCancel(t.Context()), []persistence.Request{
		{ID: "r1", Kind: persistence.RetryRequest, Chain: chain, DeadLetter: letter.ID(), AskedBy: "somebody" + attack},
	}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Hostile text appears as text: it adds no elements, scripts or attributes, and its invisible
// characters are escaped.
func TestHostileText(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	store := hostile(t)
	b := browse(t, serve(t, store, secret), secret)
	b.size(360, 740)
	orders, err := persistence.Collect[markets.Order](t.Context(), store, persistence.Query{Collection: persistence.Orders})
	if err != nil || len(orders) != 1 {
		t.Fatalf("%d orders: %v", len(orders), err)
	}
	life := "/order?id=" + url.QueryEscape(orders[0].ID())
	for path, shows := range map[string][]string{
		"/":                   {"node", "error", "host", "failed", "1 of 3 events agree", "differences found: 2 events", "no state", "webhook hook", "refused"},
		"/page/orders?chain=": {"name"},
		life:                  {"name", "tx", "from", "to", "bought"},
		"/page/activities":    {"name", "bought"},
		"/page/dead-letters":  {"reason", "somebody", "tx"},
		"/page/requests":      {"somebody", "retry"},
		"/page/webhooks":      {"hook", "refused", "delivery"},
		"/page/orders?" + url.Values{"chain": {attack}, "collection": {attack}, "maker": {attack}, "filter": {attack}, "sort": {attack}, "after": {attack}}.Encode(): {"filter:"},
		"/page/activities?" + url.Values{"before": {attack}}.Encode(): {"first page"},
		"/order?" + url.Values{"id": {attack}}.Encode():               {"unknown order"},
	} {
		b.open(path)
		if path == "/" {
			b.until(`document.querySelector('.chain')`)
			eval[any](b, `document.querySelectorAll('details').forEach((d) => { d.open = true; })`)
		}
		text := b.text("main")
		for _, want := range shows {
			if !strings.Contains(text, want) {
				t.Errorf("%.80s does not show %q:\n%s", path, want, text)
			}
		}
		if strings.HasPrefix(path, "/page/dead") && !strings.Contains(text, `\u202e\u2066gnp\u2069\u200b\x1b[31m`) {
			t.Errorf("invisible characters are not escaped:\n%s", text)
		}
		if owned := eval[string](b, `document.documentElement.dataset.owned ?? ''`); owned != "" {
			t.Errorf("%.80s runs a hostile script: %s", path, owned)
		}
		if foreign := eval[string](b, foreignElements); foreign != "" {
			t.Errorf("%.80s has hostile elements: %s", path, foreign)
		}
		if hidden := eval[string](b, `JSON.stringify(document.documentElement.outerHTML.match(/[^\P{C}\n\t]/gu) ?? '')`); hidden != `""` {
			t.Errorf("%.80s has invisible characters: %s", path, hidden)
		}
		if wide := eval[string](b, tooWide); wide != "" {
			t.Errorf("%.80s is wider than a phone: %s", path, wide)
		}
	}
	b.faults = without(b.faults, "400", "404") // the invalid requests above
}

// foreignElements are elements that the templates do not have.
const foreignElements = `[...document.querySelectorAll('img, iframe, object, embed, style, [hx-on\\:click], b[hx-get], script:not([src^="/page/assets/"])')].map((e) => e.outerHTML).join('; ') +
  (document.scripts.length === 4 && document.querySelectorAll('main').length === 1 ? '' : 'more scripts, or another main')`

func without(faults []string, expected ...string) (out []string) {
	for _, fault := range faults {
		known := false
		for _, e := range expected {
			known = known || strings.Contains(fault, "status of "+e)
		}
		if !known {
			out = append(out, fault)
		}
	}
	return out
}
