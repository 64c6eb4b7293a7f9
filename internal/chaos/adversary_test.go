package main

import "testing"

// In long rounds the process of the first node outlives all faults. Other nodes are hit by
// every kind of fault.
func TestTheSteadyNode(t *testing.T) {
	a := &adversary{nodes: []*node{{name: "1"}, {name: "2"}, {name: "3"}}}
	for _, test := range []struct {
		steady, ends bool
		order        []int
		want         string
	}{
		{true, true, []int{0, 1, 2}, "2"},
		{true, true, []int{1, 0, 2}, "2"},
		{true, true, []int{0}, "1"}, // there is no other
		{true, false, []int{0, 1, 2}, "1"},
		{false, true, []int{0, 1, 2}, "1"},
	} {
		a.steady = test.steady
		got, others := a.choose(fault{ends: test.ends}, test.order)
		if got.name != test.want || len(others) != len(test.order)-1 {
			t.Errorf("%+v: node %s, %d others", test, got.name, len(others))
		}
		for _, i := range others {
			if a.nodes[i] == got {
				t.Errorf("%+v: node %s is hit twice", test, got.name)
			}
		}
	}
}
