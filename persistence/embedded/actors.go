package embedded

import (
	"cmp"
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// TakeOver implements persistence.Store.
func (s *Store) TakeOver(ctx context.Context, chain, node string) (epoch int64, err error) {
	err = s.write(ctx, func(conn *sqlite.Conn) error {
		before, err := highestEpoch(conn, chain)
		if err != nil {
			return err
		}
		epoch = before + 1
		if err := putLease(conn, persistence.Lease{Chain: chain, Node: node, Epoch: epoch, TakenAt: now()}); err != nil {
			return err
		}
		_, err = run(conn, "UPDATE actors SET doc = json_set(doc, '$.epoch', ?1) WHERE chain = ?2", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, epoch)
			stmt.BindText(2, chain)
		})
		return err
	})
	if err != nil {
		return 0, err
	}
	return epoch, nil
}

// Claim implements persistence.Store.
func (s *Store) Claim(ctx context.Context, claim persistence.Claim) (actor persistence.Actor, err error) {
	err = s.write(ctx, func(conn *sqlite.Conn) error {
		lease, err := leaseEpoch(conn, claim.Chain)
		if err != nil {
			return err
		}
		known := false
		if actor, known, err = actorNamed(conn, claim.ID); err != nil {
			return err
		}
		if !known {
			actor = persistence.Actor{ID: claim.ID, Place: claim.Start}
		}
		if claim.Epoch < max(lease, actor.Epoch) {
			return fenced(claim.ID)
		}
		actor.Kind, actor.Chain, actor.Market, actor.Stream = claim.Kind, claim.Chain, claim.Market, claim.Stream
		actor.Node, actor.Documents = claim.Node, claim.Documents
		actor.Meaning = actor.Under(claim.Meaning)
		actor.Epoch = claim.Epoch
		if claim.Paused != nil {
			actor.Paused = *claim.Paused
		}
		actor.Incarnation++
		actor.Restarts += claim.Restarts
		actor.LastError = cmp.Or(claim.LastError, actor.LastError)
		return putActor(conn, &actor)
	})
	if err != nil {
		return persistence.Actor{}, err
	}
	return actor, nil
}

// Report implements persistence.Store.
func (s *Store) Report(ctx context.Context, ref persistence.ActorRef, report persistence.Report) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		actor, known, err := actorNamed(conn, ref.ID)
		if err != nil {
			return err
		}
		if !known || actor.Ref() != ref {
			return fenced(ref.ID)
		}
		applyReport(&actor, report)
		if report.Place != nil {
			actor.Place = *report.Place
		}
		return putActor(conn, &actor)
	})
}

// checkMove returns ErrFenced if a move's actor is not at the move's start.
func checkMove(conn *sqlite.Conn, move persistence.Move) error {
	_, err := unmovedActor(conn, move)
	return err
}

// applyMove applies a move. The condition is checked again: two moves may have the same
// actor.
func applyMove(conn *sqlite.Conn, move persistence.Move) error {
	actor, err := unmovedActor(conn, move)
	if err != nil {
		return err
	}
	actor.Place, actor.Pending = move.To, move.Pending
	if move.Trail != nil {
		actor.Trail = move.Trail
	}
	actor.Events += move.Events
	actor.DeadLetters += move.DeadLetters
	applyReport(&actor, move.Report)
	return putActor(conn, &actor)
}

// unmovedActor returns a move's actor if the actor is at the move's start.
func unmovedActor(conn *sqlite.Conn, move persistence.Move) (persistence.Actor, error) {
	actor, known, err := actorNamed(conn, move.Actor.ID)
	if err == nil && (!known || actor.Ref() != move.Actor || actor.Place != move.From) {
		err = fenced(move.Actor.ID)
	}
	return actor, err
}

// applyReport copies a report into an actor's document.
func applyReport(actor *persistence.Actor, report persistence.Report) {
	report.LastError = cmp.Or(report.LastError, actor.LastError)
	if report.Endpoints == nil {
		report.Endpoints = actor.Endpoints
	}
	report.Place = nil
	actor.Report = report
}

func fenced(id string) error { return fmt.Errorf("%s: %w", id, persistence.ErrFenced) }

func actorNamed(conn *sqlite.Conn, id string) (actor persistence.Actor, known bool, err error) {
	known, err = getDocument(conn, persistence.Actors, id, &actor)
	return actor, known, err
}

func putActor(conn *sqlite.Conn, actor *persistence.Actor) error {
	actor.UpdatedAt = now()
	return putDocument(conn, persistence.Actors, actor.ID, actor)
}

func highestEpoch(conn *sqlite.Conn, chain string) (epoch int64, err error) {
	if epoch, err = leaseEpoch(conn, chain); err != nil {
		return 0, err
	}
	err = each(conn, "SELECT ifnull(max(epoch), 0) FROM actors WHERE chain = ?", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, chain)
	}, func(row *sqlite.Stmt) error {
		epoch = max(epoch, row.ColumnInt64(0))
		return nil
	})
	return epoch, err
}

// leaseEpoch is the epoch of a chain's lease, 0 if the chain was never owned.
func leaseEpoch(conn *sqlite.Conn, chain string) (epoch int64, err error) {
	var lease persistence.Lease
	_, err = getDocument(conn, persistence.Leases, chain, &lease)
	return lease.Epoch, err
}

func putLease(conn *sqlite.Conn, lease persistence.Lease) error {
	return putDocument(conn, persistence.Leases, lease.Chain, lease)
}

// places returns the position up to which each stream is folded into a market's
// documents.
func places(conn *sqlite.Conn, market persistence.MarketRef) (map[string]int64, error) {
	places := map[string]int64{}
	err := each(conn, "SELECT stream, seq FROM actors WHERE chain = ? AND market = ? AND documents", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, market.Chain)
		stmt.BindText(2, market.Market)
	}, func(row *sqlite.Stmt) error {
		places[row.ColumnText(0)] = row.ColumnInt64(1)
		return nil
	})
	return places, err
}
