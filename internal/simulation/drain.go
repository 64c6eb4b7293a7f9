package simulation

import (
	"context"

	"github.com/imart/event-worker/persistence"
)

// The store keeps requests to nodes as requests of no chain: their leases have no chain either.

// startDrain starts a request to drain a node, or executes a request to undrain it.
func (s *server) startDrain(ctx context.Context, node, id string) (bool, error) {
	n := s.nodes[node]
	asked, err := s.store.Requests(ctx, []string{id})
	if err != nil || len(asked) == 0 || (n.State != persistence.Up && n.State != persistence.Draining) {
		return false, err
	}
	r := asked[0]
	if !r.ToNode() || r.Node != node || r.State != persistence.RequestPending {
		return false, nil
	}
	started, _, err := s.store.StartRequest(ctx, persistence.Lease{Node: node}, id)
	if err != nil {
		return false, err
	}
	n.State = persistence.Draining
	if r.Kind == persistence.UndrainRequest {
		n.State = persistence.Up
		err = s.undrain(ctx, started)
	} else {
		started.Answer = &persistence.Answer{Chains: s.chainsOf(node)}
		err = s.store.ReportRequest(ctx, started)
	}
	n.Heartbeats++
	s.nodes[node] = n
	s.changed()
	return true, err
}

// undrain ends a request to undrain a node, and the drains of the node that run.
func (s *server) undrain(ctx context.Context, request persistence.Request) error {
	pending, err := s.store.Pending(ctx)
	if err != nil {
		return err
	}
	for _, r := range pending {
		switch {
		case r.ID == request.ID:
		case r.Kind == persistence.DrainRequest && r.Node == request.Node && r.State == persistence.RequestRunning:
			r.Reason = "cancelled by request " + request.ID
		default:
			continue
		}
		if _, err := s.store.FinishRequest(ctx, persistence.Lease{}, r); err != nil {
			return err
		}
	}
	return nil
}

// reportDrain notes the progress of a drain, and its end.
func (s *server) reportDrain(ctx context.Context, drain persistence.Request) error {
	err := s.store.ReportRequest(ctx, drain)
	if err == nil && drain.Ended() {
		_, err = s.store.FinishRequest(ctx, persistence.Lease{}, drain)
		s.changed()
	}
	return err
}

// chainsOf are the chains that a node owns, sorted.
func (s *server) chainsOf(node string) (chains []string) {
	_, leases := s.members()
	for _, l := range leases {
		if l.Node == node {
			chains = append(chains, l.Chain)
		}
	}
	return chains
}
