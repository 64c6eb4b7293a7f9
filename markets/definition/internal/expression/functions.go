package expression

import (
	"fmt"
	"math/big"
	"time"

	"github.com/expr-lang/expr"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
)

// builtins are those of expr-lang's own functions that definitions may call: all that are
// pure and bounded by their arguments.
var builtins = []string{
	"all", "any", "none", "one", "filter", "map", "find", "count", "len", "first", "last",
	"lower", "upper", "trim", "split", "join", "replace", "hasPrefix", "hasSuffix", "trimPrefix", "trimSuffix",
}

// functions are the functions and operators of every expression on a kind of chain.
func functions(kind markets.ChainKind) []expr.Option {
	options := []expr.Option{expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes)}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	options = append(options, operators()...)
	options = append(options,
		expr.Function("text", func(args ...any) (any, error) { return fmt.Sprint(args[0]), nil }, new(func(Number) string), new(func(int) string)),
		expr.Function("number", unary(func(t string) (any, error) { return ParseNumber(t) }), new(func(string) Number)),
		expr.Function("hex", func(args ...any) (any, error) { return hexadecimal(args[0]) }, new(func(Number) string), new(func(int) string)),
		expr.Function("wei", unary(func(t string) (any, error) { return scaled(t, 18) }), new(func(string) Number)),
		expr.Function("units", func(args ...any) (any, error) { return scaled(args[0].(string), args[1].(int)) }, new(func(string, int) Number)),
		expr.Function("millis", func(args ...any) (any, error) { return Time(args[0], time.Millisecond) }, new(func(Number) time.Time), new(func(int) time.Time)),
		expr.Function("micros", func(args ...any) (any, error) { return Time(args[0], time.Microsecond) }, new(func(Number) time.Time), new(func(int) time.Time)),
		expr.Function("keccak", unary(keccak), new(func(string) string)),
		expr.Function("hash", hash, new(func(any, ...any) string)),
		expr.Function("sum", sum, new(func([]any) Number)),
		expr.Function("option", option, new(func([]any, any) any)),
		expr.Function("address", func(args ...any) (any, error) { return addressOf(kind, args[0]) },
			new(func(string) string), new(func(Number) string)),
	)
	if kind == markets.Aptos {
		options = append(options,
			expr.Function("coinType", unary(coinType), new(func(map[string]any) string)),
			expr.Function("collectionId", func(args ...any) (any, error) { return sha256Hex(args[0].(string), args[1].(string)), nil },
				new(func(string, string) string)),
			expr.Function("tokenDataId", func(args ...any) (any, error) {
				return sha256Hex(args[0].(string), args[1].(string), args[2].(string)), nil
			}, new(func(string, string, string) string)),
		)
	}
	return options
}

// unary is a function of one argument as expr-lang calls it.
func unary[T any](f func(T) (any, error)) func(...any) (any, error) {
	return func(args ...any) (any, error) { return f(args[0].(T)) }
}

func hexadecimal(value any) (any, error) {
	n, _ := Numeric(value)
	if n.n.Sign() < 0 {
		return nil, fmt.Errorf("hex of a negative number: %.90s", n)
	}
	return fmt.Sprintf("%#x", n.n), nil
}

// lastSecond is the last second of the year 9999, in seconds since 1970.
const lastSecond = 253402300799

// Time is the time that a number of units since 1970 says. The zero number, and times
// after the year 9999, mean never: the zero time.
func Time(value any, unit time.Duration) (time.Time, error) {
	n, ok := Numeric(value)
	if !ok || n.n.Sign() < 0 {
		return time.Time{}, fmt.Errorf("%.80v is not a time", value)
	}
	perSecond := int64(time.Second / unit)
	if n.n.Sign() == 0 || n.n.Cmp(new(big.Int).Mul(big.NewInt(lastSecond), big.NewInt(perSecond))) > 0 {
		return time.Time{}, nil
	}
	count := n.n.Int64()
	return time.Unix(count/perSecond, count%perSecond*int64(unit)).UTC(), nil
}

// sum is the total of a list of numbers.
func sum(args ...any) (any, error) {
	total := new(big.Int)
	for _, value := range args[0].([]any) {
		n, ok := Numeric(value)
		if !ok {
			return nil, fmt.Errorf("sum needs a list of numbers, such as map(items, .amount): it has a %s", KindOfValue(value))
		}
		total.Add(total, n.n)
	}
	return bounded(total)
}

// option is the value of Move's Option, which is a list of at most one element, or the
// second argument if it has none.
func option(args ...any) (any, error) {
	if list := args[0].([]any); len(list) > 0 {
		return list[0], nil
	}
	return args[1], nil
}

// addressOf is a text or number as an address of the kind of chain.
func addressOf(kind markets.ChainKind, value any) (string, error) {
	text := fmt.Sprint(value)
	if n, ok := Numeric(value); ok {
		text = fmt.Sprintf("%#x", n.n)
	}
	if kind == markets.Aptos {
		return address.Aptos(text)
	}
	return address.EVM(text)
}
