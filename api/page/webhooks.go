package page

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
)

// deadHooksShown is the largest number of listed deliveries that were given up.
const deadHooksShown = 100

// hookList are the webhooks, and the deliveries that were given up, the newest first.
type hookList struct {
	Hooks []persistence.Hook
	Dead  []deadHook
	More  int // the number of dead hooks that are not shown
}

// deadHook is a persistence.DeadHook without its body, which may be large.
type deadHook struct {
	ID           string `json:"_id"`
	Hook, Reason string
	Events       int64
	Attempts     int64
	FailingSince time.Time
	DeadAt       time.Time
}

func (p *Page) webhooks(r *http.Request) (view, error) {
	list := &hookList{Hooks: p.watch.now().hooks}
	v := view{Section: "webhooks", Title: "Webhooks", Body: list, Live: true}
	dead, err := p.dead.get(r.Context(), "", time.Time{}, p.readDeadHooks)
	if list.More = len(dead) - deadHooksShown; list.More > 0 {
		dead = dead[:deadHooksShown]
	}
	list.Dead = dead
	return v, err
}

// readDeadHooks reads all dead hooks and sorts them here: no index has this order, and to
// sort them a store would keep all of their bodies in memory.
func (p *Page) readDeadHooks(ctx context.Context) ([]deadHook, error) {
	all, err := persistence.Collect[deadHook](ctx, p.opts.Data, persistence.Query{Collection: persistence.DeadHooks})
	slices.SortFunc(all, func(a, b deadHook) int { return cmp.Or(b.DeadAt.Compare(a.DeadAt), cmp.Compare(a.ID, b.ID)) })
	return all, err
}

// hookState returns the state of a webhook.
func hookState(h persistence.Hook) string {
	switch {
	case h.FailingSince != nil:
		return "failing"
	case h.Node == "":
		return persistence.Stopped
	}
	return "delivering"
}
