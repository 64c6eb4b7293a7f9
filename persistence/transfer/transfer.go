// Package transfer moves all documents from one store to another, as they are.
//
// A copy may be interrupted at any moment and goes on where it was: the store that
// it fills keeps its place, and each batch of documents is written together with
// the move of that place, on condition that it is where the process has left it.
package transfer

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/persistence"
)

// Source is a store that documents come from.
type Source interface {
	// Count is the number of documents in a collection.
	Count(ctx context.Context, collection string) (int64, error)
	// Documents yields the documents of a collection that stand behind a place, all of
	// them if it is empty, in an order that is always the same.
	Documents(ctx context.Context, collection, after string) iter.Seq2[persistence.Document, error]
}

// Target is a store that documents are copied to.
type Target interface {
	// Count is the number of documents in a collection.
	Count(ctx context.Context, collection string) (int64, error)
	// Copying is the copy that is not complete; nil if there is none.
	Copying(ctx context.Context) (*persistence.Copying, error)
	// Import writes new documents to the collection to.Collection and takes the copy
	// from one point to another, in one transaction. from is nil at a copy's beginning,
	// to is nil at its end. The error is persistence.ErrOtherCopy when the copy does
	// not stand at from, and names the document when one cannot be stored exactly.
	Import(ctx context.Context, from, to *persistence.Copying, docs []json.RawMessage) error
	// Clear removes all documents of an unfinished copy.
	Clear(ctx context.Context) error
}

var (
	// ErrNotEmpty says that a target holds documents that are no unfinished copy.
	ErrNotEmpty = errors.New("it is not empty: copy to an empty one")
	// ErrOtherSource says that a target holds an unfinished copy of something else.
	ErrOtherSource = errors.New("it holds an unfinished copy of something else")
	// ErrSourceChanged says that somebody has written to the source.
	ErrSourceChanged = errors.New("the source changed while it was copied: stop the worker and run copy again")
	// ErrCounts says that a source and its copy have not equally many documents.
	ErrCounts = errors.New("the copy has not as many documents as the source: run copy again, it begins anew")
)

// A batch has at most so many documents, and hardly more bytes.
const (
	maxDocuments = 2_000
	maxBytes     = 4 << 20
)

// Copy is a copy to be made.
type Copy struct {
	// Source is where From is, for people and without secrets; always the same words
	// for the same place.
	Source string
	From   Source
	To     Target
	// Report is told of every batch, from one goroutine.
	Report func(Progress)

	batch int // documents; maxDocuments if 0
}

// Begin is how a copy begins.
type Begin int

// The ways in which a copy begins.
const (
	Fresh Begin = iota
	GoOn        // where an earlier process was interrupted
	Anew        // because the source has changed since
)

// Progress is how far a copy has come. All numbers are of documents.
type Progress struct {
	Begin Begin
	// Collection is the one that is being copied.
	Collection string
	// Done of all Total are copied, Before of them by earlier processes.
	Done, Total, Before int64
}

// Count compares a collection and its copy.
type Count struct {
	Collection     string
	Source, Target int64 // documents
}

// Run makes the copy, or the rest of it. The counts of all collections come with
// ErrCounts too.
func (c *Copy) Run(ctx context.Context) ([]Count, error) {
	state, err := stateOf(ctx, c.From)
	if err != nil {
		return nil, err
	}
	at, begin, err := c.begin(ctx, state)
	if err != nil {
		return nil, err
	}
	there, err := counts(ctx, c.To)
	if err != nil {
		return nil, err
	}
	p := Progress{Begin: begin, Collection: at.Collection, Done: sum(there), Total: sum(state.counts), Before: sum(there)}
	c.Report(p)
	if err := c.copyRest(ctx, &at, p); err != nil {
		return nil, err
	}
	return c.finish(ctx, at)
}

