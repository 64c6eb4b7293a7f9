package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// auditsOf returns the audits of chains, or of all chains if none is named.
func auditsOf(ctx context.Context, docs persistence.Querier, chains []string) ([]persistence.Audit, error) {
	all, err := persistence.Collect[persistence.Audit](ctx, docs, persistence.Query{Collection: persistence.Audits, Sort: []persistence.SortKey{{Path: "_id"}}})
	return slices.DeleteFunc(all, func(a persistence.Audit) bool { return len(chains) > 0 && !slices.Contains(chains, a.Chain) }), err
}

// auditLines returns a line for each audited chain.
func auditLines(all []persistence.Audit, now time.Time) (text string) {
	for _, a := range all {
		text += fmt.Sprintf("\naudit of %s: %s", a.Chain, auditText(a, now))
	}
	return text
}

// auditText describes the outcome of the last audit and the progress of the current one.
func auditText(a persistence.Audit, now time.Time) string {
	text := "none has completed yet"
	if last := a.Last; last != nil {
		text = agreement(last.AuditCounts)
		if len(last.Documents) > 0 {
			text += "; " + agreementOfDocuments(last.Documents)
		}
		text += ", " + human.Ago(now.Sub(last.EndedAt))
		if last.Differ()+persistence.DocumentsOf(last.Documents).Differ() > 0 {
			text += ": see event-worker verify " + a.Chain
		}
	}
	if a.StartedAt != nil {
		text += fmt.Sprintf("; one is running, %d %%", a.Percent)
	}
	if a.LastError != "" {
		text += "; it is failing: " + printable.Line(a.LastError, lastErrorShown)
	}
	return text
}
