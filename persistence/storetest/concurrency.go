package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var concurrencyTests = []test{
	{"OneOfManyCommitsLands", func(s *suite) { s.must(oneLands(s.Context(), s.store)) }},
	{"NoCommitOfAnEarlierOwnerLands", func(s *suite) { s.must(takenOver(s.Context(), s.store)) }},
	{"ActorsCommitSideBySide", func(s *suite) { s.must(sideBySide(s.Context(), s.store)) }},
	{"CloseWaitsForWhatIsUnderWay", func(s *suite) {
		entered, leave := make(chan struct{}), make(chan struct{})
		committed := make(chan error, 1)
		go func() {
			committed <- s.store.Commit(s.Context(), seaport, nil, func(tx persistence.Tx) error {
				close(entered)
				<-leave
				return writeAll(tx)
			})
		}()
		<-entered
		closed := make(chan error, 1)
		go func() { closed <- s.store.Close() }()
		select {
		case err := <-closed:
			s.Errorf("closed (%v) in the middle of a commit", err)
		default:
		}
		close(leave)
		s.must(<-committed)
		s.must(<-closed)
	}},
	{"CloseWaitsForQueries", func(s *suite) {
		s.shop()
		closed := make(chan error, 1)
		n := 0
		for _, err := range s.store.Query(s.Context(), persistence.Query{Collection: persistence.Orders}) {
			s.must(err)
			if n++; n == 1 {
				go func() { closed <- s.store.Close() }()
				for s.store.Commit(s.Context(), seaport, nil, nil) == nil { // until it has begun to close
				}
			}
			if len(closed) != 0 {
				s.Errorf("closed in the middle of a query, at document %d", n)
			}
		}
		if n != 6 {
			s.Errorf("a query that was under way at Close answered %d documents, want 6", n)
		}
		s.must(<-closed)
	}},
}

// commitEvent appends one event and moves its actor over it.
func commitEvent(ctx context.Context, store persistence.Store, actor persistence.Actor, to markets.Place, order string) error {
	return store.Commit(ctx, seaport, []persistence.Move{move(actor, to)}, func(tx persistence.Tx) error {
		return tx.Append(activities(seaport, listed("list", to.Seq, order)), nil)
	})
}

// count is the number of documents in a collection.
func count(ctx context.Context, store persistence.Store, collection string) (n int, err error) {
	for _, err := range store.Query(ctx, persistence.Query{Collection: collection}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// oneLands lets many commit from the same place at once, round after round.
func oneLands(ctx context.Context, store persistence.Store) error {
	const rounds, rivals = 10, 8
	epoch, err := store.TakeOver(ctx, chain, node)
	if err != nil {
		return err
	}
	actor, err := store.Claim(ctx, claimOf(seaport, "list", epoch))
	if err != nil {
		return err
	}
	for round := range int64(rounds) {
		var landed atomic.Int64
		var group errgroup.Group
		for rival := range rivals {
			group.Go(func() error {
				switch err := commitEvent(ctx, store, actor, place(round), fmt.Sprint(rival)); {
				case err == nil:
					landed.Add(1)
				case !errors.Is(err, persistence.ErrFenced):
					return err
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if n := landed.Load(); n != 1 {
			return fmt.Errorf("%d of %d rivals' commits landed", n, rivals)
		}
		actor.Place = place(round)
	}
	n, err := count(ctx, store, persistence.Activities)
	if err == nil && n != rounds {
		err = fmt.Errorf("%d activities of %d commits", n, rounds)
	}
	return err
}

// takenOver lets owner after owner take a chain over while the one before commits.
// What the earlier one got in by then is all that it ever gets in.
func takenOver(ctx context.Context, store persistence.Store) error {
	for owner := range 8 {
		epoch, err := store.TakeOver(ctx, chain, fmt.Sprint(owner))
		if err != nil {
			return err
		}
		actor, err := store.Claim(ctx, claimOf(seaport, "list", epoch))
		if err != nil {
			return err
		}
		if err := succeed(ctx, store, actor); err != nil {
			return err
		}
	}
	return nil
}

// succeed takes over from an owner that is committing.
func succeed(ctx context.Context, store persistence.Store, actor persistence.Actor) error {
	var group errgroup.Group
	started := make(chan struct{})
	start := sync.OnceFunc(func() { close(started) })
	group.Go(func() error {
		defer start()
		for i := range 200 {
			to := place(actor.Seq + 1)
			if err := commitEvent(ctx, store, actor, to, actor.Node); err != nil {
				return err
			}
			actor.Place = to
			if i == 2 {
				start()
			}
		}
		return errors.New("no take-over stopped it")
	})
	<-started
	if _, err := store.TakeOver(ctx, chain, "successor"); err != nil {
		return err
	}
	atTakeOver, err := count(ctx, store, persistence.Activities)
	if err != nil {
		return err
	}
	if err := group.Wait(); !errors.Is(err, persistence.ErrFenced) {
		return fmt.Errorf("the earlier owner ended with: %w", err)
	}
	n, err := count(ctx, store, persistence.Activities)
	if err == nil && n != atTakeOver {
		err = fmt.Errorf("%d activities at the take-over, %d later", atTakeOver, n)
	}
	return err
}

// sideBySide lets the actors of several markets commit at once, each its own
// places, and loses none.
func sideBySide(ctx context.Context, store persistence.Store) error {
	const commits = 20
	epoch, err := store.TakeOver(ctx, chain, node)
	if err != nil {
		return err
	}
	var group errgroup.Group
	for i := range 4 {
		market := persistence.MarketRef{Chain: chain, Market: fmt.Sprint(i)}
		group.Go(func() error {
			actor, err := store.Claim(ctx, claimOf(market, "list", epoch))
			if err != nil {
				return err
			}
			for seq := range int64(commits) {
				err := store.Commit(ctx, market, []persistence.Move{move(actor, place(seq))}, func(tx persistence.Tx) error {
					return tx.Append(activities(market, listed("list", seq, "0xa")), nil)
				})
				if err != nil {
					return err
				}
				actor.Place = place(seq)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	n, err := count(ctx, store, persistence.Activities)
	if err == nil && n != 4*commits {
		err = fmt.Errorf("%d activities of %d commits", n, 4*commits)
	}
	return err
}
