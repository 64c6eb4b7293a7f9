package expression_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr/types"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

var scope = expression.NewScope(markets.EVM, types.Map{
	"a": expression.NumberType, "b": expression.NumberType, "text": types.String, "list": types.Array(expression.NumberType),
	"table": types.Map{types.Extra: types.String},
})

// drawNumber draws an integer of either sign, of up to 500 bits.
func drawNumber(t *rapid.T, name string) *big.Int {
	n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 62).Draw(t, name))
	if rapid.Bool().Draw(t, name+" is negative") {
		n.Neg(n)
	}
	return n
}

// Arithmetic is exact, or an error: for results beyond 512 bits, for division by zero, and for
// shifts and powers by other than 0 to 512.
func TestArithmetic(t *testing.T) {
	of := map[string]func(x, y *big.Int) *big.Int{
		"+": new(big.Int).Add, "-": new(big.Int).Sub, "*": new(big.Int).Mul, "/": new(big.Int).Quo, "%": new(big.Int).Rem,
		"&":  new(big.Int).And,
		"<<": func(x, y *big.Int) *big.Int { return new(big.Int).Lsh(x, uint(y.Uint64())) },
		">>": func(x, y *big.Int) *big.Int { return new(big.Int).Rsh(x, uint(y.Uint64())) },
		"^":  func(x, y *big.Int) *big.Int { return new(big.Int).Exp(x, y, nil) },
	}
	compiled := map[string]*expression.Expression{}
	for op := range of {
		e, err := scope.Compile("a "+op+" b", expression.NumberKind)
		if err != nil {
			t.Fatal(err)
		}
		compiled[op] = e
	}
	evaluator := expression.NewEvaluator()
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom(slices.Sorted(maps.Keys(of))).Draw(t, "operator")
		a, b := drawNumber(t, "a"), drawNumber(t, "b")
		if counts := strings.Contains("<< >> ^", op); counts && rapid.Bool().Draw(t, "small") {
			b = big.NewInt(rapid.Int64Range(0, 512).Draw(t, "count"))
		} else if counts && b.Sign() >= 0 && b.Cmp(big.NewInt(512)) <= 0 {
			return
		} else if counts {
			if _, err := evaluator.Evaluate(compiled[op], expression.Values{"a": expression.NumberOf(a), "b": expression.NumberOf(b)}); err == nil {
				t.Fatalf("%v %s %v is computed", a, op, b)
			}
			return
		}
		got, err := evaluator.Evaluate(compiled[op], expression.Values{"a": expression.NumberOf(a), "b": expression.NumberOf(b)})
		if b.Sign() == 0 && (op == "/" || op == "%") {
			if err == nil {
				t.Fatalf("%v %s 0 = %v", a, op, got)
			}
			return
		}
		want := of[op](a, b)
		if tooLarge := want.BitLen() > 512; (err != nil) != tooLarge || err == nil && fmt.Sprint(got) != want.String() {
			t.Fatalf("%v %s %v = %v, %v, want %v", a, op, b, got, err, want)
		}
	})
}

// A number is in a list of integers if it equals one of them.
func TestMembership(t *testing.T) {
	evaluator := expression.NewEvaluator()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.IntRange(0, 5).Draw(t, "a")
		members := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 4).Draw(t, "members")
		want := false
		for _, m := range members {
			want = want || m == a
		}
		e, err := scope.Compile("a in "+strings.ReplaceAll(fmt.Sprint(members), " ", ", "), expression.BooleanKind)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := evaluator.Evaluate(e, expression.Values{"a": expression.NumberOf(big.NewInt(int64(a)))}); err != nil || got != want {
			t.Fatalf("%d in %v = %v, %v", a, members, got, err)
		}
	})
}

