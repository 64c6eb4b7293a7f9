package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/persistence"
)

// Checker replays a history and records every violation of these rules:
//
//   - An actor's epoch never falls, and is never above that of its chain's lease.
//   - An actor's incarnation never falls, and never skips a number.
//   - An observer, or the orders of a market, moves only by commits.
//   - All commits of one epoch of a chain are by one process, the one that acquired the
//     chain at that epoch.
//   - A chain's commits are in the order of their epochs, and follow the stamping of their
//     epoch into all of the chain's documents.
//   - A commit is made once, and moves actors of one epoch only.
//   - A commit starts where the previous one ended: the orders count their commits, and an
//     observer has counted the events that are on its chain up to its place.
//   - A lease's epoch never falls, and rises whenever the owner changes.
type Checker struct {
	counts    Counts
	actors    map[string]document
	leases    map[string]document
	chains    map[string]*chain
	commits   map[bson.ObjectID]bool // commits seen
	processes map[string]process     // processes that have committed, by the names of their connections
	names     map[process]string
	faults    []string
	dropped   int
}

// maxFaults limits how many violations are recorded in full.
const maxFaults = 50

// process identifies a process: the middle of all ObjectIDs that it generates
// (https://www.mongodb.com/docs/manual/reference/bson-types/#objectid).
type process [5]byte

func processOf(id bson.ObjectID) process { return process(id[4:9]) }

func (p process) String() string { return fmt.Sprintf("%x", p[:]) }

// chain is what the checker has seen of a chain.
type chain struct {
	committers map[int64]process // by epoch
	highest    int64             // epoch of a commit
	timeline
}

// NewChecker returns a checker. Without counts it does not check how many events
// observers have counted.
func NewChecker(counts Counts) *Checker {
	return &Checker{
		counts: counts, actors: map[string]document{}, leases: map[string]document{}, chains: map[string]*chain{},
		commits: map[bson.ObjectID]bool{}, processes: map[string]process{}, names: map[process]string{},
	}
}

// Faults returns the violations found so far.
func (c *Checker) Faults() []string {
	if c.dropped == 0 {
		return c.faults
	}
	return append(c.faults[:len(c.faults):len(c.faults)], fmt.Sprintf("and %d more", c.dropped))
}

// Commits returns how many commits were seen.
func (c *Checker) Commits() int { return len(c.commits) }

func (c *Checker) chain(name string) *chain {
	if c.chains[name] == nil {
		c.chains[name] = &chain{committers: map[int64]process{}}
	}
	return c.chains[name]
}

// Take checks the next transaction. The first one must be the first of the database.
func (c *Checker) Take(t Transaction) {
	type key struct{ collection, id string }
	var changed []key
	before := map[key]document{}
	for _, change := range t.Changes {
		docs, k := c.of(change.Collection), key{change.Collection, change.ID}
		if _, again := before[k]; !again {
			changed = append(changed, k)
			before[k] = docs[k.id]
		}
		after, err := docs[k.id].after(change)
		switch {
		case err != nil:
			c.fault(t.At, "%s %s cannot be read: %v", k.collection, k.id, err)
		case change.Deleted:
			c.fault(t.At, "%s %s was deleted", k.collection, k.id)
		case docs[k.id] == nil && !change.Whole:
			c.fault(t.At, "%s %s changes, and was never created", k.collection, k.id)
		default:
			docs[k.id] = after
		}
	}
	var moved []document
	for _, k := range changed {
		after := c.of(k.collection)[k.id]
		switch {
		case after == nil:
		case k.collection == persistence.Leases:
			c.checkLease(t.At, before[k], after)
		default:
			c.checkActor(t.At, before[k], after)
			if after.commit() != before[k].commit() {
				moved = append(moved, after)
			}
		}
	}
	if len(moved) > 0 {
		c.checkCommit(t.At, moved)
	}
}

func (c *Checker) of(collection string) map[string]document {
	if collection == persistence.Leases {
		return c.leases
	}
	return c.actors
}

