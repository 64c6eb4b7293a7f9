package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Config configures an audit. Its functions are called from one goroutine at a time and may
// be nil.
type Config struct {
	Docs    persistence.Querier
	Chain   string // the chain's name
	ID      uint64 // the chain id; 0 if the chain's contracts are not asked
	Source  chains.Chain
	Hosts   string // the hosts of the source's endpoints, for the report
	Markets []markets.Market
	// From and To restrict the heights, both included; no restriction if 0 or negative.
	From, To int64
	// DocumentsTo is To for documents that the log does not yield; To if 0.
	DocumentsTo int64
	// Market and Stream restrict the audit to a market and to one of its streams; all if
	// empty.
	Market, Stream string

	// Share is the fraction of the time spent on reading; all of it if 0.
	Share float64
	// LogOnly skips the comparison of documents with the log.
	LogOnly bool

	// Resume and ResumeDocuments are the progress of an earlier audit, which Save received.
	// Save is called after each page; its error ends the audit.
	Resume          []Mark
	ResumeDocuments []Documents
	Save            func(context.Context, []Mark, []Documents) error

	Found    func(Difference) // called for each difference
	Progress func(Progress)   // called after each page
	Log      *slog.Logger     // may be nil

	Pause  time.Duration // before the first repeated attempt; 250 ms if 0
	Events int           // the approximate number of events in a page; 1,000 if 0
}

// Progress is the progress of an audit.
type Progress struct {
	Stream string  // market/stream, of the last page
	Height int64   // up to which that stream was compared
	Done   float64 // the compared fraction of all streams, from 0 to 1
	Counts
}

// audit is an audit in progress.
type audit struct {
	Config
	view       *chains.View
	cursors    []*cursor
	others     []Stream // streams without a cursor
	notes      []string
	total      Counts
	completers map[string]*currencies.Completer // by market

	documents map[string]*documentAudit // by market
}

const (
	pageEvents = 1000
	firstPause = 250 * time.Millisecond // between attempts
	lastPause  = 5 * time.Second
	attempts   = 7
)

// Run audits a chain. It returns an error if the chain or the store cannot be read;
// differences are not errors. The report is valid in either case.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg.Pause, cfg.Events = cmp.Or(cfg.Pause, firstPause), cmp.Or(cfg.Events, pageEvents)
	if cfg.To <= 0 {
		cfg.To = math.MaxInt64
	}
	cfg.DocumentsTo = cmp.Or(cfg.DocumentsTo, cfg.To)
	a := audit{Config: cfg, completers: map[string]*currencies.Completer{}, documents: map[string]*documentAudit{}}
	report := Report{Chain: cfg.Chain, Source: cfg.Hosts, StartedAt: now()}
	err := a.run(ctx)
	report.Streams, report.Notes, report.EndedAt = a.results(), a.notes, now()
	for _, s := range report.Streams {
		report.Add(s.AuditCounts)
	}
	report.Documents, report.Refold = a.allDocuments(), map[string][]string{}
	for market, d := range a.documents {
		if len(d.refolds) > 0 {
			report.Refold[market] = d.refolds
		}
	}
	return report, err
}

func now() time.Time { return time.Now().UTC().Truncate(markets.Precision) }

func (a *audit) run(ctx context.Context) error {
	err := a.retry(ctx, "asking for the chain's head", func() (err error) {
		a.view, err = a.Source.Advance(ctx, nil)
		return err
	})
	if err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	for {
		c := a.lowest()
		if c == nil {
			if err := errors.Join(a.save(ctx), a.compareFacts(ctx)); err != nil {
				return err
			}
			return a.findExtras(ctx)
		}
		started := time.Now()
		if err := a.step(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.id(), err)
		}
		a.reportProgress(c)
		if err := a.save(ctx); err != nil {
			return err
		}
		if err := a.rest(ctx, time.Since(started)); err != nil {
			return err
		}
	}
}

