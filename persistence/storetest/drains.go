package storetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

// askNode asks a node to drain or to undrain, which the node usually starts at once.
func (m *members) askNode(t *rapid.T) {
	r := persistence.Request{
		ID: fmt.Sprintf("%srequest-%d", m.run, len(m.asked)), Node: m.drawID(t), AskedBy: "me",
		Kind: rapid.SampledFrom([]string{persistence.DrainRequest, persistence.UndrainRequest}).Draw(t, "kind"),
	}
	must(t, m.of.Ask(t.Context(), []persistence.Request{r}, time.Hour))
	r.State = persistence.RequestPending
	m.asked[r.ID] = r
	if rapid.IntRange(0, 3).Draw(t, "starts") > 0 {
		m.start(t, r, r.Node)
	}
}

// drawRequest draws a request to a node.
func (m *members) drawRequest(t *rapid.T) persistence.Request {
	if len(m.asked) == 0 {
		t.Skip("nothing was asked")
	}
	return m.asked[rapid.SampledFrom(slices.Sorted(maps.Keys(m.asked))).Draw(t, "request")]
}

func (m *members) startDrain(t *rapid.T) { m.start(t, m.drawRequest(t), m.drawID(t)) }

// start has a node start a request, which it may if it is one to this node, which can drain.
func (m *members) start(t *rapid.T, r persistence.Request, by string) {
	n := m.nodes[by]
	can := r.State == persistence.RequestPending && r.Node == by && (n.State == persistence.Up || n.State == persistence.Draining)
	if started, err := m.of.StartDrain(t.Context(), by, r.ID); err != nil || started != can {
		t.Fatalf("%s, which is %q, starts %+v: %v, %v", by, n.State, r, started, err)
	}
	if !can {
		return
	}
	n.Heartbeats++
	if r.Kind == persistence.DrainRequest {
		n.State, r.State = persistence.Draining, persistence.RequestRunning
		r.Answer = &persistence.Answer{Chains: m.chainsOf(by)}
	} else {
		n.State, r.State = persistence.Up, persistence.RequestDone
		m.cancelDrains(by, r.ID)
	}
	m.nodes[by], m.asked[r.ID] = n, r
}

// chainsOf are the chains that a node owns, sorted.
func (m *members) chainsOf(node string) (chains []string) {
	for _, chain := range slices.Sorted(maps.Keys(m.leases)) {
		if m.leases[chain].Node == node {
			chains = append(chains, chain)
		}
	}
	return chains
}

// cancelDrains ends the drains of a node that run.
func (m *members) cancelDrains(node, by string) {
	for id, r := range m.asked {
		if r.Kind == persistence.DrainRequest && r.Node == node && r.State == persistence.RequestRunning {
			r.State, r.Reason = persistence.RequestFailed, "cancelled by request "+by
			m.asked[id] = r
		}
	}
}

// reportDrain reports the progress or the end of a request, which matters only to a drain that
// runs.
func (m *members) reportDrain(t *rapid.T) {
	r := m.drawRequest(t)
	report := m.documentOf(t, r.ID)
	report.Progress = &persistence.Progress{Step: "moving chains", Done: rapid.Int64Range(0, 9).Draw(t, "done"), Total: 9}
	report.State = rapid.SampledFrom([]string{persistence.RequestRunning, persistence.RequestDone, persistence.RequestFailed}).Draw(t, "state")
	if report.State == persistence.RequestFailed {
		report.Reason = "no other node"
	}
	must(t, m.of.ReportDrain(t.Context(), report))
	if r.State == persistence.RequestRunning {
		r.State, r.Reason, r.Progress = report.State, report.Reason, report.Progress
		m.asked[r.ID] = r
	}
}

// startAsOwner has the owner of a chain try to start a request to a node.
func (m *members) startAsOwner(t *rapid.T) {
	lease, _ := m.drawLease(t)
	r := m.drawRequest(t)
	if _, started, _ := m.of.StartRequest(t.Context(), lease, r.ID); started {
		t.Fatalf("the owner of %s starts %+v", lease.Chain, r)
	}
}

func (m *members) documentOf(t *rapid.T, id string) persistence.Request {
	found, err := m.of.Requests(t.Context(), []string{id})
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %+v, %v", id, found, err)
	}
	return found[0]
}

// compareRequests compares the requests to nodes with the model's.
func (m *members) compareRequests(t *rapid.T) {
	for id, want := range m.asked {
		got := m.documentOf(t, id)
		if (got.StartedAt != nil) != (got.Starts == 1) || (got.StartedAt != nil) == (got.State == persistence.RequestPending) {
			t.Fatalf("the start of %+v", got)
		}
		if got.Ended() != (got.EndedAt != nil && got.ExpiresAt != nil) {
			t.Fatalf("the end of %+v", got)
		}
		got = persistence.Request{
			ID: got.ID, Kind: got.Kind, Node: got.Node, Chain: got.Chain, AskedBy: got.AskedBy,
			State: got.State, Reason: got.Reason, Progress: got.Progress, Answer: got.Answer,
		}
		if asJSON(got) != asJSON(want) {
			t.Fatalf("the request is %s, want %s", asJSON(got), asJSON(want))
		}
	}
}