// What cannot be evaluated within bounds, or would depend on more than its names, does
// not compile.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"any(list, any(list, true))":              "one loop inside another",
		"map(list, # + len(filter(list, # > 1)))": "one loop inside another",
		"$env":                           "unknown name $env",
		"now()":                          "unknown function now",
		"a ** 100000":                    "**: 100000 is not from 0 to 512",
		"text(a ^ (512 + 1))":            "^: 513 is not from 0 to 512",
		"a >> -1":                        ">>: -1 is not from 0 to 512",
		"2^512":                          "more than 512 bits",
		"text(len(1..a))":                "more than 4096 values are possible here",
		"any(0..len(list), # > 1..a)":    "more than 4096 values are possible here",
		"len(0..len(list))":              "more than 4096 values are possible here",
		"a..a + 1":                       "more than 4096 values are possible here",
		"a / (b & 0)":                    "division by zero",
		"a % 0":                          "division by zero",
		"a << len(list) + 513":           "<<: 513 is not from 0 to 512",
		"bits(a, 513, 8)":                "bits: 513 is not from 0 to 512",
		"units(text, 78)":                "units: 78 is not from 0 to 77",
		"list[4096]":                     "there is no element 4096",
		"list[-4097]":                    "there is no element -4097",
		"1 + 1 / (2 - 2)":                "division by zero",
		"0x1" + strings.Repeat("0", 128): "more than 512 bits",
		"1.5 * a":                        "1.5 is not an integer",
		"text & 1":                       "invalid operation: & (mismatched types text and number)",
		"a > 0 ? a : text":               "one side is a number and the other a text",
		"[a, text]":                      "a list is of one type",
		"text matches text":              "a pattern in quotes",
		"list.x":                         "elements are chosen by a number",
		"{x: a}.y":                       "unknown field y: there are x",
		"table.x":                        "by a text in brackets",
		"table[a]":                       "by a text in brackets",
		"a in table":                     "invalid operation: in (mismatched types number and struct",
		"filter(list, #)":                "filter: is a number where a boolean is needed",
		"sum(map(list, text))":           "sum: is a text where a number is needed",
		"hash(list)":                     "hash: is a list where a text or number or boolean is needed",
		"nil + 1":                        "mismatched types nil and number",
		"abi(text, text)":                "unknown function abi",
		"coinType({x: a})":               "unknown function coinType",
		"c + 1":                          "unknown name c: there are a, b, list, table, text",
		"number":                         "is a function: call it",
		"text * 2":                       "mismatched types text and number",
		strings.Repeat("a+", 1000) + "a": "longer than 2000",
		"[" + strings.Repeat("1, ", 300) + "1][0:2]": "more than 200",
	} {
		if _, err := scope.Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
	if _, err := scope.Compile("all(list, # > 0) and any(list, # > 1)", expression.BooleanKind); err != nil {
		t.Errorf("two loops, one after the other: %v", err)
	}
	if _, err := scope.Compile("text", expression.NumberKind, expression.TimeKind); err == nil || err.Error() != "is a text where a number or time is needed" {
		t.Errorf("a text for a number: %v", err)
	}
}

// 2^512 - 1 is the greatest number.
func TestGreatestNumber(t *testing.T) {
	greatest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 512), big.NewInt(1))
	v := expression.Values{"a": expression.NumberOf(greatest), "b": expression.NumberOf(big.NewInt(1))}
	for text, want := range map[string]string{"a * b": greatest.String(), "a + b": "", "-1 - a": "", "0 - a": "-" + greatest.String()} {
		e, err := scope.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := expression.NewEvaluator().Evaluate(e, v); (err == nil) != (want != "") || err == nil && fmt.Sprint(got) != want {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
}

// Integers are read exactly, however many digits they have.
func TestIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawNumber(t, "n")
		n.Abs(n)
		for _, text := range []string{n.String(), fmt.Sprintf("%#x", n), fmt.Sprintf("0b%b", n), "00" + n.String(), fmt.Sprintf("0x%X", n)} {
			e, err := scope.Compile(text+" + 0", expression.NumberKind)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := e.Constant(); !ok || fmt.Sprint(got) != n.String() {
				t.Fatalf("%s is %v, %v", text, got, ok)
			}
		}
	})
}

