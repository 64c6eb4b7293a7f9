package expression

import "testing"

// Expressions have one canonical form exactly if they differ in nothing but how they are written.
func TestCanonical(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"(price)*2", "price * 2", true},
		{"price*2", "price*3", false},
		{"0x10 + a", "16 + a", true},
		{"2 + 3 * a", "(2 + 3) * a", false},
		{"a - (b - c)", "a - b - c", false},
		{"(a - b) - c", "a - b - c", true},
		{`"x" + id`, `'x'+id`, true},
		{`"2"`, "2", false},
		{"115792089237316195423570985008687907853269984665640564039457584007913129639935", "0", false},
		{"a >> 8 & 255", "a  >>  8&255", true},
		{"(a >> 8) & 255", "a >> (8 & 255)", false},
		{"a & 1", "a & 2", false},
		{"map(l, .amount)", "map(l, { #.amount })", true},
		{"a and b", "a or b", false},
		{"event Sold(uint256 id)", "event Sold(uint256 id2)", false},
	} {
		if same := Canonical(test.a) == Canonical(test.b); same != test.same {
			t.Errorf("%s is %s, %s is %s", test.a, Canonical(test.a), test.b, Canonical(test.b))
		}
	}
}
