package expression

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/types"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/examples"
	"github.com/imart/event-worker/markets"
)

var pair = types.Map{"id": NumberType, "owner": types.String}

var everything = NewScope(markets.Aptos, types.Map{
	"n": NumberType, "m": NumberType, "i": types.Int, "t": types.String, "u": types.String, "b": types.Bool,
	"ns": types.Array(NumberType), "ts": types.Array(types.String), "p": pair, "ps": types.Array(pair),
	"nss": types.Array(types.Array(NumberType)), "look": types.TypeOf(func(string) string { return "" }), "table": types.Map{types.Extra: pair},
})

// drawValues draws values of the types of everything.
func drawValues(t *rapid.T) Values {
	n := func() any { return drawInteger(t) }
	s := func() any {
		return rapid.SampledFrom([]string{"", "a", "0x", "0x0b", "0xff00ff00", "7", "-7", "0.1", "ä€", strings.Repeat("x", 300)}).Draw(t, "text")
	}
	p := func() any { return map[string]any{"id": n(), "owner": s()} }
	list := func(of func() any) any {
		out := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "size") {
			out = append(out, of())
		}
		return out
	}
	return Values{
		"n": n(), "m": n(), "i": rapid.IntRange(0, 5).Draw(t, "i"), "t": s(), "u": s(), "b": rapid.Bool().Draw(t, "b"),
		"ns": list(n), "ts": list(s), "p": p(), "ps": list(p), "nss": list(func() any { return list(n) }),
		"look": func(text string) string { return text + "!" }, "table": map[string]any{"a": p(), "7": p()},
	}
}

func drawInteger(t *rapid.T) Number {
	n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, rapid.SampledFrom([]int{1, 1, 8, 32, 64}).Draw(t, "bytes")).Draw(t, "integer"))
	if rapid.Bool().Draw(t, "negative") {
		n.Neg(n)
	}
	return NumberOf(n)
}

// templates are expressions of each kind, with kinds for their parts. ns, ts, ps are lists of
// numbers, texts and pairs; n? and p? may be nil.
var templates = map[string][]string{
	"n": {"n", "m", "i", "7", "0xffffffffffffffffffff", "<n> + <n>", "<n> - <n>", "<n> * <n>", "<n> / <n>", "<n> % <n>", "<n> % 2^160", "<n> & <n>", "<n> >> 8", "<n> >> <n>",
		"<n> << 3", "2 ^ <n>", "<n> ** 2", "-<n>", "len(<ns>)", "len(<t>)", "<ns>[0]", "<ns>[-1]", "<ns>[<n>]", "<p>.id", "<b> ? <n> : <n>", "<n?> ?? <n>", "sum(<ns>)",
		"sum(<ps>, .id)", "sum(map(<ps>, .id))", "number(<t>)", "wei(<t>)", "units(<t>, 3)", "bits(<n>, 4, 8)", "count(<ts>, # == <t>)", "option(<ns>, <n>)", "<n?>", "let v = <n>; v + v", "ps | map(.id) | sum()", "abi(<t>, 'uint8')"},
	"t": {"t", "u", "'x'", "<t> + <t>", "<t> + <n>", "<n> + <t>", "text(<n>)", "hex(<n>)", "lower(<t>)", "trim(<t>)", "replace(<t>, <t>, <t>)", "join(<ts>, <t>)", "join(<ts>)", "<t>[1:3]", "<t>[2:]", "<t>[:<n>]",
		"<p>.owner", "<ts>[0]", "first(<ts>)", "last(<ps>).owner", "<p?>?.owner ?? <t>", "address(<t>)", "address(<n>)", "hash(<n>, <t>, <b>)", "keccak(<t>)", "<b> ? <t> : <t>", "look(<t>)", "tokenDataId(<t>, <t>, <t>)", "option(<ts>, <t>)",
		"coinType({account_address: <t>, module_name: <t>, struct_name: <t>})"},
	"b": {"b", "true", "<n> == <n>", "<n> != <n>", "<n> < <n>", "1 < <n> < 9", "<n> >= 1 and <n> <= 2", "<t> == <t>", "<t> < <t>", "<b> and <b>", "<b> or <b>", "not <b>", "<n> in <ns>", "<n> in [1, 2, <n>]", "<t> not in <ts>",
		"<t> contains <t>", "<t> startsWith <t>", "<t> matches '^0x[0-9a-f]+$'", "any(<ns>, # > <n>)", "all(<ps>, .id == <n>)", "none(<ts>, # == <t>)", "one(<ns>, # > 1)", "<p?> == nil", "<n?> != nil", "<ns> == <ns>", "<p> == <p>",
		"millis(<n>) == micros(<n>)", "hasPrefix(<t>, <t>)", "<n> & 1 == 1", "<t> in table", "table == table"},
	"ns": {"ns", "[]", "[<n>, <n>]", "map(<ps>, .id)", "map(<ns>, # + <n>)", "map(<ts>, #index)", "filter(<ns>, # > <n>)", "<ns>[1:3]", "<ns>[:-1]", "1..3", "0..len(<ns>) % 9", "<n>..<n>", "(<n> & 3)..(<n> % 7)", "<b> ? <ns> : <ns>", "nss[0]", "<ns> | map(# * 2)", "abi(<t>, 'uint256[]')"},
	"ts": {"ts", "[<t>]", "map(<ns>, text(#))", "map(<ps>, .owner)", "filter(<ts>, # contains <t>)", "split(<t>, <t>)", "<ts>[1:]"},
	"p":  {"p", "<ps>[0]", "{id: <n>, owner: <t>}", "first(<ps>)", "<p?> ?? <p>", "<b> ? <p> : <p>", "abi(<t>, '(uint256 id, string owner)')"},
	"ps": {"ps", "[<p>]", "filter(<ps>, .id > <n>)", "map(<ns>, ({id: #, owner: <t>}))", "map(<ts>, {let s = #; {id: <n>, owner: s}})", "<ps>[0:2]"},
	"n?": {"find(<ns>, # > <n>)", "first(<ns>)", "<p?>?.id", "<b> ? <n> : nil", "<n?> ?? <n?>", "<b> ? <n> : <n?>", "<b> ? <n?> : <n>"},
	"p?": {"find(<ps>, .id == <n>)", "last(<ps>)", "<b> ? nil : <p>", "table[<t>]"},
}