// What the language can say, with its results.
func TestLanguage(t *testing.T) {
	v := expression.Values{
		"a": expression.NumberOf(big.NewInt(6)), "b": expression.NumberOf(big.NewInt(-7)), "text": "0xff00aa",
		"list": []any{expression.NumberOf(big.NewInt(1)), expression.NumberOf(big.NewInt(2)), expression.NumberOf(big.NewInt(3))},
	}
	for text, want := range map[string]string{
		"7 & 3 == 3 and 1 + 1 << 2 == 8": "true", // weaker than +, stronger than ==
		"0xff00 >> 8 & 0xf":              "15",   // from left to right
		"b & 0xff":                       "249",  // two's complement
		"b >> 1":                         "-4",
		"2^3^2":                          "512", // from right to left
		"-2 ^ 2":                         "-4",
		"1461501637330902918203684832716283019655932542976 == 2^160": "true",
		"bits(0xabcd, 4, 8)":                   "188",
		"a / 4 + b / 2":                        "-2",
		"list[1:]":                             "[2 3]",
		"list[-1]":                             "3",
		"list[:9]":                             "[1 2 3]",
		"text[2:4]":                            "ff",
		`number("0x" + text[2:4])`:             "255",
		"map(list, ({id: #, n: #index}))[2].n": "2",
		"list | filter(# > 1) | map(# * 10)":   "[20 30]",
		"1..4":                                 "[1 2 3 4]",
		"1..len(list)":                         "[1 2 3]",
		"0..a % 4":                             "[0 1 2]",
		"sum(list, # * 2)":                     "12",
		"find(list, # > 5) ?? 0":               "0",
		"find(list, # > 5) == nil":             "true",
		"first(filter(list, # > 5))":           "<nil>",
		"let x = a * 2; x + x":                 "24",
		"if a > 5 { 1 } else { 2 }":            "1",
		"a not in [1, 2] and a in 1..6":        "true",
		"len((b & 7)..(a > 5 ? 9 : 99))":       "9",
		"1 < a < 9":                            "true",
		`text matches "^0x" and not (text contains "bb")`: "true",
		"count(list, # > 1) + len(list)":                  "5",
		`"é" + text(len("é€"))`:                           "é2",
		`a /* six */ + 1 // seven`:                        "7",
		"list == [1, 2, 3]":                               "true",
	} {
		e, err := scope.Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := expression.NewEvaluator().Evaluate(e, v); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s = %v, %v, want %s", text, got, err, want)
		}
	}
}

// A loop over long lists or texts ends when its memory does.
func TestWorkIsBounded(t *testing.T) {
	long := strings.Repeat("ab", 1<<19)
	list := make([]any, expression.MaxValues)
	for i := range list {
		list[i] = expression.NumberOf(big.NewInt(int64(i)))
	}
	for _, text := range []string{
		`map(list, text + #)`, `any(list, text contains "x" + #)`, `any(list, text matches "(a|b)*x")`, `all(list, # in list)`, `any(list, list != list)`,
		`replace(text, "a", text)`, `join(map(list, text), text)`, `map(list, ({a: #, b: #, c: #, d: #}))`, `any(list, keccak(text) == "")`, `any(list, hash(text) == "")`,
		`let x = text + text; x + x`, `len(split(text, "a"))`, `any(list, len(text) == #)`, `any(list, text[1:2] == "x")`, `any(list, text == text + "x")`,
	} {
		e, err := scope.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = expression.NewEvaluator().Evaluate(e, expression.Values{"text": long, "list": list}); err == nil || !strings.Contains(err.Error(), "of memory") && !strings.Contains(err.Error(), "4096 values") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
