// Package transfer copies all documents of one store to another one.
//
// It guarantees:
//   - Every document arrives with the same names and values, or the error names it.
//   - A copy that is interrupted, kill -9 included, is resumed by the next Run. Until it
//     is complete, no worker opens the target.
//   - One process copies to a target at a time. When a second one resumes the copy, the
//     first writes nothing more.
//   - A copy is complete only if every collection has as many documents as in the source,
//     and the source has not changed meanwhile. If the source has changed since a copy was
//     interrupted, the next Run removes what was copied, and starts from the beginning.
//
// The target keeps the copy's position, and moves it in the transaction that writes a
// batch. Copying five orders in batches of two, killed after the second batch:
//
//	Run 1   position ""    writes a b     position b
//	        position b     writes c d     position d    (killed)
//	Run 2   claims the copy: its owner is run 2, its position d
//	        position d     writes e       position e
//	        counts 5 = 5: the position is removed, the copy is complete
package transfer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/imart/event-worker/persistence"
)

// Source is a store to copy from.
type Source interface {
	// Count returns the number of documents in a collection.
	Count(ctx context.Context, collection string) (int64, error)
	// Batch returns the documents of a collection that follow a position, "" for the
	// first, in the order of the store's primary key; and the position of the last. It
	// returns at most limit documents and about persistence.BatchBytes, none at the end.
	Batch(ctx context.Context, collection, after string, limit int) (docs []json.RawMessage, last string, err error)
}

// Target is a store to copy to.
type Target interface {
	Count(ctx context.Context, collection string) (int64, error)
	// Process names this process as an owner of copies.
	Process() string
	// Copying returns the unfinished copy in the store, nil if there is none.
	Copying(ctx context.Context) (*persistence.Copying, error)
	// Import writes documents of the collection to.Collection and records to as the state
	// of the copy, in one transaction; nil removes the state, and so completes the copy.
	// owner must own the copy; "" means that there must be none. Otherwise nothing is
	// written, and the error is persistence.ErrOtherCopy.
	Import(ctx context.Context, owner string, to *persistence.Copying, docs []json.RawMessage) error
	// Clear removes all documents.
	Clear(ctx context.Context) error
}

var (
	// ErrNotEmpty means that a target holds documents that are not an unfinished copy.
	ErrNotEmpty = errors.New("it is not empty: copy to an empty one")
	// ErrOtherSource means that a target holds an unfinished copy of another source.
	ErrOtherSource = errors.New("it holds an unfinished copy of something else")
	// ErrSourceChanged means that the source was written to during the copy.
	ErrSourceChanged = errors.New("the source changed while it was copied: stop the worker and run copy again")
	// ErrCounts means that the target has more or fewer documents than the source.
	ErrCounts = errors.New("the copy does not have as many documents as the source: run copy again: it starts from the beginning")
)

// batchDocuments is how many documents a batch has at most.
const batchDocuments = 2_000

// Copy is one direction of copying, from From to To.
type Copy struct {
	// Source describes where From is, without secrets. A copy is resumed only
	// from the same Source.
	Source string
	From   Source
	To     Target
	// Report is called before the first batch and after each one.
	Report func(Progress)

	batch int // documents
}

// Progress is how far a copy has come.
type Progress struct {
	Restarted  bool   // from the start, because the source has changed
	Collection string // that is being copied
	// Done of Total documents are copied, Before of them by earlier processes.
	Done, Total, Before int64
}

// Count compares a collection and its copy.
type Count struct {
	Collection     string
	Source, Target int64 // documents
}

// Run makes the copy, or completes an unfinished one. The counts are also returned with ErrCounts.
func (c *Copy) Run(ctx context.Context) ([]Count, error) {
	total, state, err := stateOf(ctx, c.From)
	if err != nil {
		return nil, err
	}
	at, restarted, err := c.claim(ctx, state)
	if err != nil {
		return nil, err
	}
	done, err := counts(ctx, c.To)
	if err != nil {
		return nil, err
	}
	if err := c.copyRest(ctx, &at, Progress{restarted, at.Collection, sum(done), sum(total), sum(done)}); err != nil {
		return nil, err
	}
	return c.complete(ctx, at)
}