var place = regexp.MustCompile(`<[a-z]+\??>`)

// drawExpression draws an expression of a kind; now and then with a part of another.
func drawExpression(t *rapid.T, kind string, depth int) string {
	choices := templates[kind]
	if depth == 0 && !strings.HasSuffix(kind, "?") {
		choices = choices[:1]
	}
	return place.ReplaceAllStringFunc(rapid.SampledFrom(choices).Draw(t, kind), func(part string) string {
		part = strings.Trim(part, "<>")
		if rapid.IntRange(0, 60).Draw(t, "wrong") == 0 {
			part = rapid.SampledFrom([]string{"n", "t", "b", "ns", "p", "n?"}).Draw(t, "other")
		}
		return "(" + drawExpression(t, part, max(0, depth-1)) + ")"
	})
}

// documented are the reasons for which an expression that was read can fail.
var documented = regexp.MustCompile(`division by zero|more than 512 bits|nothing was found|there is no element|is not from 0 to 512|more than 4096 values|bytes of memory|` +
	`is not an integer|is not a time|of a negative number|is not an address|decimals|is not bytes|ends too early|out of its type's range`)

// What was read never fails because of its types: whatever the values, it has one of its type
// or fails for a reason that is documented.
func TestWhatIsReadCanBeEvaluated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { evaluateAny(t) })
}

// Most of the expressions that are drawn are read and can be evaluated.
func TestDrawnExpressionsAreRead(t *testing.T) {
	read, evaluated := 0, 0
	all := examples.Of(100, evaluateAny)
	for _, e := range all {
		if e.read {
			read++
		}
		evaluated += e.evaluations
	}
	if read < len(all)/2 || evaluated < len(all)/2 {
		t.Errorf("of %d expressions only %d were read, and %d evaluations succeeded", len(all), read, evaluated)
	}
}

// evaluation is what became of an expression.
type evaluation struct {
	read        bool
	evaluations int // that succeeded
}

