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

// auditsOf are the documents of the audits of chains, of all if none are named.
func auditsOf(ctx context.Context, docs persistence.Querier, chains []string) ([]persistence.Audit, error) {
	all, err := persistence.Collect[persistence.Audit](ctx, docs, persistence.Query{Collection: persistence.Audits, Sort: []persistence.SortKey{{Path: "_id"}}})
	return slices.DeleteFunc(all, func(a persistence.Audit) bool { return len(chains) > 0 && !slices.Contains(chains, a.Chain) }), err
}

// auditLines are a line for each chain that is audited.
func auditLines(all []persistence.Audit, now time.Time) (text string) {
	for _, a := range all {
		text += fmt.Sprintf("\naudit of %s: %s", a.Chain, auditWords(a, now))
	}
	return text
}

// auditWords says what came of the last audit, and how far the present one is.
func auditWords(a persistence.Audit, now time.Time) string {
	text := "none has ended yet"
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
		text += fmt.Sprintf("; one is under way, %d %%", a.Percent)
	}
	if a.LastError != "" {
		text += "; it does not go on: " + printable.Line(a.LastError, lastErrorShown)
	}
	return text
}
