package definition

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/examples"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/drawn"
)

// expressions for definitions: valid ones of every kind, and invalid ones.
var expressions = []string{
	"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "emitter", "coin", "item", "index", "nothing",
	"a + 1", "a * a", "a * a * a", "a / c", "a % (c - c)", "d - a", "a == 1", "c in [1, 2, 3]", "a > c and e", "not e",
	"i[0]", "i[5]", "j[0].x", "j[0].z", "len(i)", "k[a]", `"x" + a`, "a + b", "g + h", "g contains h", "hex(a)", "hex(d)",
	`wei("0.1")`, `wei(g)`, "number(g)", "address(h)", "address(a)", "hash(a, b, i)", "hash(a, g)", "keccak(g)", "option(i, b)",
	"sum(k)", "sum(map(j, .x))", "sum(i)", "millis(a)", "micros(c)", "filter(i, # == b)", "map(j, .x)", "any(i, any(i, true))", "first(i)", "e ? a : c", "e ? a : g",
	"a % 2^160", "a >> 8 & 255", "bits(a, 8, 8)", `abi(h, "uint256")`, `abi(h, "(uint256 x, address)[]")[0].x`, `abi(h, "(uint256, string y)").y`, "find(j, .x > c)?.y ?? g", "find(j, .x > c).x",
	"map(i, ({collection: #, id: a}))", "map(j, ({collection: .y, id: .x, quantity: c, standard: g}))", "map(j, ({collection: .x, id: .y}))", "k[1:]", "i[:2]", "first(i)", "1..c",
	"1", "-1", `"text"`, "true", "nil", "[1, 2]", "{x: 1}", "((", "", "a ** 2", "1..1000000000", "now()", "text(a)", "item.x",
}

// Any definition with any events, whether they fit or not: it is refused with problems that
// have a place, or decodes each event into market events or one failure. Nothing panics,
// and the same events give the same result.
func TestAnyDefinitionAndEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { decodeLogs(t) })
}

// outcomes are the numbers of events that were decoded, and that failed to.
type outcomes struct{ decoded, failed int }

// Some of what the property tests draw is decoded, and some fails.
func TestDrawnEventsAreDecodedOrFail(t *testing.T) {
	for kind, decode := range map[string]func(*rapid.T) outcomes{"evm": decodeLogs, "aptos": decodeMoveEvents} {
		var sum outcomes
		for _, o := range examples.Of(100, decode) {
			sum = outcomes{sum.decoded + o.decoded, sum.failed + o.failed}
		}
		if sum.decoded == 0 || sum.failed == 0 {
			t.Errorf("%s: %+v", kind, sum)
		}
	}
}

// decodeLogs draws a definition and logs, and decodes them.
func decodeLogs(t *rapid.T) (all outcomes) {
	text := drawDefinition(t)
	m, sound := parseAny(t, text)
	if !sound {
		return outcomes{}
	}
	var raws []markets.Raw
	spoilt := map[int32]bool{}
	for i := range rapid.IntRange(1, 3).Draw(t, "events") {
		raw, _ := drawn.Log(t)
		raw.Address, raw.Position.Log = common.HexToAddress("0xaa"), int32(i)
		spoilt[int32(i)] = spoil(t, &raw)
		raws = append(raws, raw)
	}
	for _, s := range m.Streams {
		checkReasons(t, s, raws, spoilt, text)
		one := decodeAny(t, s, raws, text)
		all = outcomes{all.decoded + one.decoded, all.failed + one.failed}
	}
	return all
}

// documented are the reasons for which an event that is as declared can fail: none is a type
// that reading the definition should have refused.
var documented = regexp.MustCompile(`division by zero|more than 512 bits|nothing was found|there is no element|is not from 0 to 512|more than 4096 values|bytes of memory|is not an integer|is not a time|` +
	`of a negative number|is not an address|decimals|is not bytes|ends too early|out of its type's range|is not an amount|the key is empty|is not a standard|without a collection or id|is a nil`)

func checkReasons(t *rapid.T, s markets.Stream, raws []markets.Raw, spoilt map[int32]bool, text string) {
	_, failures := s.DecodeAll(raws)
	for _, f := range failures {
		if !spoilt[f.Raw.Position.Log] && !documented.MatchString(f.Reason.Error()) {
			t.Fatalf("%v\n%s", f.Reason, text)
		}
	}
}

// parseAny is the market of a definition; the problems of an invalid one must have a place.
func parseAny(t *rapid.T, text string) (markets.Market, bool) {
	d, err := Parse(Source{File: "any.yaml", Text: []byte(text)})
	if err != nil {
		ps, ok := err.(Problems)
		if !ok || len(ps) == 0 || ps[0].Line < 1 || ps[0].Column < 1 {
			t.Fatalf("%v\n%s", err, text)
		}
		return markets.Market{}, false
	}
	m, err := d.On(Site{ChainID: 1})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m, true
}

