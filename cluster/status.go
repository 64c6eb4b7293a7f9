package cluster

import (
	"github.com/imart/event-worker/messages"
)

// Status is how a chain is at this node, as of the last time the keeper did anything.
func (k *Keeper) Status(chain string) *messages.ChainStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := &messages.ChainStatus{Chain: chain}
	if h, held := k.shown[chain]; held {
		s.Node, s.Epoch, s.Phase = k.shownAs, h.lease.Epoch, h.phase.String()
	}
	return s
}
