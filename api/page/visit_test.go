package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

const secret = "a-token-that-is-long-enough"

// The sections of the page, by path, with a text that each must show.
var sections = []struct{ path, has string }{
	{"/", "owned by demo"},
	{"/page/orders?chain=", "Ice Blue #1388"},
	{"/page/activities", "BIT #3524"},
	{"/page/dead-letters", "not known: <script>"},
	{"/page/requests", "Requests to the owners of chains"},
	{"/page/webhooks", "No webhooks"},
}

// All sections of the page work in a browser, with the data of the recorded chains.
func TestVisit(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	binary(t)
	store := running(t)
	b := browse(t, serve(t, store, secret), secret)
	for _, test := range []struct {
		name string
		look func(*testing.T, *browser)
	}{
		{"sections", everySection},
		{"tree", tree},
		{"plots", plots},
		{"orders", orders},
		{"activities", activities},
		{"keyboard", keyboard},
		{"theme", theme},
		{"pause", pause},
		{"login", login},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.t = t
			b.size(1280, 900)
			b.prefers("light", "no-preference")
			test.look(t, b)
			b.well()
		})
	}
	t.Run("retry", func(t *testing.T) {
		b.t = t
		retry(t, b, store)
		b.well()
	})
	b.t = t
}

// In both colour schemes, on a desktop, a tablet and a phone, no section is wider than the
// screen, and no figure is cut or on two lines.
func everySection(t *testing.T, b *browser) {
	backgrounds := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		b.prefers(scheme, "reduce")
		for _, width := range []int64{1280, 768, 360} {
			b.size(width, 740)
			for _, s := range sections {
				b.open(s.path)
				if text := b.text("main"); !strings.Contains(text, s.has) {
					t.Errorf("%s does not show %q:\n%s", s.path, s.has, text)
				}
				if wide := eval[string](b, tooWide); wide != "" {
					t.Errorf("%s is wider than a screen of %d px: %s", s.path, width, wide)
				}
				if cut := eval[string](b, cutFigures); cut != "" {
					t.Errorf("%s at %d px: figures are cut: %s", s.path, width, cut)
				}
				if bad := eval[string](b, contrast); bad != "" {
					t.Errorf("%s, %s: too little contrast: %s", s.path, scheme, bad)
				}
			}
		}
		backgrounds[eval[string](b, `getComputedStyle(document.body).backgroundColor`)] = true
		if motion := eval[string](b, `getComputedStyle(document.querySelector('button')).animationName`); motion != "none" {
			t.Errorf("something moves: %s", motion)
		}
	}
	if len(backgrounds) != 2 {
		t.Errorf("both schemes have the same background: %v", backgrounds)
	}
}

// tooWide lists the elements that make the page wider than the screen.
const tooWide = `document.documentElement.scrollWidth <= innerWidth ? '' :
  [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + .5)
    .map((e) => e.tagName + '.' + e.className + ' ' + e.getBoundingClientRect().right).slice(0, 12).join('; ') || 'something'`

// cutFigures lists the figures, and the links and buttons of forms, that are on two lines or
// overflow their box.
const cutFigures = `[...document.querySelectorAll('.figures dd, .strip dd, .actions a, .actions button')].filter((e) => {
  const text = document.createRange();
  text.selectNodeContents(e);
  const [its, box, state] = [text.getBoundingClientRect(), e.closest('.panel, main').getBoundingClientRect(), e.querySelector('.state')];
  return its.right > box.right + .5 || !state && its.height > 1.7 * parseFloat(getComputedStyle(e).fontSize);
}).map((e) => e.innerText).join('; ')`

