package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/expr-lang/expr"

	"github.com/imart/event-worker/markets"
)

// builtins are those of the language's own functions that definitions may call: all
// that are pure and bounded by what they are given.
var builtins = []string{
	"all", "any", "none", "one", "filter", "map", "find", "count", "len", "first", "last",
	"lower", "upper", "trim", "split", "join", "replace", "hasPrefix", "hasSuffix", "trimPrefix", "trimSuffix",
}

// functions are the options of every expression on a kind of chain.
func functions(kind markets.ChainKind) []expr.Option {
	options := []expr.Option{expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes)}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	for op, f := range arithmetic {
		options = append(options, operator(op, func(a, b Number) (any, error) {
			n, err := f(a.n, b.n)
			if err != nil {
				return nil, err
			}
			return bounded(n)
		}, new(func(Number, Number) Number), new(func(Number, int) Number), new(func(int, Number) Number))...)
	}
	for op, f := range comparisons {
		options = append(options, operator(op, func(a, b Number) (any, error) { return f(a.n.Cmp(b.n)), nil },
			new(func(Number, Number) bool), new(func(Number, int) bool), new(func(int, Number) bool))...)
	}
	options = append(options,
		expr.Function("concat$", func(args ...any) (any, error) { return digits(args[0]) + digits(args[1]), nil },
			new(func(string, Number) string), new(func(Number, string) string), new(func(string, int) string), new(func(int, string) string)),
		expr.Operator("+", "concat$", operatorName("+")),
		expr.Function("text", func(args ...any) (any, error) { return digits(args[0]), nil }, new(func(Number) string), new(func(int) string)),
		expr.Function("number", unary(func(t string) (any, error) { return parseNumber(t) }), new(func(string) Number)),
		expr.Function("hex", func(args ...any) (any, error) { return hexNumber(args[0]) }, new(func(Number) string), new(func(int) string)),
		expr.Function("wei", unary(func(t string) (any, error) { return decimals(t, 18) }), new(func(string) Number)),
		expr.Function("units", func(args ...any) (any, error) { return decimals(args[0].(string), args[1].(int)) }, new(func(string, int) Number)),
		expr.Function("millis", func(args ...any) (any, error) { return instant(args[0], time.Millisecond) }, new(func(Number) time.Time), new(func(int) time.Time)),
		expr.Function("micros", func(args ...any) (any, error) { return instant(args[0], time.Microsecond) }, new(func(Number) time.Time), new(func(int) time.Time)),
		expr.Function("keccak", unary(func(t string) (any, error) { return "0x" + hex.EncodeToString(crypto.Keccak256(bytesOf(t))), nil }), new(func(string) string)),
		expr.Function("hash", hash, new(func(any, ...any) string)),
		expr.Function("sum", sum, new(func([]any) Number)),
		expr.Function("option", option, new(func([]any, any) any)),
		expr.Function("address", func(args ...any) (any, error) { return addressOf(kind, args[0]) },
			new(func(string) string), new(func(Number) string)),
	)
	if kind == markets.Aptos {
		options = append(options,
			expr.Function("coinType", unary(coinType), new(func(map[string]any) string)),
			expr.Function("collectionId", func(args ...any) (any, error) { return collectionID(args[0].(string), args[1].(string)), nil },
				new(func(string, string) string)),
			expr.Function("tokenDataId", func(args ...any) (any, error) {
				return tokenDataID(args[0].(string), args[1].(string), args[2].(string)), nil
			}, new(func(string, string, string) string)),
		)
	}
	return options
}

// operatorName is the name of the function that is an operator on numbers. No
// expression can call it: it is no identifier.
func operatorName(op string) string { return "number" + op }

// operator makes an operator work on numbers.
func operator(op string, f func(a, b Number) (any, error), types ...any) []expr.Option {
	name := operatorName(op)
	function := expr.Function(name, func(args ...any) (any, error) {
		a, _ := numeric(args[0])
		b, _ := numeric(args[1])
		return f(a, b)
	}, types...)
	if op == "+" { // with that of texts
		return []expr.Option{function}
	}
	return []expr.Option{function, expr.Operator(op, name)}
}

// unary is a function of one argument as the language calls it.
func unary[T any](f func(T) (any, error)) func(...any) (any, error) {
	return func(args ...any) (any, error) { return f(args[0].(T)) }
}

func digits(value any) string { return fmt.Sprint(value) }

