package expression

import (
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
)

var (
	aText   = []Kind{TextKind}
	aNumber = []Kind{NumberKind}
)

// onTexts is a function of texts.
func onTexts(count int, result *shape, run func(f *frame, t []string) (any, error)) function {
	out := function{result: result, run: func(f *frame, _ markets.ChainKind, arguments []any) (any, error) {
		texts := make([]string, len(arguments))
		for i, a := range arguments {
			texts[i] = a.(string)
		}
		return run(f, texts)
	}}
	for range count {
		out.parameters = append(out.parameters, aText)
	}
	return out
}

// plain is a function of texts that cannot fail.
func plain(count int, run func(t []string) any) function {
	result := text
	if _, ok := run([]string{"", "", ""}[:count]).(bool); ok {
		result = boolean
	}
	return onTexts(count, result, func(_ *frame, t []string) (any, error) { return run(t), nil })
}

// functions are those of expressions whose arguments have fixed kinds.
var functions = sync.OnceValue(func() map[string]function {
	all := map[string]function{
		"lower":      plain(1, func(t []string) any { return strings.ToLower(t[0]) }),
		"upper":      plain(1, func(t []string) any { return strings.ToUpper(t[0]) }),
		"trim":       plain(1, func(t []string) any { return strings.TrimSpace(t[0]) }),
		"hasPrefix":  plain(2, func(t []string) any { return strings.HasPrefix(t[0], t[1]) }),
		"hasSuffix":  plain(2, func(t []string) any { return strings.HasSuffix(t[0], t[1]) }),
		"trimPrefix": plain(2, func(t []string) any { return strings.TrimPrefix(t[0], t[1]) }),
		"trimSuffix": plain(2, func(t []string) any { return strings.TrimSuffix(t[0], t[1]) }),
		"split":      onTexts(2, listOf(text), split),
		"replace":    onTexts(3, text, replace),
		"keccak":     onTexts(1, text, func(_ *frame, t []string) (any, error) { return keccak(t[0]) }),
		"number":     onTexts(1, number, func(_ *frame, t []string) (any, error) { return ParseNumber(t[0]) }),
		"wei":        onTexts(1, number, func(_ *frame, t []string) (any, error) { return scaled(t[0], 18) }),

		"units":   {parameters: [][]Kind{aText, aNumber}, result: number, run: units},
		"text":    {parameters: [][]Kind{aNumber}, result: text, run: func(_ *frame, _ markets.ChainKind, a []any) (any, error) { return fmt.Sprint(a[0]), nil }},
		"hex":     {parameters: [][]Kind{aNumber}, result: text, run: func(_ *frame, _ markets.ChainKind, a []any) (any, error) { return hexadecimal(a[0].(Number)) }},
		"bits":    {parameters: [][]Kind{aNumber, aNumber, aNumber}, result: number, run: bits},
		"millis":  {parameters: [][]Kind{aNumber}, result: moment, run: func(_ *frame, _ markets.ChainKind, a []any) (any, error) { return Time(a[0], time.Millisecond) }},
		"micros":  {parameters: [][]Kind{aNumber}, result: moment, run: func(_ *frame, _ markets.ChainKind, a []any) (any, error) { return Time(a[0], time.Microsecond) }},
		"address": {parameters: [][]Kind{{TextKind, NumberKind}}, result: text, run: func(_ *frame, kind markets.ChainKind, a []any) (any, error) { return addressOf(kind, a[0]) }},
		"hash":    {parameters: [][]Kind{{TextKind, NumberKind, BooleanKind}}, more: true, result: text, run: func(_ *frame, _ markets.ChainKind, a []any) (any, error) { return hash(a...), nil }},
	}
	collection := plain(2, func(t []string) any { return sha256Hex(t...) })
	token := plain(3, func(t []string) any { return sha256Hex(t...) })
	collection.aptos, token.aptos = true, true
	all["collectionId"], all["tokenDataId"] = collection, token
	return all
})

func split(f *frame, t []string) (any, error) {
	if strings.Count(t[0], t[1]) >= MaxValues {
		return nil, ErrTooManyValues
	}
	var list []any
	for part := range strings.SplitSeq(t[0], t[1]) {
		list = append(list, part)
	}
	return list, f.spend(valueSize * len(list))
}

func replace(f *frame, t []string) (any, error) {
	if err := f.spend(strings.Count(t[0], t[1]) * len(t[2])); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(t[0], t[1], t[2]), nil
}

func units(_ *frame, _ markets.ChainKind, a []any) (any, error) {
	places, err := count(a[1].(Number).n)
	if err != nil {
		return nil, err
	}
	return scaled(a[0].(string), int(places))
}

// bits are some of a number's bits, as a number: (n >> from) & (2^count - 1).
func bits(_ *frame, _ markets.ChainKind, a []any) (any, error) {
	from, err := count(a[1].(Number).n)
	if err != nil {
		return nil, err
	}
	width, err := count(a[2].(Number).n)
	if err != nil {
		return nil, err
	}
	mask := new(big.Int).Lsh(big.NewInt(1), width)
	mask.Sub(mask, big.NewInt(1))
	return Number{mask.And(mask, new(big.Int).Rsh(a[0].(Number).n, from))}, nil
}

func hexadecimal(n Number) (any, error) {
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

// addressOf is a text or number as an address of the kind of chain.
func addressOf(kind markets.ChainKind, value any) (string, error) {
	text := fmt.Sprint(value)
	if n, ok := value.(Number); ok {
		text = fmt.Sprintf("%#x", n.n)
	}
	if kind == markets.Aptos {
		return address.Aptos(text)
	}
	return address.EVM(text)
}