// claim makes this process the owner of the copy, which is new or resumed.
func (c *Copy) claim(ctx context.Context, state string) (at persistence.Copying, restarted bool, err error) {
	at = persistence.Copying{Source: c.Source, State: state, Owner: c.To.Process(), Collection: persistence.Copied[0]}
	found, err := c.To.Copying(ctx)
	switch {
	case err != nil:
		return at, false, err
	case found == nil:
		if there, err := counts(ctx, c.To); err != nil {
			return at, false, err
		} else if sum(there) > 0 {
			return at, false, ErrNotEmpty
		}
		return at, false, c.To.Import(ctx, "", &at, nil)
	case found.Source != c.Source:
		return at, false, fmt.Errorf("%w: %s: finish that, or copy to an empty one", ErrOtherSource, found.Source)
	case found.State == state:
		at.Collection, at.After = found.Collection, found.After
		return at, false, c.To.Import(ctx, found.Owner, &at, nil)
	}
	stale := at
	stale.State = ""
	if err := c.To.Import(ctx, found.Owner, &stale, nil); err != nil {
		return at, true, err
	}
	if err := c.To.Clear(ctx); err != nil {
		return at, true, err
	}
	return at, true, c.To.Import(ctx, at.Owner, &at, nil)
}

// copyRest copies what follows the position, and moves it.
func (c *Copy) copyRest(ctx context.Context, at *persistence.Copying, p Progress) error {
	c.Report(p)
	first := slices.Index(persistence.Copied, at.Collection)
	if first < 0 {
		return fmt.Errorf("the unfinished copy is at the collection %q, which is unknown", at.Collection)
	}
	for _, at.Collection = range persistence.Copied[first:] {
		err := eachBatch(ctx, c.From, at.Collection, at.After, c.batch, func(b batch) error {
			at.After = b.last
			p.Collection, p.Done = at.Collection, p.Done+int64(len(b.docs))
			if err := c.To.Import(ctx, at.Owner, at, b.docs); err != nil {
				return err
			}
			c.Report(p)
			return nil
		})
		if err != nil {
			return err
		}
		at.After = ""
	}
	return nil
}

// complete compares the copy with its source and completes it.
func (c *Copy) complete(ctx context.Context, at persistence.Copying) ([]Count, error) {
	want, state, err := stateOf(ctx, c.From)
	if err != nil {
		return nil, err
	}
	if state != at.State {
		return nil, ErrSourceChanged
	}
	got, err := counts(ctx, c.To)
	if err != nil {
		return nil, err
	}
	var all []Count
	for i, collection := range persistence.Copied {
		all = append(all, Count{collection, want[i], got[i]})
	}
	if !slices.Equal(want, got) {
		at.State = ""
		return all, errors.Join(ErrCounts, c.To.Import(ctx, at.Owner, &at, nil))
	}
	return all, c.To.Import(ctx, at.Owner, nil, nil)
}

// stateOf returns the counts of all collections and a hash that identifies the state of
// a source: every commit changes an actor.
func stateOf(ctx context.Context, from Source) ([]int64, string, error) {
	numbers, err := counts(ctx, from)
	hash := sha256.New()
	fmt.Fprintln(hash, numbers)
	for _, collection := range []string{persistence.Actors, persistence.Leases} {
		err = errors.Join(err, eachBatch(ctx, from, collection, "", 0, func(b batch) error {
			for _, doc := range b.docs {
				fmt.Fprintf(hash, "%s\n", doc)
			}
			return nil
		}))
	}
	return numbers, hex.EncodeToString(hash.Sum(nil)[:16]), err
}

// batch is consecutive documents of a collection and the position of the last.
type batch struct {
	docs []json.RawMessage
	last string
	err  error
}

// eachBatch calls do for the batches of a collection that follow a position. Each is
// read while do has the one before.
func eachBatch(ctx context.Context, from Source, collection, after string, limit int, do func(batch) error) error {
	read := make(chan batch, 1)
	readNext := func(after string) {
		docs, last, err := from.Batch(ctx, collection, after, cmp.Or(limit, batchDocuments))
		read <- batch{docs, last, err}
	}
	go readNext(after)
	for {
		b := <-read
		if b.err != nil || len(b.docs) == 0 {
			return b.err
		}
		go readNext(b.last)
		if err := do(b); err != nil {
			<-read
			return err
		}
	}
}

// counts returns the number of documents of each of persistence.Copied.
func counts(ctx context.Context, store interface {
	Count(ctx context.Context, collection string) (int64, error)
}) (numbers []int64, err error) {
	for _, collection := range persistence.Copied {
		n, failed := store.Count(ctx, collection)
		numbers, err = append(numbers, n), errors.Join(err, failed)
	}
	return numbers, err
}

func sum(numbers []int64) (total int64) {
	for _, n := range numbers {
		total += n
	}
	return total
}