// contrast lists the texts whose contrast with the background is below that of WCAG AA, 4.5.
const contrast = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > .99) return c; } return [255, 255, 255, 1]; };
  const bad = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim());
    if (!own || !e.checkVisibility() || e.disabled || e.closest('.unseen, .skip')) continue;
    const [a, b] = [light(rgba(getComputedStyle(e).color).slice(0, 3)), light(behind(e).slice(0, 3))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.add(e.className + ' "' + e.innerText.slice(0, 20) + '" ' + ratio.toFixed(2));
  }
  return [...bad].join('; ');
})()`

// The tree is folded, unfolds branch by branch, and stays unfolded when the page is updated.
func tree(t *testing.T, b *browser) {
	b.open("/")
	if n := eval[int](b, `document.querySelectorAll('.tree details[open]').length`); n != 0 {
		t.Errorf("%d healthy branches are open", n)
	}
	if shown := eval[bool](b, `[...document.querySelectorAll('.name')].some((e) => e.checkVisibility() && e.innerText.trim() === 'buy')`); shown {
		t.Error("a stream is shown although its market is folded")
	}
	market := `[...document.querySelectorAll('.tree summary')].find((e) => e.innerText.trim().startsWith('seaport'))`
	eval[bool](b, market+`.click() ?? true`)
	b.until(market + `.parentElement.querySelector(':scope > ul').checkVisibility()`)
	stream := market + `.parentElement.querySelector(':scope > ul details > summary')`
	eval[bool](b, stream+`.click() ?? true`)
	at := b.text(".foot")
	b.until(`document.querySelector('.foot').innerText !== '` + at + `'`) // the page was updated
	for _, actor := range []string{"subject", "activity", "order-"} {
		if text := eval[string](b, stream+`.parentElement.innerText`); !strings.Contains(text, actor) {
			t.Errorf("the stream does not show its %s: %s", actor, text)
		}
	}
	if text := eval[string](b, market+`.innerText`); !strings.Contains(text, "38") {
		t.Errorf("seaport shows %q, not its events", text)
	}
}

// The plots of a chain are drawn when there are two points.
func plots(t *testing.T, b *browser) {
	b.open("/")
	b.until(`document.querySelectorAll('.plots canvas').length === 8`)
	b.until(`[...document.querySelectorAll('.plots output')].every((o) => o.innerText !== '')`)
	const drawn = `[...document.querySelectorAll('.plots canvas')].every((c) => {
	  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
	  return d.some((v) => v !== 0);
	})`
	if !eval[bool](b, drawn) {
		t.Error("a plot is empty")
	}
	if text := b.text(".plots figure[data-kind=endpoints] output"); text != "1" && text != "1, 1 failing" {
		t.Errorf("endpoints: %q", text)
	}
}

// The form filters and sorts, an order links to its history, and an invalid filter is
// reported.
func orders(t *testing.T, b *browser) {
	b.open("/page/orders")
	b.do(
		chromedp.SetValue(chromedp.CSS("[name=chain]"), "aptos"), chromedp.SetValue(chromedp.CSS("[name=status]"), "SOLD"),
		chromedp.SetValue(chromedp.CSS("[name=sort]"), "-unitPrice"),
		chromedp.SendKeys(chromedp.CSS("[name=filter]"), `{side: "ask"}`), chromedp.SendKeys(chromedp.CSS("[name=filter]"), kb.Enter),
	)
	b.until(`location.search.includes('SOLD')`)
	b.do(chromedp.WaitReady(chromedp.CSS("main")))
	tokens := eval[[]string](b, `[...document.querySelectorAll('.list .first a')].map((a) => a.innerText)`)
	if len(tokens) == 0 || tokens[0] != "Ice Blue #1388" {
		t.Fatalf("the most expensive sold asks are %q", tokens)
	}
	if value := eval[string](b, `document.querySelector('[name=filter]').value`); value != `{side: "ask"}` {
		t.Errorf("the form forgets its filter: %q", value)
	}
	b.click(".list .first a")
	b.until(`location.pathname === '/order'`)
	b.do(chromedp.WaitReady(chromedp.CSS(".life li")))
	for _, want := range []string{"Ice Blue #1388", "1.6624 APT", "bought", "0xd355674fbeec72aa7ef36013e8fc19ac1d8ee516d800950057e1f06145362135", "tradeport on aptos",
		"no it was sold at 2025-02-19 15:13:21 UTC", "status\tSOLD", "filledAt\t2025-02-19 15:13:21", "price\t1.6624 APT"} {
		if text := b.text("main"); !strings.Contains(text, want) {
			t.Errorf("the order's page has no %q:\n%s", want, text)
		}
	}
	b.size(360, 740)
	if wide := eval[string](b, tooWide); wide != "" {
		t.Errorf("an order is wider than a phone: %s", wide)
	}
	b.open("/page/orders?chain=&filter=%7Bstat")
	if text := b.text("main"); !strings.Contains(text, "filter:") {
		t.Errorf("an invalid filter: %s", text)
	}
	b.faults = nil // the answer is 400, which the browser logs
}

// The newest activities are first, and the form selects a kind.
func activities(t *testing.T, b *browser) {
	b.open("/page/activities?chain=ethereum&market=&kind=delisted")
	kinds := eval[[]string](b, `[...document.querySelectorAll('.list .kind')].map((e) => e.innerText)`)
	if len(kinds) != 6 || strings.Join(kinds, "") != strings.Repeat("delisted", 6) {
		t.Errorf("delisted: %q", kinds)
	}
	times := eval[[]string](b, `[...document.querySelectorAll('.list .first')].map((e) => e.innerText)`)
	for i := 1; i < len(times); i++ {
		if times[i] > times[i-1] {
			t.Errorf("%s comes after %s", times[i], times[i-1])
		}
	}
}

// All controls can be reached by keyboard, with a visible focus: first the link that skips the
// bar, then the sections, then the branches of the tree, which the space bar unfolds.
func keyboard(t *testing.T, b *browser) {
	b.open("/")
	var visited []string
	for range 16 {
		b.do(chromedp.KeyEvent(kb.Tab))
		visited = append(visited, eval[string](b, `document.activeElement.innerText.trim().split('\n')[0]`))
		if !eval[bool](b, `(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()`) {
			t.Errorf("the focus on %q is not visible", visited[len(visited)-1])
		}
		if strings.HasPrefix(visited[len(visited)-1], "tradeport") {
			break
		}
	}
	got := strings.Join(visited, "|")
	for _, want := range []string{"Skip to the content|event worker|Overview|Orders|Activities|Dead letters", "|Requests|Webhooks|Pause|Auto|Log out|", "|tradeport"} {
		if !strings.Contains(got, want) {
			t.Errorf("the keyboard reaches %s, not %s", got, want)
		}
	}
	b.do(chromedp.KeyEvent(" "))
	b.until(`document.activeElement.closest('details').open`)
	b.do(chromedp.KeyEvent(kb.Tab))
	if text := eval[string](b, `document.activeElement.innerText`); !strings.HasPrefix(strings.TrimSpace(text), "buy") {
		t.Errorf("after the market comes %q", text)
	}
}

// The chosen theme is kept across pages, and takes precedence over that of the browser.
func theme(t *testing.T, b *browser) {
	b.open("/page/requests")
	b.click("#theme")
	b.click("#theme")
	dark := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	b.open("/page/dead-letters")
	if again := eval[string](b, `getComputedStyle(document.body).backgroundColor + document.querySelector('#theme').innerText`); again != dark+"Dark" {
		t.Errorf("the next page is %s, not %s", again, dark)
	}
	b.click("#theme")
	if light := eval[string](b, `getComputedStyle(document.body).backgroundColor`); light == dark {
		t.Error("the theme does not go back to the browser's")
	}
}

// A paused page makes no requests, and a resumed page is updated at once.
func pause(t *testing.T, b *browser) {
	b.open("/")
	b.until(`document.querySelector('.foot')`)
	b.click("#pause")
	if pressed := eval[string](b, `document.querySelector('#pause').getAttribute('aria-pressed')`); pressed != "true" {
		t.Errorf("pressed: %s", pressed)
	}
	asked := eval[bool](b, `(() => {
	  window.asked = 0;
	  const fetched = window.fetch;
	  window.fetch = (...a) => { window.asked++; return fetched(...a); };
	  htmx.trigger(document.querySelector('#live'), 'every');
	  return true;
	})()`)
	if n := eval[int](b, `window.asked`); !asked || n != 0 {
		t.Errorf("a paused page makes %d requests", n)
	}
	b.click("#pause")
	b.until(`window.asked > 0`)
}

// Viewers without a token get the login form, which accepts only the right token.
func login(t *testing.T, b *browser) {
	known := network.Headers{"Authorization": "Bearer " + secret}
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{}})
	defer call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: known})
	b.size(360, 740)
	b.open("/page/orders")
	for i, token := range []string{"not this one", secret} {
		b.until(`location.pathname === '/login' && document.querySelector('[name=token]')`)
		if wrong := eval[bool](b, `document.querySelector('#wrong') !== null`); wrong != (i == 1) {
			t.Errorf("attempt %d: a wrong token was sent: %t", i+1, wrong)
		}
		if bad := eval[string](b, tooWide) + eval[string](b, contrast); bad != "" {
			t.Errorf("the form: %s", bad)
		}
		if text := b.text("body"); strings.Contains(text, "seaport") || strings.Contains(text, "Overview") {
			t.Errorf("the form reveals data of the worker: %s", text)
		}
		b.do(chromedp.SendKeys(chromedp.CSS("[name=token]"), token), chromedp.SendKeys(chromedp.CSS("[name=token]"), kb.Enter))
		if i == 0 {
			b.until(`location.search === '?wrong'`)
		}
	}
	b.until(`location.pathname === '/' && document.querySelector('.chain')`)
	if seen := eval[string](b, `document.cookie`); seen != "" {
		t.Errorf("scripts see the cookie: %s", seen)
	}
	b.do(chromedp.Submit(chromedp.CSS("form[action='/logout']")))
	b.until(`location.pathname === '/login'`)
}

// The running worker retries a dead letter: it disappears from the list, and the request is
// done.
func retry(t *testing.T, b *browser, store persistence.Store) {
	b.size(1280, 900)
	b.open("/page/dead-letters")
	letters := eval[int](b, `document.querySelectorAll('.letter').length`)
	id := eval[string](b, `document.querySelector('.letter [name=id]').value`)
	if letters < 7 || !strings.HasPrefix(id, "ethereum/seaport/buy/17000000.") {
		t.Fatalf("%d dead letters, first %s", letters, id)
	}
	b.click(".letter button")
	b.until(`location.hash.startsWith('#letter-') && document.querySelector('.lead')`)
	b.until(fmt.Sprintf(`document.querySelectorAll('.letter').length === %d`, letters-1))
	if eval[bool](b, `[...document.querySelectorAll('.letter [name=id]')].some((e) => e.value === '`+id+`')`) {
		t.Error("another dead letter has disappeared")
	}
	left, err := persistence.Collect[struct{}](t.Context(), store, persistence.Query{Collection: persistence.DeadLetters})
	if err != nil || len(left) != letters-1 {
		t.Errorf("%d of %d dead letters are left: %v", len(left), letters, err)
	}
	b.open("/page/requests")
	b.until(`document.querySelector('.list').innerText.includes('decoded')`)
	if text := b.text(".list"); !strings.Contains(text, id) || !strings.Contains(text, "done") || !strings.Contains(text, "page@") {
		t.Errorf("the request: %s", text)
	}
}
