package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// Store contains the audited log and the progress of regular audits.
type Store interface {
	persistence.Querier
	PutAudit(ctx context.Context, doc persistence.Audit) error
}

// Regular audits chains periodically while this process owns them. An audit's progress is
// stored in the chain's document of the collection audits, from which the chain's next
// owner, or this process after a restart, resumes it.
type Regular struct {
	Every time.Duration // between the starts of two audits
	Share float64       // the fraction of the time spent on reading; see Config
	Node  string
	Store Store
	Owns  func(chain string) bool
	Log   *slog.Logger
	// Audited is called with the result of an owned chain's last audit, also if another
	// process made it, before each check whether an audit is due. Chains call it
	// concurrently.
	Audited func(chain string, last persistence.AuditResult)

	// Look is the time between two checks whether an audit is due; SaveEvery is the minimum
	// time between two writes of an audit's progress. Both have defaults if Look is 0.
	Look, SaveEvery time.Duration
}

const (
	// RegularShare is the Share of regular audits in production.
	RegularShare     = 0.1
	regularLook      = 15 * time.Second
	regularSaveEvery = 10 * time.Second
	maxError         = 500 // bytes
)

var errNotOwned = errors.New("the chain is no longer owned")

// Run audits chains concurrently until ctx ends. open opens a chain for one audit, at whose
// end closed is called.
func (r *Regular) Run(ctx context.Context, chains []string, open func(chain string) (cfg Config, closed func(), err error)) {
	if r.Look == 0 {
		r.Look, r.SaveEvery = regularLook, regularSaveEvery
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, chain := range chains {
		running.Go(func() { r.follow(ctx, chain, open) })
	}
}

// follow audits one chain until ctx ends.
func (r *Regular) follow(ctx context.Context, chain string, open func(string) (Config, func(), error)) {
	failures := 0
	for {
		if r.Owns(chain) {
			if err := r.look(ctx, chain, open); err != nil && ctx.Err() == nil && !errors.Is(err, errNotOwned) {
				if failures++; failures&(failures-1) == 0 {
					r.Log.Warn("an audit failed, trying again", "chain", chain, "failures", failures, "reason", err)
				}
			} else {
				failures = 0
			}
		}
		if backoff.Sleep(ctx, r.Look) != nil {
			return
		}
	}
}

// look audits a chain if an audit is due or unfinished.
func (r *Regular) look(ctx context.Context, chain string, open func(string) (Config, func(), error)) error {
	docs, err := persistence.Collect[persistence.Audit](ctx, r.Store, persistence.Query{
		Collection: persistence.Audits, Filter: persistence.Filter{Condition: persistence.Equals("_id", chain)},
	})
	if err != nil {
		return err
	}
	doc := persistence.Audit{Chain: chain}
	if len(docs) > 0 {
		doc = docs[0]
	}
	if doc.Last != nil {
		r.Audited(chain, *doc.Last)
	}
	if doc.StartedAt == nil {
		if doc.Last != nil && now().Before(doc.Last.StartedAt.Add(r.Every)) {
			return nil
		}
		if busy, err := r.backfilling(ctx, chain); err != nil || busy {
			return err
		}
		doc.StartedAt = new(now())
	}
	doc.Node = r.Node
	err = r.audit(ctx, &doc, open)
	if err != nil && ctx.Err() == nil && r.Owns(chain) {
		doc.LastError, doc.UpdatedAt = printable.Line(err.Error(), maxError), now()
		err = errors.Join(err, r.Store.PutAudit(ctx, doc))
	}
	return err
}

// backfilling reports whether a stream of a chain reads history. No audit starts meanwhile.
func (r *Regular) backfilling(ctx context.Context, chain string) (bool, error) {
	where := persistence.And{persistence.Equals("chain", chain), persistence.Equals("kind", "subject"), persistence.Equals("state", persistence.Backfilling)}
	found, err := persistence.Collect[persistence.Actor](ctx, r.Store, persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: where}, Limit: 1,
	})
	return len(found) > 0, err
}

// audit runs or resumes the audit of a document.
func (r *Regular) audit(ctx context.Context, doc *persistence.Audit, open func(string) (Config, func(), error)) error {
	cfg, closed, err := open(doc.Chain)
	if err != nil {
		return err
	}
	defer closed()
	var saved time.Time
	cfg.Docs, cfg.Share, cfg.Resume, cfg.ResumeDocuments, cfg.Log = r.Store, r.Share, doc.Streams, doc.Documents, r.Log
	cfg.Progress = func(p Progress) { doc.Percent = int64(100 * p.Done) }
	cfg.Save = func(ctx context.Context, marks []Mark, documents []Documents) error {
		if !r.Owns(doc.Chain) {
			return errNotOwned
		}
		if time.Since(saved) < r.SaveEvery {
			return nil
		}
		saved, doc.Streams, doc.Documents, doc.LastError, doc.UpdatedAt = time.Now(), marks, documents, "", now()
		return r.Store.PutAudit(ctx, *doc)
	}
	r.Log.Info("audit of the log", "chain", doc.Chain, "resumed", len(doc.Streams) > 0)
	report, err := Run(ctx, cfg)
	if err != nil {
		return err
	}
	if !r.Owns(doc.Chain) {
		return errNotOwned
	}
	return r.end(ctx, doc, report)
}

// end stores and logs the result of an audit.
func (r *Regular) end(ctx context.Context, doc *persistence.Audit, report Report) error {
	from, to, _ := report.Range()
	last := persistence.AuditResult{StartedAt: *doc.StartedAt, EndedAt: now(), From: from, To: to, AuditCounts: report.Counts, Streams: report.Streams, Documents: report.Documents}
	next := persistence.Audit{Chain: doc.Chain, Node: r.Node, UpdatedAt: now(), Last: &last}
	if err := r.Store.PutAudit(ctx, next); err != nil {
		return fmt.Errorf("storing the result of an audit: %w", err)
	}
	*doc = next
	r.Audited(doc.Chain, last)
	level, text := slog.LevelInfo, "audit of the log is complete"
	args := []any{"chain", doc.Chain, "events", last.Events, "agree", last.Agree, "from", from, "to", to}
	documents := persistence.DocumentsOf(last.Documents)
	args = append(args, "documents", documents.Compared)
	if last.Differ()+documents.Differ() > 0 {
		level, text = slog.LevelError, "the log differs from the chain"
		if last.Differ() == 0 {
			text = "documents differ from the log"
		}
		args = append(args, "differing_documents", documents.Differ(), "missing", last.Missing, "extra", last.Extra, "different", last.Different,
			"see", "event-worker verify "+doc.Chain, "repair", "event-worker verify "+doc.Chain+" --repair")
	}
	r.Log.Log(ctx, level, text, args...)
	return nil
}
