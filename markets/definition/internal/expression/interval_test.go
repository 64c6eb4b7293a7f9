package expression

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawMember draws an interval, which is nil now and then, and a number in it.
func drawMember(t *rapid.T) (*interval, *big.Int) {
	a, n, b := drawInteger(t).n, drawInteger(t).n, drawInteger(t).n
	if rapid.IntRange(0, 4).Draw(t, "unknown") == 0 {
		return nil, n
	}
	return hull(a, n, b), rapid.SampledFrom([]*big.Int{a, n, b}).Draw(t, "member")
}

// The results of an operation on numbers of two intervals are in the interval of the result.
func TestIntervalsHaveAllResults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		operator := rapid.SampledFrom([]string{"+", "-", "*", "%", "&", "/", "<<", "^"}).Draw(t, "operator")
		a, x := drawMember(t)
		b, y := drawMember(t)
		result, err := arithmetic[operator](x, y)
		if err != nil {
			return
		}
		if all := intervalOf(operator, a, b); all != nil && (result.Cmp(all.least) < 0 || result.Cmp(all.most) > 0) {
			t.Fatalf("%v %s %v = %v is not from %v to %v", x, operator, y, result, all.least, all.most)
		}
	})
}