func hexNumber(value any) (any, error) {
	n, _ := numeric(value)
	if n.n.Sign() < 0 {
		return nil, fmt.Errorf("hex of %.90s, which is below 0", n)
	}
	return fmt.Sprintf("%#x", n.n), nil
}

// lastSecond is the last second that a date of four digits can say.
const lastSecond = 253402300799

// instant is a time since 1970, the zero time if it says never.
func instant(value any, unit time.Duration) (time.Time, error) {
	n, ok := numeric(value)
	if !ok || n.n.Sign() < 0 {
		return time.Time{}, fmt.Errorf("%.80v is no time", value)
	}
	perSecond := int64(time.Second / unit)
	if n.n.Sign() == 0 || n.n.Cmp(new(big.Int).Mul(big.NewInt(lastSecond), big.NewInt(perSecond))) > 0 {
		return time.Time{}, nil
	}
	count := n.n.Int64()
	return time.Unix(count/perSecond, count%perSecond*int64(unit)).UTC(), nil
}

// bytesOf is what a text stands for: the bytes of hex digits behind 0x, or itself.
func bytesOf(text string) []byte {
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		if b, err := hex.DecodeString(digits); err == nil {
			return b
		}
	}
	return []byte(text)
}

// hash is a digest of several values, which are told apart by their lengths.
func hash(args ...any) (any, error) {
	state := crypto.NewKeccakState()
	for _, value := range args {
		switch value.(type) {
		case string, Number, int, bool:
		default:
			return nil, fmt.Errorf("hash of a %T: hash texts, numbers and booleans", value)
		}
		text := digits(value)
		fmt.Fprintf(state, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(state.Sum(nil)), nil
}

// sum is the total of a list of numbers.
func sum(args ...any) (any, error) {
	total := new(big.Int)
	for _, value := range args[0].([]any) {
		n, ok := numeric(value)
		if !ok {
			return nil, fmt.Errorf("sum of a %T: sum numbers, such as map(items, .amount)", value)
		}
		total.Add(total, n.n)
	}
	return bounded(total)
}

// option is an Option's value, or what to take instead.
func option(args ...any) (any, error) {
	if list := args[0].([]any); len(list) > 0 {
		return list[0], nil
	}
	return args[1], nil
}

var errAddress = errors.New("no address")

// addressOf is a text or number as an address of the kind of chain.
func addressOf(kind markets.ChainKind, value any) (string, error) {
	text := digits(value)
	if n, ok := numeric(value); ok {
		text = fmt.Sprintf("%#x", n.n)
	}
	if kind == markets.Aptos {
		return normalised(text)
	}
	digits, ok := strings.CutPrefix(text, "0x")
	if ok && len(digits)%2 == 1 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) > 32 {
		return "", fmt.Errorf("%.80q is %w", text, errAddress)
	}
	return common.BytesToAddress(b).Hex(), nil
}

// addressDigits is the number of hexadecimal digits of an Aptos address.
const addressDigits = 64

// normalised is an Aptos address in all of its digits: nodes leave out leading zeros.
func normalised(address string) (string, error) {
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok || digits == "" || len(digits) > addressDigits || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "", fmt.Errorf("%.80q is %w", address, errAddress)
	}
	return "0x" + strings.Repeat("0", addressDigits-len(digits)) + strings.ToLower(digits), nil
}

// coinType is the name of the type that a TypeInfo, or a struct like it, stands for.
func coinType(info map[string]any) (any, error) {
	account, ok1 := info["account_address"].(string)
	module, ok2 := info["module_name"].(string)
	name, ok3 := info["struct_name"].(string)
	if !ok1 || !ok2 || !ok3 {
		return nil, errors.New("coinType of a struct without account_address, module_name and struct_name")
	}
	if digits, ok := strings.CutPrefix(account, "0x"); ok {
		account = "0x" + strings.TrimLeft(digits, "0")
	}
	return account + "::" + string(bytesOf(module)) + "::" + string(bytesOf(name)), nil
}

// collectionID identifies a collection of token v1 as Aptos' indexers do: SHA-256 of
// its creator and name (aptos-core, crates/indexer).
func collectionID(creator, name string) string { return sha256Hex(creator + "::" + name) }

// tokenDataID identifies a token of token v1 as Aptos' indexers do.
func tokenDataID(creator, collection, name string) string {
	return sha256Hex(creator + "::" + collection + "::" + name)
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "0x" + hex.EncodeToString(sum[:])
}
