package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/imart/event-worker/persistence"
)

// state tells the states of a store from each other: every commit changes a
// document of an actor.
type state struct {
	counts []int64 // as persistence.Copied
	hash   [sha256.Size]byte
}

// String is a short form of the state.
func (s state) String() string { return hex.EncodeToString(s.hash[:16]) }

func stateOf(ctx context.Context, from Source) (state, error) {
	numbers, err := counts(ctx, from)
	if err != nil {
		return state{}, err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, numbers)
	for _, collection := range []string{persistence.Actors, persistence.Leases} {
		for doc, err := range from.Documents(ctx, collection, "") {
			if err != nil {
				return state{}, err
			}
			fmt.Fprintf(hash, "%s\n", doc.JSON)
		}
	}
	return state{numbers, [sha256.Size]byte(hash.Sum(nil))}, nil
}

// counter is a Source or a Target.
type counter interface {
	Count(ctx context.Context, collection string) (int64, error)
}

// counts are the numbers of documents of all collections.
func counts(ctx context.Context, store counter) ([]int64, error) {
	numbers := make([]int64, len(persistence.Copied))
	for i, collection := range persistence.Copied {
		var err error
		if numbers[i], err = store.Count(ctx, collection); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

func sum(numbers []int64) (total int64) {
	for _, n := range numbers {
		total += n
	}
	return total
}

// empty returns ErrNotEmpty if a store holds documents.
func empty(ctx context.Context, store counter) error {
	numbers, err := counts(ctx, store)
	if err == nil && sum(numbers) > 0 {
		err = ErrNotEmpty
	}
	return err
}
