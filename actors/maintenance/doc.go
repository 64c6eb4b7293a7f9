// Package maintenance changes what a stopped node has written: it rewinds a chain to an
// earlier height, retries dead letters, and makes streams again whose definition has changed.
//
// All take the chain over first, so that a node that runs all the same is fenced off and
// stops following the chain, and then make the transitions that its actors would make, by
// the same code and under the same conditions.
//
// A stream whose log is at block 900 and whose documents are at 880, with a trail of
// 0, 400, 600, 800, 840, 860, 880, 900, is rewound to 850: the documents are rolled back
// from 880 to 840, then the log from 900 to 840. A process that dies between the two
// leaves documents behind their log, which is a state that every observer may be in.
package maintenance
