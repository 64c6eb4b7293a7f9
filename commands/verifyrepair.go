package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence"
)

// repairLook is how often the command looks how far a worker has read again.
const repairLook = 500 * time.Millisecond

// mend has the streams with differences read again, from before their first difference.
func (f *verifyFlags) mend(ctx context.Context, found audit.Report) error {
	rewinds := f.rewinds(found)
	f.say("\nRepair: %s goes back to before its first difference, and is read again from the configured endpoints.\n", cli.Some(int64(len(rewinds)), "stream"))
	if f.endpoint != "" {
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
		f.say("Rewound %s to %s.\n", ended.Subject(), cli.Grouped(*ended.Height))
		return nil
	}
	direct := func(store persistence.Store, o owners) error {
		var errs []error
		for _, r := range rewinds {
			errs = append(errs, rewind(ctx, f.words(), store, o, r))
		}
		return errors.Join(errs...)
	}
	request := func(o owners) ([]persistence.Request, error) {
		_, err := o.of(f.scope.Chain)
		return rewinds, err
	}
	if err := f.change(ctx, f.words(), direct, request, tell); err != nil {
		return err
	}
	if !asked {
		return fmt.Errorf("%w: run the worker, which reads the rewound streams again, and verify them then", differ(found))
	}
	return f.verifyAgain(ctx, found)
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
		f.say("\nA rewind of %s to %s would undo:\n\n", r.Subject(), cli.Grouped(*r.Height))
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
			f.say("The worker reads again: %s to go.\n", cli.Some(int64(left), "stream"))
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
