package actors

import (
	"sync"
	"time"
)

// trust is what a node of a cluster knows about its ownership. What it has in memory of a
// chain is what the store has as long as no other node can have taken the chain over.
type trust struct {
	placed bool // otherwise no other process takes chains over

	mu    sync.Mutex
	until time.Time
	owned map[string]bool
}

func newTrust(placed bool) *trust { return &trust{placed: placed, owned: map[string]bool{}} }

// extend says that no other node takes a chain over before a time, unless it is drained.
func (t *trust) extend(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = until
}

func (t *trust) own(chain string, owned bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owned[chain] = owned
}

// covers reports whether this node is certain to be a chain's owner now.
func (t *trust) covers(chain string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.placed || t.owned[chain] && time.Now().Before(t.until)
}
