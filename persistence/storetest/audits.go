package storetest

import (
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// auditOf returns the document of a chain with an audit in progress and a complete one.
func auditOf(chain string) persistence.Audit {
	started, before := at(7), int64(99)
	stream := persistence.AuditStream{
		Market: "seaport", Stream: "buy", From: 1, To: 200, Before: &before, Decodable: 1, NotAsked: 2, Notes: []string{"paused"},
		AuditCounts: persistence.AuditCounts{Events: 10, Agree: 7, Missing: 1, Extra: 1, Different: 1},
	}
	documents := []persistence.AuditDocuments{{Market: "seaport", Collection: persistence.Orders, Compared: 9, Missing: 1, Extra: 2, Different: 3}}
	return persistence.Audit{
		Chain: chain, Node: "one", StartedAt: &started, Percent: 50, LastError: "no endpoint", UpdatedAt: at(8),
		Streams:   []persistence.AuditMark{{AuditStream: stream, At: markets.Place{Seq: 100, Hash: "0xab", Through: 7}, Done: true}},
		Documents: documents,
		Last:      &persistence.AuditResult{StartedAt: at(1), EndedAt: at(2), From: 1, To: 200, AuditCounts: stream.AuditCounts, Streams: []persistence.AuditStream{stream}, Documents: documents},
	}
}

var auditTests = []test{
	{"IsReplaced", func(s *suite) {
		a, b := auditOf("aptos"), auditOf("bsc")
		s.must(s.store.PutAudit(s.Context(), a))
		s.must(s.store.PutAudit(s.Context(), b))
		a.StartedAt, a.Streams, a.Percent, a.LastError = nil, nil, 0, ""
		s.must(s.store.PutAudit(s.Context(), a))
		s.must(s.store.PutAudit(s.Context(), a)) // again, as after an unknown outcome
		s.same("documents", all[persistence.Audit](s, persistence.Audits), []persistence.Audit{a, b})
	}},
}