// decodeAny decodes a stream's raw events and returns how many events they became and how
// many failed.
func decodeAny(t *rapid.T, s markets.Stream, raws []markets.Raw, text string) outcomes {
	events, failures := s.DecodeAll(raws)
	again, _ := s.DecodeAll(raws)
	if fmt.Sprint(events) != fmt.Sprint(again) {
		t.Fatalf("%v\nand then %v\n%s", events, again, text)
	}
	for _, f := range failures {
		if strings.Contains(f.Reason.Error(), "panicked") {
			t.Fatalf("%v\n%s", f.Reason, text)
		}
	}
	for i, e := range events {
		if i > 0 && !e.Position.After(events[i-1].Position) {
			t.Fatalf("two events at %v\n%s", e.Position, text)
		}
	}
	return outcomes{len(events), len(failures)}
}

func drawDefinition(t *rapid.T) string {
	return fmt.Sprintf("market: any\nkind: evm\nchains:\n  one: {chainId: 1, contracts: {c: \"0x00000000000000000000000000000000000000aa\"}}\nabi:\n  - %s\nstreams:\n  s:\n    - event: E\n", drawn.Solidity) + drawOutcomes(t)
}

// drawOutcomes draws what an event becomes.
func drawOutcomes(t *rapid.T) string {
	expression := func(name string) string {
		return "'" + strings.ReplaceAll(rapid.SampledFrom(expressions).Draw(t, name), "'", "''") + "'"
	}
	var b strings.Builder
	if rapid.Bool().Draw(t, "each") {
		fmt.Fprintf(&b, "      for: %s\n", rapid.SampledFrom([]string{"i", "j", "k", "'[1, 2]'", "g", "a"}).Draw(t, "for"))
	}
	b.WriteString("      becomes:\n")
	for range rapid.IntRange(1, 2).Draw(t, "outcomes") {
		fmt.Fprintf(&b, "        - kind: %s\n          order: %s\n          maker: %s\n", rapid.SampledFrom(markets.Kinds()).Draw(t, "kind"),
			rapid.SampledFrom([]string{"a", "'hash(a, b)'", "f", "g", "1", "'\"x\" + a'"}).Draw(t, "order"), rapid.SampledFrom([]string{"b", "g", "a"}).Draw(t, "maker"))
		if rapid.Bool().Draw(t, "plain") { // sound more often than not
			continue
		}
		for _, field := range []string{"when", "taker", "quantity", "partial", "price", "expiresAt", "time", "bundle", "from"} {
			if rapid.IntRange(0, 5).Draw(t, field) == 0 {
				fmt.Fprintf(&b, "          %s: %s\n", field, expression(field))
				if field == "price" {
					b.WriteString("          currency: coin\n")
				}
			}
		}
	}
	return b.String()
}

// spoil changes, cuts off or adds to a log, or leaves it, and says which.
func spoil(t *rapid.T, raw *markets.Raw) bool {
	raw.Data = slices.Clone(raw.Data)
	switch rapid.IntRange(0, 5).Draw(t, "spoilt") {
	case 0:
		for range rapid.IntRange(1, 4).Draw(t, "bytes") {
			raw.Data[rapid.IntRange(0, len(raw.Data)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
	case 1:
		raw.Data = raw.Data[:rapid.IntRange(0, len(raw.Data)-1).Draw(t, "length")]
	case 2:
		raw.Topics = raw.Topics[:rapid.IntRange(0, 3).Draw(t, "topics")]
	default:
		return false
	}
	return true
}

// Any file that resembles a definition is read, or refused with problems.
func TestAnyFile(t *testing.T) {
	names, err := filepath.Glob("../catalogue/*.yaml")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d definitions, %v", len(names), err)
	}
	var texts [][]byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := slices.Clone(rapid.SampledFrom(texts).Draw(t, "definition"))
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				text[at] = rapid.SampledFrom([]byte("{}[]:,'\"&*-# \n\tax0|")).Draw(t, "byte")
			case 1:
				text = slices.Delete(text, at, min(at+rapid.IntRange(1, 30).Draw(t, "less"), len(text)))
			case 2:
				text = slices.Insert(text, at, []byte(rapid.SampledFrom([]string{"\n  ", "&x ", "*x", ": ", "- ", "[", "{"}).Draw(t, "more"))...)
			}
		}
		_, err := Parse(Source{File: "any.yaml", Text: text})
		if ps, ok := err.(Problems); err != nil && (!ok || len(ps) == 0) {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}
