package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
)

// repairLook is how often the command looks how far a worker has read again.
const repairLook = 500 * time.Millisecond

// mend has the streams with differences read again, from before their first difference, and folds
// the documents again that differ from the log.
func (f *verifyFlags) mend(ctx context.Context, found audit.Report) error {
	rewinds, refolds := f.rewinds(found), f.refolds(found)
	f.say("\nRepair:")
	if len(rewinds) > 0 {
		f.say(" %s goes back to before its first difference, and is read again from the configured endpoints.", human.Some(int64(len(rewinds)), "stream"))
		if err := f.sayUnread(ctx, rewinds); err != nil {
			return err
		}
	}
	if len(refolds) > 0 {
		var n int64
		for _, r := range refolds {
			n += int64(len(r.Keys))
		}
		f.say(" %s folded again from the log.", human.Some(n, "document"))
	}
	f.say("\n")
	if f.endpoint != "" && len(rewinds) > 0 {
		f.say("The differences are by %s: if it is the configured endpoints that are wrong, they come back.\n", found.Source)
	}
	if f.dryRun {
		if err := f.wouldMend(ctx, rewinds); err != nil {
			return err
		}
		return differ(found)
	}
	asked := false
	tell := func(ended persistence.Request) error {
		asked = true
		if ended.Kind == persistence.RewindRequest {
			f.say("Rewound %s to %s.\n", ended.Subject(), human.Grouped(*ended.Height))
		}
		return nil
	}
	direct := func(store persistence.Store, o owners) error {
		var errs []error
		for _, r := range rewinds {
			errs = append(errs, rewind(ctx, f.words(), store, o, r))
		}
		for _, r := range refolds {
			errs = append(errs, refold(ctx, store, o, r))
		}
		return errors.Join(errs...)
	}
	request := func(o owners) ([]persistence.Request, error) {
		_, err := o.of(f.scope.Chain)
		return append(rewinds, refolds...), err
	}
	if err := f.change(ctx, f.words(), direct, request, tell); err != nil {
		return err
	}
	if !asked && len(rewinds) > 0 {
		return fmt.Errorf("%w: run the worker, which reads the rewound streams again, and verify them then", differ(found))
	}
	return f.verifyAgain(ctx, found)
}

// refold folds documents again while no worker runs.
func refold(ctx context.Context, store persistence.Store, o owners, r persistence.Request) error {
	node, err := o.of(r.Chain)
	if err != nil {
		return err
	}
	m, err := maintenance.TakeOver(ctx, store, node, r.Chain)
	if err != nil {
		return err
	}
	return m.Refold(ctx, r.Market, r.Keys)
}

// refolds are the requests that fold documents again.
func (f *verifyFlags) refolds(found audit.Report) (all []persistence.Request) {
	for _, market := range slices.Sorted(maps.Keys(found.Refold)) {
		for keys := range slices.Chunk(found.Refold[market], persistence.MaxKeys) {
			all = append(all, persistence.Request{Kind: persistence.RefoldRequest, Chain: found.Chain, Market: market, Keys: keys})
		}
	}
	return all
}

// sayUnread says how many notifications that were read become unread: they are written again.
func (f *verifyFlags) sayUnread(ctx context.Context, rewinds []persistence.Request) error {
	docs, _, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer docs.Close()
	var n int64
	for _, r := range rewinds {
		where := append(persistence.MarketRef{Chain: r.Chain, Market: r.Market}.Documents(), persistence.Equals("stream", r.Stream), persistence.Exists{Path: "readAt"},
			persistence.Compare{Path: "position.height", Operator: persistence.Greater, Operand: *r.Height})
		for _, err := range docs.Query(ctx, persistence.Query{Collection: persistence.Notifications, Filter: persistence.Filter{Condition: where}}) {
			if err != nil {
				return err
			}
			n++
		}
	}
	if n > 0 {
		f.say(" At least %s that was read becomes unread.", human.Some(n, "notification"))
	}
	return nil
}

// rewinds are the requests that undo the differences: one for each stream.
func (f *verifyFlags) rewinds(found audit.Report) (all []persistence.Request) {
	for _, s := range found.Streams {
		if s.Before != nil {
			all = append(all, persistence.Request{Kind: persistence.RewindRequest, Chain: found.Chain, Market: s.Market, Stream: s.Stream, Height: s.Before})
		}
	}
	return all
}

// wouldMend says what a repair would undo.
func (f *verifyFlags) wouldMend(ctx context.Context, rewinds []persistence.Request) error {
	docs, _, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer docs.Close()
	for _, r := range rewinds {
		plan, err := maintenance.Plan(ctx, docs, r.Chain, maintenance.Scope{Market: r.Market, Stream: r.Stream}, *r.Height)
		if err != nil {
			return err
		}
		f.say("\nA rewind of %s to %s would undo:\n\n", r.Subject(), human.Grouped(*r.Height))
		if err := tellUndone(f.words(), r, plan); err != nil {
			return cli.UnlessClosed(err)
		}
	}
	f.say("\n")
	return nil
}

// verifyAgain verifies the range of a report once a worker has read it again.
func (f *verifyFlags) verifyAgain(ctx context.Context, found audit.Report) error {
	for said := -1; ; {
		left, err := f.left(ctx, found)
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
		if left != said {
			said = left
			f.say("The worker reads again: %s to go.\n", human.Some(int64(left), "stream"))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: the worker goes on reading; verify again later", interruption(ctx))
		case <-time.After(repairLook):
		}
	}
	_, to, _ := found.Range()
	f.say("\n")
	again, err := f.audit(ctx, f.from, to, f.scope.Stream)
	if err != nil {
		return err
	}
	return differ(again)
}

// left is how many of the streams with differences are not read again yet. One that is paused
// is not waited for.
func (f *verifyFlags) left(ctx context.Context, found audit.Report) (left int, err error) {
	docs, _, err := f.open(ctx)
	if err != nil {
		return 0, err
	}
	defer docs.Close()
	filter := persistence.And{persistence.Equals("chain", found.Chain)}
	actors, err := persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors, Filter: persistence.Filter{Condition: filter}})
	if err != nil {
		return 0, err
	}
	for _, s := range found.Streams {
		if s.Before == nil {
			continue
		}
		behind, paused := false, false
		for _, a := range actors {
			if a.Market != s.Market || a.Stream != s.Stream {
				continue
			}
			behind = behind || a.Kind == "observer" && (a.Height() < s.To || a.Pending != nil)
			paused = paused || a.Paused
		}
		if behind && !paused {
			left++
		}
	}
	return left, nil
}

// words is where the command says what it does: nowhere if JSON is printed.
func (f *verifyFlags) words() *wordsWriter { return &wordsWriter{f} }

type wordsWriter struct{ f *verifyFlags }

// Write implements io.Writer.
func (w *wordsWriter) Write(text []byte) (int, error) {
	if w.f.json {
		return len(text), nil
	}
	return w.f.screen.Write(text)
}

func (f *verifyFlags) say(format string, args ...any) { fmt.Fprintf(f.words(), format, args...) }
