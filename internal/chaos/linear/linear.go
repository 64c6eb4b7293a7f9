// Package linear judges what clients have read of a cluster with porcupine, a checker of
// linearizability that is not part of this project. The truth is the order of the commits
// in MongoDB's oplog. Two kinds of objects are checked against it:
//
//   - The orders of a chain are one object, which commits write, and which clients read
//     over HTTP, by _id and in pages. It is linearizable: each response is the result of its
//     query as of one moment between the request and the response. So no response lacks a
//     commit that was visible before its request, to whichever client at whichever node.
//   - What a reader of the feed has still to receive is an object of its own, a queue into
//     which commits put their changes. The reader takes out each change once, in order, and
//     none before its commit, over any number of connections.
//
// A commit takes effect at an unknown moment between the time in its entry of the oplog and
// the moment at which it was read from there.
package linear

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Interval is when an operation was invoked and when it returned, since the start of a run,
// on one monotonic clock.
type Interval struct{ Call, Return time.Duration }

// Commit is a transaction that has changed documents.
type Commit struct {
	Time    uint64 // in the oplog: seconds since 1970, and a number within the second
	Changes []Change
	Interval
}

// Change is a change of one document.
type Change struct {
	Collection, ID string
	Document       string // JSON; empty if it was removed
}

// Log is the commits in their order.
type Log struct{ Commits []Commit }

// before returns how many commits have a time before another one.
func (l *Log) before(at uint64) int {
	n, _ := slices.BinarySearchFunc(l.Commits, at, func(c Commit, at uint64) int { return cmp.Compare(c.Time, at) })
	return n
}

// Verdict is the result of one check.
type Verdict struct {
	Object     string // whose history was checked
	Operations int
	Fault      string // empty if the history is legal
	model      porcupine.Model
	info       porcupine.LinearizationInfo
}

// Visualize writes a page that shows the history, and how far it can be explained.
func (v Verdict) Visualize(path string) error {
	return porcupine.VisualizePath(v.model, v.info, path)
}

// patience bounds the check of one history. One that is legal takes seconds at most.
const patience = time.Minute

// judge checks the history of an object.
func judge(object string, model porcupine.Model, operations []porcupine.Operation) Verdict {
	result, info := porcupine.CheckOperationsVerbose(model, operations, patience)
	v := Verdict{Object: object, Operations: len(operations), model: model, info: info}
	switch result {
	case porcupine.Illegal:
		v.Fault = fmt.Sprintf("%s: no order of its %d operations explains the answers: %s", object, len(operations), unexplained(model, operations, info))
	case porcupine.Unknown:
		v.Fault = fmt.Sprintf("%s: its %d operations were not judged within %v", object, len(operations), patience)
	}
	return v
}

// unexplained describes the first read that the longest explanation lacks.
func unexplained(model porcupine.Model, operations []porcupine.Operation, info porcupine.LinearizationInfo) string {
	explained := map[any]bool{}
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, some := range partition {
			if len(some) > len(longest) {
				longest = some
			}
		}
	}
	for _, o := range longest {
		explained[o.Input] = true
	}
	first := -1
	for i, o := range operations {
		if o.ClientId != writer && !explained[o.Input] && (first < 0 || o.Return < operations[first].Return) {
			first = i
		}
	}
	if first < 0 {
		return "a commit contradicts the others"
	}
	o := operations[first]
	return fmt.Sprintf("the first one without an explanation, from %.3f s to %.3f s, is by client %d: %s",
		time.Duration(o.Call).Seconds(), time.Duration(o.Return).Seconds(), o.ClientId-1, model.DescribeOperation(o.Input, o.Output))
}

// writer is the client of all commits; those of readers are above it.
const writer = 0

// operation returns an operation for porcupine.
func operation(client int, input any, within Interval) porcupine.Operation {
	return porcupine.Operation{ClientId: client, Input: input, Call: int64(within.Call), Return: int64(within.Return)}
}