// rest waits so that reading takes no more than its share of the time.
func (a *audit) rest(ctx context.Context, worked time.Duration) error {
	if a.Share <= 0 || a.Share >= 1 {
		return ctx.Err()
	}
	if backoff.Sleep(ctx, time.Duration(float64(worked)*(1/a.Share-1))) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// lowest returns the unfinished cursor with the lowest height, so that streams share
// windows of the chain; nil if all are done.
func (a *audit) lowest() *cursor {
	var least *cursor
	for _, c := range a.cursors {
		if !c.done && (least == nil || c.at.Height() < least.at.Height()) {
			least = c
		}
	}
	return least
}

// open opens a cursor for each stream.
func (a *audit) open(ctx context.Context) error {
	for _, m := range a.Markets {
		for _, s := range m.Streams {
			if a.Market != "" && m.Name != a.Market || a.Stream != "" && s.Name != a.Stream {
				continue
			}
			if err := a.openStream(ctx, m, s); err != nil {
				return fmt.Errorf("%s/%s/%s: %w", a.Chain, m.Name, s.Name, err)
			}
		}
	}
	return a.noteUnconfigured(ctx)
}

func (a *audit) openStream(ctx context.Context, m markets.Market, s markets.Stream) error {
	c := newCursor(a, m, s)
	observer, err := c.log.observer(ctx)
	if errors.Is(err, errNoLog) {
		note(&c.result, err.Error())
		a.others = append(a.others, c.result)
		return nil
	}
	if err != nil {
		return err
	}
	if paused, err := c.log.paused(ctx); err != nil {
		return err
	} else if paused {
		note(&c.result, fmt.Sprintf("paused: its log is at %d", observer.Seq))
	}
	if meaning := observer.Under(s.Meaning); meaning != nil && len(meaning.Changed) > 0 {
		note(&c.result, "its definition has changed since its log was written: expect differences until redecode --changed has run")
	}
	err = a.retry(ctx, "finding the range to compare", func() error { return c.bound(ctx, observer) })
	if err != nil {
		return err
	}
	a.resume(c)
	a.cursors = append(a.cursors, c)
	_, err = a.documentsOf(ctx, m.Name) // even if no page is left to be compared
	return err
}

// resume moves a cursor to where an earlier audit stopped.
func (a *audit) resume(c *cursor) {
	i := slices.IndexFunc(a.Resume, func(m Mark) bool { return m.Market == c.result.Market && m.Stream == c.result.Stream })
	if i < 0 || a.Resume[i].At.Height() > c.end.Height() && !a.Resume[i].Done {
		return
	}
	notes := c.result.Notes
	c.first = c.first && a.Resume[i].At == c.at // no page was compared yet
	c.at, c.done, c.result = a.Resume[i].At, a.Resume[i].Done, a.Resume[i].AuditStream
	c.result.Notes = notes
	a.total.Add(c.result.AuditCounts)
}

// noteUnconfigured notes the streams that have a log and are not in the configuration.
func (a *audit) noteUnconfigured(ctx context.Context) error {
	filter := persistence.And{persistence.Equals("chain", a.Chain), persistence.Equals("kind", "observer")}
	observers, err := persistence.Collect[persistence.Actor](ctx, a.Docs, persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: filter}, Sort: []persistence.SortKey{{Path: "_id"}},
	})
	if err != nil {
		return err
	}
	for _, o := range observers {
		if o.Documents || o.Stream == markets.StateStream || a.Market != "" && o.Market != a.Market || a.Stream != "" && o.Stream != a.Stream {
			continue
		}
		if !slices.ContainsFunc(a.Markets, func(m markets.Market) bool {
			return m.Name == o.Market && slices.ContainsFunc(m.Streams, func(s markets.Stream) bool { return s.Name == o.Stream })
		}) {
			a.notes = append(a.notes, fmt.Sprintf("%s/%s/%s is not in the configuration: it is not compared", o.Chain, o.Market, o.Stream))
		}
	}
	return nil
}

// compareFacts compares the facts of all markets.
func (a *audit) compareFacts(ctx context.Context) error {
	if a.Stream != "" && a.Stream != markets.StateStream {
		return nil
	}
	for _, m := range a.Markets {
		if a.Market != "" && m.Name != a.Market {
			continue
		}
		if err := a.compareFactsOf(ctx, m); err != nil {
			return fmt.Errorf("%s/%s/%s: %w", a.Chain, m.Name, markets.StateStream, err)
		}
	}
	return nil
}

// retry repeats a call that fails with a temporary error, with growing pauses.
func (a *audit) retry(ctx context.Context, what string, do func() error) error {
	for failures := 1; ; failures++ {
		err := do()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case failures == attempts || permanent(err):
			return fmt.Errorf("%s: %w", what, err)
		}
		if a.Log != nil && failures&(failures-1) == 0 {
			a.Log.WarnContext(ctx, what+" failed, trying again", "reason", err)
		}
		if backoff.Sleep(ctx, backoff.Jittered(failures, a.Pause, lastPause)) != nil {
			return context.Cause(ctx)
		}
	}
}

// permanent reports whether repeating the call cannot help.
func permanent(err error) bool {
	return slices.ContainsFunc([]error{chains.ErrWrongChain, chains.ErrPruned, chains.ErrNoMethod, chains.ErrGap}, func(e error) bool { return errors.Is(err, e) })
}

// add adds the outcome of a page.
func (a *audit) add(c *cursor, o outcome) {
	c.result.Events, c.result.Agree = c.result.Events+o.agree, c.result.Agree+o.agree
	c.result.Decodable += o.decodable
	a.total.Events, a.total.Agree = a.total.Events+o.agree, a.total.Agree+o.agree
	for _, d := range o.differences {
		a.addDifference(&c.result, d)
	}
}

// addDifference counts and reports a difference of a stream.
func (a *audit) addDifference(s *Stream, d Difference) {
	count(&s.AuditCounts, d.Kind)
	count(&a.total, d.Kind)
	lowerBefore(s, d.Before)
	if a.Found != nil {
		a.Found(d)
	}
}

func (a *audit) reportProgress(c *cursor) {
	if a.Progress == nil {
		return
	}
	p := Progress{Stream: c.result.Market + "/" + c.result.Stream, Height: c.at.Height(), Counts: a.total}
	for _, c := range a.cursors {
		p.Done += c.progress() / float64(len(a.cursors))
	}
	a.Progress(p)
}

// save passes the audit's progress to Save.
func (a *audit) save(ctx context.Context) error {
	if a.Save == nil {
		return nil
	}
	marks := make([]Mark, len(a.cursors))
	for i, c := range a.cursors {
		marks[i] = Mark{AuditStream: c.result, At: c.at, Done: c.done}
	}
	return a.Save(ctx, marks, a.allDocuments())
}

// findExtras compares the documents that the log does not yield.
func (a *audit) findExtras(ctx context.Context) error {
	for _, m := range a.Markets {
		if d := a.documents[m.Name]; d != nil {
			if err := d.extras(ctx); err != nil {
				return fmt.Errorf("%s/%s: %w", a.Chain, m.Name, err)
			}
		}
	}
	return nil
}

func (a *audit) results() []Stream {
	all := slices.Clone(a.others)
	for _, c := range a.cursors {
		c.result.To = min(c.result.To, max(c.at.Height(), c.result.From-1))
		all = append(all, c.result)
	}
	slices.SortFunc(all, func(x, y Stream) int {
		return slices.Compare([]string{x.Market, x.Stream}, []string{y.Market, y.Stream})
	})
	return all
}
