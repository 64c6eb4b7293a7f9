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

// repairPoll is the interval at which the command reads how far a worker has read again.
const repairPoll = 500 * time.Millisecond

// repairAll rewinds the streams with differences to before their first difference, folds
// the documents that differ again, and verifies the result if a worker runs.
func (f *verifyFlags) repairAll(ctx context.Context, found audit.Report) error {
	rewinds, refolds := f.rewinds(found), f.refolds(found)
	f.say("\nRepair:")
	if len(rewinds) > 0 {
		f.say(" %s rewound to before the first difference, to be read again from the configured endpoints.", human.Some(int64(len(rewinds)), "stream"))
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
		f.say("The differences are those from %s: if the configured endpoints are wrong, they will reappear.\n", found.Source)
	}
	if f.dryRun {
		if err := f.planRepair(ctx, rewinds); err != nil {
			return err
		}
		return differ(found)
	}
	byWorker := false
	tell := func(ended persistence.Request) error {
		byWorker = true
		if ended.Kind == persistence.RewindRequest {
			f.say("Rewound %s to %s.\n", ended.Subject(), human.Grouped(*ended.Height))
		}
		return nil
	}
	direct := func(store persistence.Store, o owners) error {
		var errs []error
		for _, r := range rewinds {
			errs = append(errs, rewind(ctx, messages{f}, store, o, r))
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
	if err := f.change(ctx, messages{f}, direct, request, tell); err != nil {
		return err
	}
	if !byWorker && len(rewinds) > 0 {
		return fmt.Errorf("%w: run the worker, which reads the rewound streams again, then verify them", differ(found))
	}
	return f.verifyAgain(ctx, found)
}

// refold folds documents again. No worker may be running.
func refold(ctx context.Context, store persistence.Store, o owners, r persistence.Request) error {
	m, err := o.takeOver(ctx, store, r.Chain)
	if err != nil {
		return err
	}
	return m.Refold(ctx, r.Market, r.Keys)
}

// refolds returns the requests that fold the documents with differences again.
func (f *verifyFlags) refolds(found audit.Report) (all []persistence.Request) {
	for _, market := range slices.Sorted(maps.Keys(found.Refold)) {
		for keys := range slices.Chunk(found.Refold[market], persistence.MaxKeys) {
			all = append(all, persistence.Request{Kind: persistence.RefoldRequest, Chain: found.Chain, Market: market, Keys: keys})
		}
	}
	return all
}

// sayUnread says how many read notifications become unread, because they are written again.
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
		f.say(" At least %s will be marked unread.", human.Some(n, "notification"))
	}
	return nil
}

// rewinds returns the requests that rewind the streams with differences, one for each
// stream.
func (f *verifyFlags) rewinds(found audit.Report) (all []persistence.Request) {
	for _, s := range found.Streams {
		if s.Before != nil {
			all = append(all, persistence.Request{Kind: persistence.RewindRequest, Chain: found.Chain, Market: s.Market, Stream: s.Stream, Height: s.Before})
		}
	}
	return all
}

// planRepair prints what a repair would undo.
func (f *verifyFlags) planRepair(ctx context.Context, rewinds []persistence.Request) error {
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
		if err := tellUndone(messages{f}, r, plan); err != nil {
			return cli.UnlessClosed(err)
		}
	}
	f.say("\n")
	return nil
}

// verifyAgain waits until a worker has read the range of a report again, and verifies it.
func (f *verifyFlags) verifyAgain(ctx context.Context, found audit.Report) error {
	for said := -1; ; {
		unread, err := f.unread(ctx, found)
		if err != nil {
			return err
		}
		if unread == 0 {
			break
		}
		if unread != said {
			said = unread
			f.say("The worker is reading again: %s to go.\n", human.Some(int64(unread), "stream"))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: the worker continues to read; verify again later", interruption(ctx))
		case <-time.After(repairPoll):
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

// unread counts the streams with differences that are not yet read again, except paused
// ones.
func (f *verifyFlags) unread(ctx context.Context, found audit.Report) (n int, err error) {
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
			n++
		}
	}
	return n, nil
}

// messages writes the command's messages, which are discarded if JSON is printed.
type messages struct{ f *verifyFlags }

// Write implements io.Writer.
func (m messages) Write(text []byte) (int, error) {
	if m.f.json {
		return len(text), nil
	}
	return m.f.screen.Write(text)
}

func (f *verifyFlags) say(format string, args ...any) { fmt.Fprintf(messages{f}, format, args...) }
