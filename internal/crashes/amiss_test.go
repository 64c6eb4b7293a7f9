package crashes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/persistence"
)

// amiss says what the workers have yet to do; nothing once they have done everything.
func (r *run) amiss(ctx context.Context) (string, error) {
	if r.store == nil {
		var err error
		if r.store, err = r.data.open(r.t); r.store == nil {
			return "no worker has created the store yet", err
		}
	}
	checks := []func(context.Context) (string, error){r.unanswered, r.behind}
	switch {
	case !r.begun:
		checks = append(checks, r.unhooked)
	case len(r.story) == 0:
		checks = append(checks, r.undelivered)
	}
	for _, check := range checks {
		if amiss, err := check(ctx); amiss != "" || err != nil {
			return amiss, err
		}
	}
	return "", nil
}

// unanswered names a request that has not ended. A request that has failed is an error, unless
// there was nothing to do or its node has been killed.
func (r *run) unanswered(ctx context.Context) (string, error) {
	requests, err := r.store.Requests(ctx, r.asked)
	if err != nil {
		return "", err
	}
	for _, q := range requests {
		nothingToDo := slices.ContainsFunc(idle, func(s string) bool { return strings.Contains(q.Reason, s) })
		switch {
		case !q.Ended():
			return fmt.Sprintf("%s, %s, is %s", q.ID, q.Kind, q.State), nil
		case q.State == persistence.RequestFailed && !q.ToNode() && !nothingToDo:
			return "", errors.New(q.Kind + " failed: " + q.Reason)
		}
	}
	return "", nil
}

// idle are the reasons of requests for which there is nothing to do.
var idle = []string{maintenance.ErrNothingToRewind.Error(), maintenance.ErrNoDeadLetter.Error()}

// behind names the actors that are not at the chain's head.
func (r *run) behind(ctx context.Context) (string, error) {
	actors, err := persistence.Collect[persistence.Actor](ctx, r.store, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return "", err
	}
	return devnet.Behind([]devnet.Model{r.network.model}, true, actors), nil
}

// unhooked says whether the webhook has yet to start.
func (r *run) unhooked(ctx context.Context) (string, error) {
	hooks, err := persistence.Collect[persistence.Hook](ctx, r.store, persistence.Query{Collection: persistence.Hooks})
	if len(hooks) == 0 {
		return "the webhook has not started", err
	}
	return "", err
}

// undelivered says what the webhook has yet to be sent.
func (r *run) undelivered(context.Context) (string, error) {
	want, err := r.expected()
	if err != nil {
		return "", err
	}
	d, err := r.network.receiver.Differences(want)
	return strings.Join(d, "\n"), err
}