// evaluateAny draws an expression, and evaluates it with values that it draws.
func evaluateAny(t *rapid.T) (done evaluation) {
	text := drawExpression(t, rapid.SampledFrom([]string{"n", "t", "b", "ns", "ts", "p", "ps", "n?", "p?"}).Draw(t, "kind"), rapid.IntRange(0, 3).Draw(t, "depth"))
	e, err := everything.Decoding(fakeABI).Compile(text)
	if err != nil {
		return done
	}
	done.read = true
	evaluator := NewEvaluator()
	for range 3 {
		value, err := evaluator.Evaluate(e, drawValues(t))
		switch {
		case err != nil && !documented.MatchString(err.Error()):
			t.Fatalf("%s: %v", text, err)
		case err == nil:
			done.evaluations++
			if n, ok := value.(Number); ok && e.code.numbers != nil && (n.n.Cmp(e.code.numbers.least) < 0 || n.n.Cmp(e.code.numbers.most) > 0) {
				t.Fatalf("%s = %v, which is not from %v to %v", text, n, e.code.numbers.least, e.code.numbers.most)
			}
			if reason := misfit(value, e.code.shape); reason != "" {
				t.Fatalf("%s = %v, which is not a %s: %s", text, value, e.code.shape, reason)
			}
		}
	}
	return done
}

// hopeless are expressions that fail for every event, or for almost every one, whatever
// their parts are.
var hopeless = []string{
	"<n> ** 100000", "text(<n> ^ 513)", "2 ^ (len(<ns>) + 600)", "<n> << 513", "<n> >> 1000", "<n> << -1", "(<n> & 7) >> (0 - len(<ts>) - 1)", "<n> / 0", "<n> % (<n> & 0)", "sum(<ns>, # / 0)",
	"1..n", "text(len(1..n))", "n..m", "n..n + 1", "0..len(t)", "1..5000", "(0..(n % 5000)) | map(# + 1)", "sum(1..(n >> 8))", "<b> ? 1..3 : 1..m", "any(n..9, # == 1)",
	"bits(<n>, 600, 8)", "bits(<n>, 8, -1)", "units(<t>, 78)", "<ns>[4096]", "<ts>[-4097]", "<ps>[len(<ts>) + 4096].id", "2 ^ 600", "1 << 512", "number('x')", "let v = 1 / 0; v + <n>",
}

// What fails for every event is refused when it is read, wherever it stands.
func TestWhatIsHopelessIsNotRead(t *testing.T) {
	sc := everything.Decoding(fakeABI)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(hopeless).Draw(t, "hopeless")
		text = place.ReplaceAllStringFunc(text, func(part string) string {
			return "(" + drawExpression(t, strings.Trim(part, "<>"), rapid.IntRange(0, 2).Draw(t, "depth")) + ")"
		})
		text = strings.ReplaceAll(rapid.SampledFrom([]string{"@", "[@]", "{x: @}", "b ? @ : @", "let w = @; w", "map(ps, @)"}).Draw(t, "around"), "@", "("+text+")")
		if _, err := sc.Compile(text); err == nil {
			t.Fatalf("%s is read", text)
		}
	})
}

// misfit says why a value is not of a shape.
func misfit(value any, s *shape) string {
	if value == nil {
		if s.optional {
			return ""
		}
		return "it is nil"
	}
	if got := KindOfValue(value); got != s.kind {
		return fmt.Sprintf("%v is a %s, not a %s", value, got, s.kind)
	}
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			if s.element == nil {
				return "it should be empty"
			}
			if reason := misfit(element, s.element); reason != "" {
				return reason
			}
		}
	case map[string]any:
		for name, field := range s.fields {
			if reason := misfit(value[name], field); reason != "" {
				return name + ": " + reason
			}
		}
	}
	return ""
}

// fakeABI decodes what the templates ask for, of any bytes.
func fakeABI(text string) (types.Type, func([]byte) (any, error), error) {
	switch text {
	case "uint8":
		return NumberType, func(b []byte) (any, error) { return Unsigned(b), nil }, nil
	case "uint256[]":
		return types.Array(NumberType), func(b []byte) (any, error) { return []any{Unsigned(b)}, nil }, nil
	}
	return pair, func(b []byte) (any, error) { return map[string]any{"id": Unsigned(b), "owner": string(b)}, nil }, nil
}

// Reading an expression takes milliseconds, whatever it is: no constant is computed that
// would not fit.
func TestReadingIsBounded(t *testing.T) {
	for _, text := range []string{
		"text(n ** 100000)", "2^2^2^2^2^2^2", strings.Repeat("(", 990) + "n" + strings.Repeat(")", 990), strings.Repeat("-", 1990) + "n", strings.Repeat("[", 1000),
		"9" + strings.Repeat("9", 1990), "2^512*2^512", strings.Repeat("n?n:", 490) + "n", "(1 << 511) << 512", "0..4095 | map(0..4095)", strings.Repeat("n[", 600) + "1" + strings.Repeat("]", 600),
	} {
		start := time.Now()
		_, err := everything.Compile(text)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%.40s took %v: %v", text, took, err)
		}
	}
}