// begin begins the copy, or takes over what another process has begun.
func (c *Copy) begin(ctx context.Context, state state) (persistence.Copying, Begin, error) {
	wanted := persistence.Copying{Source: c.Source, State: state.String(), Owner: rand.Text(), Collection: persistence.Copied[0]}
	found, err := c.To.Copying(ctx)
	if err != nil {
		return wanted, Fresh, err
	}
	switch {
	case found == nil:
		if err := empty(ctx, c.To); err != nil {
			return wanted, Fresh, err
		}
		return wanted, Fresh, c.To.Import(ctx, nil, &wanted, nil)
	case found.Source != c.Source:
		return wanted, Fresh, fmt.Errorf("%w: %s: finish that, or copy to an empty one", ErrOtherSource, found.Source)
	case found.State == wanted.State:
		wanted.Collection, wanted.After = found.Collection, found.After
		return wanted, GoOn, c.To.Import(ctx, found, &wanted, nil)
	}
	cleared := wanted
	cleared.State = ""
	if err := c.To.Import(ctx, found, &cleared, nil); err != nil {
		return wanted, Anew, err
	}
	if err := c.To.Clear(ctx); err != nil {
		return wanted, Anew, err
	}
	return wanted, Anew, c.To.Import(ctx, &cleared, &wanted, nil)
}

// batch is documents of one collection, and the place of the last.
type batch struct {
	collection, after string
	docs              []json.RawMessage
}

// copyRest copies what is behind a point, and moves the point. One batch is read
// while another is written.
func (c *Copy) copyRest(ctx context.Context, at *persistence.Copying, p Progress) error {
	batches := make(chan batch)
	group, ctx := errgroup.WithContext(ctx)
	from := *at
	group.Go(func() error {
		defer close(batches)
		return c.read(ctx, from, batches)
	})
	group.Go(func() error {
		for b := range batches {
			to := *at
			to.Collection, to.After = b.collection, b.after
			if err := c.To.Import(ctx, at, &to, b.docs); err != nil {
				return err
			}
			*at = to
			p.Collection, p.Done = b.collection, p.Done+int64(len(b.docs))
			c.Report(p)
		}
		return nil
	})
	return group.Wait()
}

// read sends what is behind a point.
func (c *Copy) read(ctx context.Context, from persistence.Copying, batches chan<- batch) error {
	first := slices.Index(persistence.Copied, from.Collection)
	if first < 0 {
		return fmt.Errorf("the unfinished copy stands at the collection %q, which is unknown", from.Collection)
	}
	after := from.After
	for _, collection := range persistence.Copied[first:] {
		if err := c.readCollection(ctx, collection, after, batches); err != nil {
			return err
		}
		after = ""
	}
	return nil
}

func (c *Copy) readCollection(ctx context.Context, collection, after string, batches chan<- batch) error {
	next, size, limit := batch{collection: collection}, 0, cmp.Or(c.batch, maxDocuments)
	send := func() error {
		if len(next.docs) == 0 {
			return nil
		}
		select {
		case batches <- next:
			next, size = batch{collection: collection}, 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for doc, err := range c.From.Documents(ctx, collection, after) {
		if err != nil {
			return err
		}
		next.docs, next.after, size = append(next.docs, doc.JSON), doc.At, size+len(doc.JSON)
		if len(next.docs) < limit && size < maxBytes {
			continue
		}
		if err := send(); err != nil {
			return err
		}
	}
	return send()
}

// finish checks the copy and says that it is complete.
func (c *Copy) finish(ctx context.Context, at persistence.Copying) ([]Count, error) {
	state, err := stateOf(ctx, c.From)
	if err != nil {
		return nil, err
	}
	if state.String() != at.State {
		return nil, ErrSourceChanged
	}
	there, err := counts(ctx, c.To)
	if err != nil {
		return nil, err
	}
	var all []Count
	for i, collection := range persistence.Copied {
		all = append(all, Count{collection, state.counts[i], there[i]})
	}
	if !slices.Equal(state.counts, there) {
		useless := at
		useless.State = ""
		return all, errors.Join(ErrCounts, c.To.Import(ctx, &at, &useless, nil))
	}
	return all, c.To.Import(ctx, &at, nil, nil)
}
