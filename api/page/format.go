package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// functions are available in the templates.
var functions = template.FuncMap{
	"asset":     assetURL,
	"grouped":   human.Grouped,
	"some":      some,
	"count":     func(n int) string { return human.Grouped(int64(n)) },
	"rate":      rate,
	"line":      func(most int, text any) string { return printable.Line(fmt.Sprint(text), most) },
	"short":     short,
	"ago":       func(now time.Time, then any) string { return ago(now, then) },
	"stale":     stale,
	"stamp":     stamp,
	"price":     price,
	"token":     token,
	"words":     func(name any) string { return strings.ReplaceAll(fmt.Sprint(name), "_", " ") },
	"lower":     func(text any) string { return strings.ToLower(fmt.Sprint(text)) },
	"indented":  indented,
	"anchor":    anchor,
	"position":  position,
	"tone":      tone,
	"deref":     func(n *int64) int64 { return *n },
	"minus":     func(a, b int) int { return a - b },
	"order":     func(chain, market, key string) string { return chain + "/" + market + "/" + key },
	"hookstate": hookState,
	"percent":   func(part, whole int64) int64 { return 100 * part / max(whole, 1) },
	"documents": persistence.DocumentsOf,
	"agreeing":  func(d persistence.AuditDocuments) int64 { return d.Compared - d.Differ() },
}

// some formats a number, an int or an int64, with a noun.
func some(n any, noun string) (string, error) {
	switch n := n.(type) {
	case int:
		return human.Some(int64(n), noun), nil
	case int64:
		return human.Some(n, noun), nil
	}
	return "", fmt.Errorf("%v is neither an int nor an int64", n)
}

// rate formats a number per second, small ones with two significant digits.
func rate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond < 0.01:
		return "<0.01"
	case perSecond < 1:
		return fmt.Sprintf("%.2f", perSecond)
	case perSecond < 10:
		return fmt.Sprintf("%.1f", perSecond)
	}
	return human.Grouped(int64(math.Round(perSecond)))
}

// short abbreviates a hash or an address.
func short(text any) string { return human.Short(printable.Line(fmt.Sprint(text), 200)) }

// instant returns the time in v, a time.Time or a *time.Time; false if it is zero or nil.
func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, true
		}
	}
	return time.Time{}, false
}

func ago(now time.Time, then any) string {
	t, ok := instant(then)
	switch {
	case !ok:
		return ""
	case t.After(now.Add(time.Second)):
		return "in " + strings.TrimSuffix(human.Ago(t.Sub(now)), " ago")
	}
	return human.Ago(max(0, now.Sub(t)))
}

// fresh is the age from which on a document's age is shown.
const fresh = 15 * time.Second

// stale formats the age of a document; empty if it is fresh.
func stale(now, written time.Time) string {
	if now.Sub(written) <= fresh {
		return ""
	}
	return ago(now, written)
}

// stamp formats a time in UTC.
func stamp(v any) string {
	t, ok := instant(v)
	if !ok {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// price formats an amount of a currency for people.
func price(a markets.Amount, c markets.Currency) string {
	switch {
	case !a.Known():
		return ""
	case c.Symbol == "":
		return string(a) + " units of " + short(c.Address)
	}
	return human.Units(string(a), c.Decimals) + " " + printable.Line(c.Symbol, 16)
}

// token formats a token: its name, or its collection and ID.
func token(t markets.Token) string {
	switch {
	case t.Name != "":
		return printable.Line(t.Name, 80)
	case t.ID == "" && t.Collection == "":
		return ""
	case t.ID == "":
		return "any of " + short(t.Collection)
	case t.Collection == "":
		return "#" + short(t.ID)
	}
	return short(t.Collection) + " #" + short(t.ID)
}

// maxIndented limits the size of a formatted document, in bytes.
const maxIndented = 64 << 10

// indented formats a JSON document on several lines.
func indented(doc json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Indent(&out, doc, "", "  "); err != nil {
		return string(doc[:min(len(doc), maxIndented)])
	}
	if out.Len() > maxIndented {
		return strings.ToValidUTF8(string(out.Bytes()[:maxIndented]), "") + "\n…"
	}
	return out.String()
}

// anchor returns an HTML id for a kind of element and a name.
func anchor(kind, name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return fmt.Sprintf("%s-%x", kind, h.Sum64())
}

// position formats a position.
func position(p markets.Position) string {
	text := fmt.Sprintf("%s · %d.%d", human.Grouped(p.Height), p.Transaction, p.Log)
	if p.Sub > 0 {
		text += fmt.Sprintf(".%d", p.Sub)
	}
	return text
}

// tones are the CSS classes of states, statuses and answers: good, busy, bad, accent or
// quiet.
var tones = map[string]string{
	persistence.Following: "good", persistence.Running: "good", persistence.Backfilling: "busy",
	persistence.Retrying: "bad", persistence.FinalityBroken: "bad", persistence.Paused: "quiet", persistence.Stopped: "quiet",
	persistence.Up: "good", persistence.Draining: "busy", persistence.Leaving: "busy", persistence.Dead: "bad",
	silent: "bad", "limited": "busy", "lagging": "busy", "pruned": "busy", "wrong_chain": "bad", "down": "bad",
	differs: "bad", "failing": "bad", "delivering": "good", stuck: "bad",
	string(markets.Listing): "good", string(markets.Partial): "good", string(markets.Sold): "accent",
	string(markets.Yes): "good", string(markets.No): "bad",
	persistence.RequestPending: "busy", persistence.RequestDone: "good", persistence.RequestFailed: "bad",
}

func tone(state any) string {
	if t := tones[fmt.Sprint(state)]; t != "" {
		return t
	}
	return "quiet"
}
