package linear

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/imart/event-worker/persistence"
)

// Read is a response to a query.
type Read struct {
	Client int
	Query  *Query
	Answer string // the documents, one a line, without the field final; empty if there are none
	// After is the time in the response's position of the feed: the response has all
	// earlier commits. It is 0 if the response has no position.
	After uint64
	Interval
}

// Orders checks the reads of the orders of each chain.
func (l *Log) Orders(reads []Read) ([]Verdict, error) {
	byChain := map[string][]Read{}
	for _, r := range reads {
		byChain[r.Query.Chain] = append(byChain[r.Query.Chain], r)
	}
	var verdicts []Verdict
	for _, chain := range slices.Sorted(maps.Keys(byChain)) {
		h, err := l.ordersHistory(chain, byChain[chain])
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, judge("the orders of "+chain, ordersModel, h))
	}
	return verdicts, nil
}

// ordersModel is that of a chain's orders. Its state is a version: how many commits have
// taken effect.
var ordersModel = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, _ any) (bool, any) {
		version := state.(int)
		switch in := input.(type) {
		case *write:
			return in.version == version+1, in.version
		case *read:
			return in.legal(version), version
		}
		return false, state
	},
	Hash:              func(state any) uint64 { return uint64(state.(int)) },
	DescribeOperation: func(input, _ any) string { return input.(fmt.Stringer).String() },
	DescribeState:     func(state any) string { return fmt.Sprintf("version %d", state) },
}

// write is the commit that makes a version.
type write struct {
	version int
	commit  Commit
	changes []Change
}

func (w *write) String() string { return fmt.Sprintf("commit %d: %s", w.version, summary(w.changes)) }

// read is a response with the versions that explain it.
type read struct {
	Read
	least    int    // version that its position of the feed allows
	from     int    // the first version that was evaluated
	explains []bool // by version, from the first one
}

func (r *read) legal(version int) bool {
	i := version - r.from
	return version >= r.least && i >= 0 && i < len(r.explains) && r.explains[i]
}

func (r *read) String() string {
	text := fmt.Sprintf("%s → [%s], which is version", r.Query.Path, brief(r.Answer))
	none := true
	for i, explains := range r.explains {
		if explains {
			text, none = fmt.Sprint(text, " ", r.from+i), false
		}
	}
	if none {
		text += " none"
	}
	text += fmt.Sprintf(" of %d to %d", r.from, r.from+len(r.explains)-1)
	if r.After > 0 {
		text += fmt.Sprintf("; its position has version %d", r.least)
	}
	return text
}

// ordersHistory returns the commits to the orders of a chain, and their reads.
func (l *Log) ordersHistory(chain string, reads []Read) ([]porcupine.Operation, error) {
	var writes []*write
	for _, c := range l.Commits {
		if changes := ordersOf(chain, c); len(changes) > 0 {
			writes = append(writes, &write{version: len(writes) + 1, commit: c, changes: changes})
		}
	}
	var history []porcupine.Operation
	for _, w := range writes {
		history = append(history, operation(writer, w, w.commit.Interval))
	}
	evaluated := make([]*read, len(reads))
	for i, r := range reads {
		evaluated[i] = bounded(r, writes)
		history = append(history, operation(1+r.Client, evaluated[i], r.Interval))
	}
	return history, evaluate(evaluated, writes)
}

// ordersOf returns a commit's changes to the orders of a chain.
func ordersOf(chain string, c Commit) []Change {
	var changes []Change
	for _, change := range c.Changes {
		if change.Collection == persistence.Orders && chainOf(change.ID) == chain {
			changes = append(changes, change)
		}
	}
	return changes
}

// bounded returns a read with room for the versions that there may have been between its
// request and its response.
func bounded(r Read, writes []*write) *read {
	bounds := func(of func(*write) bool) int { return len(writes[:firstThat(writes, of)]) }
	from := bounds(func(w *write) bool { return w.commit.Return >= r.Call })
	to := bounds(func(w *write) bool { return w.commit.Call > r.Return })
	least := bounds(func(w *write) bool { return w.commit.Time >= r.After })
	return &read{Read: r, from: from, explains: make([]bool, 1+max(0, to-from)), least: least}
}

// firstThat returns the index of the first write for which a property holds.
func firstThat(writes []*write, property func(*write) bool) int {
	if i := slices.IndexFunc(writes, property); i >= 0 {
		return i
	}
	return len(writes)
}

// evaluate computes which versions explain each read.
func evaluate(reads []*read, writes []*write) error {
	waiting := slices.SortedFunc(slices.Values(reads), func(a, b *read) int { return cmp.Compare(a.from, b.from) })
	orders := map[string]order{}
	var current []*read
	for version := 0; ; version++ {
		for len(waiting) > 0 && waiting[0].from == version {
			current, waiting = append(current, waiting[0]), waiting[1:]
		}
		answers := map[*Query]string{}
		for _, r := range current {
			if _, known := answers[r.Query]; !known {
				answers[r.Query] = r.Query.answer(orders)
			}
			r.explains[version-r.from] = answers[r.Query] == r.Answer
		}
		current = slices.DeleteFunc(current, func(r *read) bool { return version+1 >= r.from+len(r.explains) })
		if version == len(writes) {
			return nil
		}
		if err := apply(orders, writes[version].changes); err != nil {
			return err
		}
	}
}

func apply(orders map[string]order, changes []Change) error {
	for _, c := range changes {
		delete(orders, c.ID)
		if c.Document == "" {
			continue
		}
		o, err := parseOrder(c.ID, c.Document)
		if err != nil {
			return fmt.Errorf("committed order %s: %w", c.ID, err)
		}
		orders[c.ID] = o
	}
	return nil
}
