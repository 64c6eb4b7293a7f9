package expression

import (
	"fmt"
	"math/big"

	"github.com/expr-lang/expr/ast"
)

// interval has all values that a number can have, whatever the event; nil if nothing is
// known of them. It is used to refuse what no event, or almost none, could satisfy.
type interval struct{ least, most *big.Int }

func between(least, most int64) *interval {
	return &interval{big.NewInt(least), big.NewInt(most)}
}

// hull is the smallest interval that contains numbers.
func hull(numbers ...*big.Int) *interval {
	out := &interval{numbers[0], numbers[0]}
	for _, n := range numbers[1:] {
		if n.Cmp(out.least) < 0 {
			out.least = n
		}
		if n.Cmp(out.most) > 0 {
			out.most = n
		}
	}
	return out
}

// union contains two intervals.
func (i *interval) union(other *interval) *interval {
	if i == nil || other == nil {
		return nil
	}
	return hull(i.least, i.most, other.least, other.most)
}

func (i *interval) isZero() bool {
	return i != nil && i.least.Sign() == 0 && i.most.Sign() == 0
}

// contains reports whether a number between two limits can be in the interval.
func (i *interval) contains(least, most int64) bool {
	return i == nil || i.most.Cmp(big.NewInt(least)) >= 0 && i.least.Cmp(big.NewInt(most)) <= 0
}

// intervalOf is that of an operation's result.
func intervalOf(operator string, a, b *interval) *interval {
	switch {
	case operator == "&":
		return masked(a, b)
	case operator == "%":
		return remainder(a, b)
	case a == nil || b == nil:
		return nil
	case operator == "+":
		return hull(new(big.Int).Add(a.least, b.least), new(big.Int).Add(a.most, b.most))
	case operator == "-":
		return hull(new(big.Int).Sub(a.least, b.most), new(big.Int).Sub(a.most, b.least))
	case operator == "*":
		return hull(new(big.Int).Mul(a.least, b.least), new(big.Int).Mul(a.least, b.most), new(big.Int).Mul(a.most, b.least), new(big.Int).Mul(a.most, b.most))
	}
	return nil
}

// masked is the interval of a & b: neither more than a, nor than b, if they are not negative.
func masked(a, b *interval) *interval {
	var most *big.Int
	for _, i := range []*interval{a, b} {
		if i != nil && i.least.Sign() >= 0 && (most == nil || i.most.Cmp(most) < 0) {
			most = i.most
		}
	}
	if most == nil {
		return nil
	}
	return &interval{new(big.Int), most}
}

// remainder is the interval of a % b, which has the sign of a.
func remainder(a, b *interval) *interval {
	if b == nil {
		return nil
	}
	size := new(big.Int).Abs(b.least)
	if most := new(big.Int).Abs(b.most); most.Cmp(size) > 0 {
		size = most
	}
	if size.Sign() > 0 {
		size.Sub(size, big.NewInt(1))
	}
	if a != nil && a.least.Sign() >= 0 {
		return &interval{new(big.Int), size}
	}
	return &interval{new(big.Int).Neg(size), size}
}

// checkOperands refuses operands with which an operator fails for every event, and ranges
// that can be longer than a list.
func (c *compiler) checkOperands(n *ast.BinaryNode, operator string, a, b code) error {
	var err error
	switch right := b.numbers; {
	case operator == rangeOperator:
		err = checkRange(a.numbers, right)
	case (operator == "/" || operator == "%") && right.isZero():
		err = errZeroDivision
	case counted[operator] && !right.contains(0, maxBits):
		err = fmt.Errorf("%s: %w", operator, countError(right.least))
	}
	if err != nil {
		return c.at(n.Right.Location().From, err)
	}
	return nil
}

// checkRange refuses a range unless it never has more than MaxValues elements.
func checkRange(from, to *interval) error {
	if from != nil && to != nil && new(big.Int).Sub(to.most, from.least).Cmp(big.NewInt(MaxValues)) < 0 {
		return nil
	}
	return fmt.Errorf("%w are possible here: use numbers with a bound, such as 1..len(list) or 0..n %% 100", ErrTooManyValues)
}

// checkIndex refuses an index that no list has.
func (c *compiler) checkIndex(n ast.Node, index *interval) error {
	if index.contains(-MaxValues, MaxValues-1) {
		return nil
	}
	return c.at(n.Location().From, fmt.Errorf("there is no element %.40s: a list has at most %d", index.least.String(), MaxValues))
}

// counts are the parameters of functions that are a number of bits or of decimals, with
// their greatest value.
var counts = map[string]map[int]int64{"bits": {1: maxBits, 2: maxBits}, "units": {1: maxDecimals}}

// checkCounts refuses arguments with which a function fails for every event.
func (c *compiler) checkCounts(name string, nodes []ast.Node, arguments []code) error {
	for i, most := range counts[name] {
		if numbers := arguments[i].numbers; !numbers.contains(0, most) {
			return c.at(nodes[i].Location().From, fmt.Errorf("%s: %.40s is not from 0 to %d", name, numbers.least.String(), most))
		}
	}
	return nil
}
