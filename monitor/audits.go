package monitor

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/persistence"
)

var (
	auditEvents = gauge("event_worker_audit_events",
		"Events that the last audit of the chain's log compared.", "chain")
	auditDiffering = gauge("event_worker_audit_differing_events",
		"Events in which the log and the chain differed at the last audit.", "chain")
	auditDocuments = gauge("event_worker_audit_documents",
		"Orders, records and notifications that the last audit compared with the chain's log.", "chain")
	auditDifferingDocuments = gauge("event_worker_audit_differing_documents",
		"Orders, records and notifications that differed from the fold of the log at the last audit.", "chain")
	auditEnded = gauge("event_worker_audit_ended_timestamp_seconds",
		"Time at which the last audit ended, in seconds since 1970.", "chain")
)

// audits collects the results of the last audits of owned chains.
type audits struct {
	owned func(chain string) bool

	mu   sync.Mutex
	last map[string]persistence.AuditResult
}

func newAudits(owned func(chain string) bool) *audits {
	return &audits{owned: owned, last: map[string]persistence.AuditResult{}}
}

// Audited records the result of an audit of a chain.
func (m *Metrics) Audited(chain string, result persistence.AuditResult) {
	m.audits.mu.Lock()
	defer m.audits.mu.Unlock()
	m.audits.last[chain] = result
}

// Describe implements prometheus.Collector.
func (a *audits) Describe(to chan<- *prometheus.Desc) {
	for _, f := range []metric{auditEvents, auditDiffering, auditDocuments, auditDifferingDocuments, auditEnded} {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (a *audits) Collect(to chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for chain, last := range a.last {
		if !a.owned(chain) {
			continue
		}
		to <- auditEvents.of(last.Events, chain)
		to <- auditDiffering.of(last.Differ(), chain)
		documents := persistence.DocumentsOf(last.Documents)
		to <- auditDocuments.of(documents.Compared, chain)
		to <- auditDifferingDocuments.of(documents.Differ(), chain)
		to <- auditEnded.float(float64(last.EndedAt.UnixMilli())/1000, chain)
	}
}
