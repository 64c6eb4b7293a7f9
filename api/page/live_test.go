package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/internal/certtest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// written is a store with one chain, to which a test writes like a worker.
type written struct {
	persistence.Store
	t      *testing.T
	market persistence.MarketRef
	seq    int64
}

func writing(t *testing.T) *written {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &written{Store: store, t: t, market: persistence.MarketRef{Chain: "ethereum", Market: "seaport"}}
	w.begin()
	return w
}

// begin takes over the chain.
func (w *written) begin() {
	w.t.Helper()
	epoch, err := w.TakeOver(w.t.Context(), "ethereum", "node")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range []persistence.Claim{
		{ID: "ethereum", Kind: "chain"}, {ID: "ethereum/seaport", Kind: "market", Market: "seaport"},
		{ID: "ethereum/seaport/buy/activity", Kind: "observer", Market: "seaport", Stream: "buy", Start: markets.Place{Seq: 1}},
	} {
		c.Chain, c.Node, c.Epoch = "ethereum", "node", epoch
		if _, err := w.Claim(w.t.Context(), c); err != nil {
			w.t.Fatal(err)
		}
	}
}

// commit commits an activity for each token.
func (w *written) commit(kind markets.Kind, tokens ...string) {
	w.t.Helper()
	var all []markets.Activity
	for _, token := range tokens {
		w.seq++
		all = append(all, markets.Activity{Chain: w.market.Chain, Market: w.market.Market, Event: markets.Event{
			Kind: kind, Stream: "buy", Seq: w.seq, Position: markets.Position{Height: w.seq}, Time: time.Unix(1_700_000_000+w.seq, 0).UTC(),
			Token: markets.Token{Name: token},
		}})
	}
	w.change(func(tx persistence.Tx) error { return tx.Append(all, nil) })
}

// rewind takes back the activities after a seq.
func (w *written) rewind(to int64) {
	w.t.Helper()
	w.change(func(tx persistence.Tx) error {
		_, _, err := tx.Truncate("buy", to, 1000)
		return err
	})
}

func (w *written) change(do func(persistence.Tx) error) {
	w.t.Helper()
	if err := w.Commit(w.t.Context(), w.market, nil, do); err != nil {
		w.t.Fatal(err)
	}
}

// logIn logs in with the form.
func (b *browser) logIn() {
	b.t.Helper()
	b.open("/login")
	b.do(chromedp.SendKeys(chromedp.CSS("[name=token]"), secret), chromedp.SendKeys(chromedp.CSS("[name=token]"), kb.Enter))
	b.until(`location.pathname === '/' && document.querySelector('.strip')`)
}

// tokens are the tokens of the listed activities.
const tokens = `[...document.querySelectorAll('.list tbody tr td:nth-child(3)')].map((e) => e.innerText).join()`

// New activities appear at the top, retracted ones disappear with a note, and a paused page
// closes its feed. The feed accepts the cookie of the login.
func TestActivitiesAsTheyCome(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	store := writing(t)
	store.commit(markets.Listed, "first")
	b := browse(t, serve(t, store, secret), "")
	b.logIn()
	b.open("/page/activities?chain=ethereum&kind=listed")
	b.follows()
	loaded := eval[float64](b, `performance.timeOrigin`)
	if shown := eval[string](b, tokens); shown != "first" {
		t.Fatalf("at first %q", shown)
	}

	store.commit(markets.Listed, "second", "third")
	store.commit(markets.Bought, "of another kind")
	b.until(tokens + ` === 'third,second,first'`)
	if hidden := eval[bool](b, `document.querySelector('#retracted').hidden`); !hidden {
		t.Error("the page has a note, although nothing was taken back")
	}

	store.rewind(1)
	b.until(tokens + ` === 'first'`)
	if note := b.text("#retracted"); !strings.HasPrefix(note, "2 activities were taken back") {
		t.Errorf("the note is %q", note)
	}

	b.click("#pause")
	b.until(`window.feeds.at(-1).readyState === EventSource.CLOSED`)
	store.commit(markets.Listed, "while paused")
	b.click("#pause")
	b.until(tokens + ` === 'while paused,first'`)

	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprint("n", i))
	}
	store.commit(markets.Listed, many...)
	b.until(tokens + `.startsWith('n199,')`)
	if rows := eval[int](b, `document.querySelectorAll('.list tbody tr').length`); rows != 60 {
		t.Errorf("%d rows are kept", rows)
	}
	if again := eval[float64](b, `performance.timeOrigin`); again != loaded {
		t.Error("the page was loaded again")
	}
	if feeds := eval[int](b, `window.feeds.length`); feeds != 2 {
		t.Errorf("the page has opened %d feeds", feeds)
	}
}

// follows waits until the open page follows the feed.
func (b *browser) follows() {
	b.t.Helper()
	b.until(`window.feeds?.length === 1 && window.feeds[0].readyState === EventSource.OPEN`)
}

// With TLS the cookie is restricted to TLS, and the page and its feed work.
func TestTLS(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	store := writing(t)
	store.commit(markets.Listed, "first")
	file := certtest.New(t).Issue("page")
	at := servingAs(t, store, nil, api.Options{Token: secret, TLS: api.TLS{Certificate: file, Key: file}})
	if !strings.HasPrefix(at, "https://") {
		t.Fatalf("it is served at %s", at)
	}
	b := browse(t, at, "")
	b.logIn()
	cookies, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{at}})
	if err != nil || len(cookies.Cookies) != 1 {
		t.Fatalf("%+v: %v", cookies, err)
	}
	if c := cookies.Cookies[0]; !c.Secure || !c.HTTPOnly || c.SameSite != network.CookieSameSiteStrict {
		t.Errorf("the cookie is %+v", c)
	}
	b.open("/page/activities")
	b.follows()
	for _, token := range []string{"second", "third"} { // the first may come with the list that is read when the feed opens
		store.commit(markets.Listed, token)
		b.until(tokens + `.startsWith('` + token + `')`)
	}
	b.do(chromedp.Submit(chromedp.CSS("form[action='/logout']")))
	b.until(`location.pathname === '/login'`)
}

// A list that is read again after a change in the feed has that change, even if another
// viewer has just read the list.
func TestListAfterAChange(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	store := writing(t)
	at := serve(t, store, "")
	list := func() string {
		_, body, _ := ask(t, http.MethodGet, at+"/page/activities", "", nil, "HX-Request", "true")
		return body
	}
	for end := time.Now().Add(patience); !strings.Contains(list(), "<option value=\"seaport\">"); { // until the documents have been read
		if time.Now().After(end) {
			t.Fatal("the chain does not appear")
		}
	}
	for _, token := range []string{"first", "second"} {
		list()
		store.commit(markets.Listed, token)
		if body := list(); !strings.Contains(body, token) {
			t.Errorf("the list has no %s: %s", token, body)
		}
	}
}
