// Package examples draws the same examples in every run. A property test says nothing if it
// draws nothing of interest; a test of examples can rely on what is among them, whatever
// the number of checks is.
package examples

import "pgregory.net/rapid"

// Of returns n draws.
func Of[V any](n int, draw func(*rapid.T) V) []V {
	all, generator := make([]V, n), rapid.Custom(draw)
	for seed := range all {
		all[seed] = generator.Example(seed)
	}
	return all
}