func (c *Checker) fault(at time.Time, format string, args ...any) {
	if len(c.faults) == maxFaults {
		c.dropped++
		return
	}
	c.faults = append(c.faults, at.UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (c *Checker) checkLease(at time.Time, before, after document) {
	name, was, is := after.text("_id"), before.number("epoch"), after.number("epoch")
	switch {
	case before == nil: // its first owner
	case is < was:
		c.fault(at, "lease of %s: its epoch falls from %d to %d", name, was, is)
	case is == was && before.text("node") != after.text("node") && before.text("node") != "" && after.text("node") != "":
		c.fault(at, "lease of %s: it goes from %s to %s within epoch %d", name, before.text("node"), after.text("node"), is)
	case is > was:
		c.chain(name).taken(TakeOver{Chain: name, Epoch: is, At: at, To: after.text("node")})
	}
}

func (c *Checker) checkActor(at time.Time, before, after document) {
	id := after.text("_id")
	if was, is := before.number("epoch"), after.number("epoch"); is < was {
		c.fault(at, "%s: its epoch falls from %d to %d", id, was, is)
	}
	if is, lease := after.number("epoch"), c.leases[after.text("chain")].number("epoch"); is > lease {
		c.fault(at, "%s: its epoch %d is above the lease's, %d", id, is, lease)
	}
	if was, is := before.number("incarnation"), after.number("incarnation"); before != nil && is != was && is != was+1 {
		c.fault(at, "%s: its incarnation goes from %d to %d", id, was, is)
	}
	if before.commit() == after.commit() {
		if before != nil && commits(after) && before.place() != after.place() {
			c.fault(at, "%s: it goes from %v to %v without a commit", id, before.place(), after.place())
		}
		return
	}
	c.checkMove(at, before, after)
}

// commits reports whether an actor moves only by commits: other actors report their
// position.
func commits(actor document) bool {
	kind := actor.text("kind")
	return kind == "observer" || kind == "orders"
}

// checkMove checks that a commit starts where the previous one ended.
func (c *Checker) checkMove(at time.Time, before, after document) {
	id := after.text("_id")
	switch {
	case after.text("kind") == "orders":
		if was, is := before.number("seq"), after.number("seq"); is != was+1 {
			c.fault(at, "%s: after commit %d comes %d", id, was, is)
		}
	case after.has("pending"):
		if before.place() != after.place() {
			c.fault(at, "%s: it goes from %v to %v during a transition", id, before.place(), after.place())
		}
	case c.counts != nil:
		want, known := c.counts(after.text("chain"), after.text("stream"), after.text("hash"))
		got := Count{after.number("events"), after.number("deadLetters")}
		if after.has("documents") { // this observer does not count dead letters
			want.DeadLetters = 0
		}
		if !known {
			c.fault(at, "%s: it is at %v, which is not a block", id, after.place())
		} else if got != want {
			c.fault(at, "%s: at %v, from %v, it has counted %+v, want %+v", id, after.place(), before.place(), got, want)
		}
	}
}

// checkCommit checks a transaction that has moved actors.
func (c *Checker) checkCommit(at time.Time, moved []document) {
	first := moved[0]
	name, epoch, commit := first.text("chain"), first.number("epoch"), first.commit()
	for _, other := range moved[1:] {
		if other.text("chain") != name || other.number("epoch") != epoch || other.commit() != commit {
			c.fault(at, "%s and %s move in one transaction, but not by one commit and epoch", first.text("_id"), other.text("_id"))
		}
	}
	if c.commits[commit] {
		c.fault(at, "%s: commit %s is made twice", first.text("_id"), commit.Hex())
	}
	c.commits[commit] = true
	ch, by := c.chain(name), processOf(commit)
	if epoch < ch.highest {
		c.fault(at, "%s: a commit of epoch %d after one of epoch %d of its chain", first.text("_id"), epoch, ch.highest)
	}
	ch.highest = max(ch.highest, epoch)
	if owner, known := ch.committers[epoch]; !known {
		ch.committers[epoch] = by
		c.checkOwner(at, first, by)
		c.checkStamps(at, first)
	} else if owner != by {
		c.fault(at, "%s: process %v commits at epoch %d, at which %v has committed", first.text("_id"), by, epoch, owner)
	}
	ch.committed(at, epoch)
}

// checkOwner checks that the first commit of an epoch is by the process that acquired
// the chain. The lease contains the name of that process's connections, which identifies
// the process: a process always commits under the same name.
func (c *Checker) checkOwner(at time.Time, actor document, by process) {
	lease := c.leases[actor.text("chain")]
	app := lease.text("app")
	if app == "" || lease.number("epoch") != actor.number("epoch") {
		return
	}
	owner, known := c.processes[app]
	name, named := c.names[by]
	if known && owner != by || named && name != app {
		c.fault(at, "%s: process %v commits at epoch %d, at which another process acquired the chain", actor.text("_id"), by, actor.number("epoch"))
		return
	}
	c.processes[app], c.names[by] = by, app
}

// checkStamps checks, at the first commit of an epoch, that no process can commit at an
// earlier epoch any more.
func (c *Checker) checkStamps(at time.Time, first document) {
	chain, epoch := first.text("chain"), first.number("epoch")
	var behind []string
	for id, actor := range c.actors {
		if actor.text("chain") == chain && actor.number("epoch") < epoch {
			behind = append(behind, id)
		}
	}
	if len(behind) > 0 {
		slices.Sort(behind)
		c.fault(at, "%s: commits at epoch %d while other actors are at an earlier one: %s", first.text("_id"), epoch, strings.Join(behind, ", "))
	}
}
