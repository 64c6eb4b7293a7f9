// Package mongo is the store that production uses: a MongoDB replica set of
// version 6.0 or later.
//
// It guarantees, beyond what persistence.Store does:
//   - A commit is acknowledged by a majority of the replica set: it survives the loss of
//     the primary.
//   - A commit whose answer is lost is neither lost nor made twice. The documents of its
//     actors name the commit that moved them last; they are read, linearizably, before
//     the transaction is run again.
//   - A process that died within a transaction does not block the next owner: the
//     transactions that it left open are ended on the server.
//
// For example, the primary fails while it commits:
//
//	commit 6f…a1   the actor moves from 100 to 120, its document gets commit 6f…a1
//	               the connection breaks, no answer
//	new primary    the actor's document has commit 6f…a1: done
//	          or   it has another commit: the transaction is run again, on condition
//	               that the actor is still at 100
package mongo

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/imart/event-worker/persistence"
)

// Store is the database of a process that writes.
type Store struct {
	*Reader
	app      string // the application name of this process's connections
	registry *bson.Registry
	suspects suspects
	// tolerance is how long a suspect process may keep a transaction open: the process may
	// be healthy and have lost or released only one of its chains.
	tolerance time.Duration
	// condition matches the document of a move's actor if the move may be made.
	condition func(persistence.Move) bson.D
}

var _ persistence.Store = (*Store)(nil)

// Close waits for the calls in progress and closes the connections.
func (s *Store) Close() error {
	if !s.gate.close() {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	_ = s.endSuspects(ctx) // otherwise the server aborts them within a minute
	return s.client.Disconnect(ctx)
}

// work runs a call unless the store is closed, and explains its error.
func (s *Store) work(do func() error) error {
	if !s.gate.enter() {
		return errClosed
	}
	defer s.gate.leave()
	err := do()
	var own ownError
	if errors.As(err, &own) {
		return own.error
	}
	return s.explain(err)
}

// Commit implements persistence.Store.
func (s *Store) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(tx persistence.Tx) error) error {
	commit := bson.NewObjectID()
	t := transaction{
		store: s,
		body: func(inTransaction context.Context) error {
			if do != nil {
				err := s.within(inTransaction, ctx.Err, market, do)
				var own ownError
				if errors.As(err, &own) {
					return cmp.Or(s.checkMoves(inTransaction, moves), err)
				}
				if err != nil {
					return err
				}
			}
			return s.applyMoves(inTransaction, moves, commit)
		},
	}
	if len(moves) > 0 {
		t.landed = func(ctx context.Context) (bool, error) { return s.landed(ctx, moves, commit) }
	}
	return s.work(func() error { return t.run(ctx) })
}

func (s *Store) collection(name string) *driver.Collection { return s.database.Collection(name) }

// linearizable is a collection whose reads see every write that was acknowledged before.
func (s *Store) linearizable(name string) *driver.Collection {
	return s.database.Collection(name, options.Collection().SetReadConcern(readconcern.Linearizable()))
}
