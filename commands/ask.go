package commands

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

const (
	// askPoll is the interval at which a command reads the state of its requests.
	askPoll = 150 * time.Millisecond
	// aliveWithin bounds the wait for a heartbeat of a living node.
	aliveWithin = 3 * time.Second
)

const runningHelp = `If a worker runs on the data, the command sends it a request: the owner of the chain
stops the chain's streams for a moment, does the work and continues. The request and
its outcome are a document of the collection requests. If the command is interrupted,
the worker still executes the request. If no worker runs, the command does the work
itself.`

// change changes the data: directly, or by requests if a worker runs on it. It calls tell
// for each request that is done.
func (f *dataFlags) change(ctx context.Context, out io.Writer, direct func(persistence.Store, owners) error, request func(owners) ([]persistence.Request, error), tell func(persistence.Request) error) error {
	a, err := f.openAsker(ctx)
	if err != nil {
		return err
	}
	if a == nil {
		err := f.maintain(ctx, direct)
		if !errors.Is(err, persistence.ErrInUse) { // otherwise a worker has started meanwhile
			return err
		}
		if a, err = f.openAsker(ctx); err != nil || a == nil {
			return cmp.Or(err, error(persistence.ErrInUse))
		}
	}
	defer a.close()
	o, err := ownersOf(ctx, a.docs)
	if err != nil {
		return err
	}
	requests, err := request(o)
	if err != nil {
		return err
	}
	a.out = out
	return a.askAndTell(ctx, requests, tell)
}

// asker sends requests to the worker that runs on the data.
type asker struct {
	queue persistence.RequestQueue
	docs  persistence.Querier
	alive func() (bool, error) // whether the worker runs
	close func() error
	out   io.Writer
}

// openAsker returns nil if no worker runs.
func (f *dataFlags) openAsker(ctx context.Context) (*asker, error) {
	reader, at, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	if at.uri == "" {
		defer reader.Close()
		return askerOfFolder(at.folder)
	}
	nodes, err := cluster.Alive(ctx, reader, aliveWithin)
	if err := errors.Join(err, reader.Close()); err != nil || len(nodes) == 0 {
		return nil, err
	}
	store, err := at.Open(ctx)
	if err != nil {
		return nil, err
	}
	return askerOfCluster(store), nil
}

func askerOfCluster(store persistence.Store) *asker {
	alive := func() (bool, error) { return true, nil } // if one node dies, another continues
	return &asker{queue: store.(persistence.RequestQueue), docs: store, alive: alive, close: store.Close}
}

func askerOfFolder(folder string) (*asker, error) {
	alive := func() (bool, error) { return embedded.InUse(folder) }
	if used, err := alive(); err != nil || !used {
		return nil, err
	}
	queue, err := embedded.OpenQueue(folder)
	if err != nil {
		return nil, err
	}
	return &asker{queue: queue, docs: queue, alive: alive, close: queue.Close}, nil
}

// askAndTell makes requests, waits for them, and calls tell for each that is done. The
// error joins the reasons of those that failed. Of several requests, one for a chain that
// no worker follows is reported and is not an error.
func (a *asker) askAndTell(ctx context.Context, requests []persistence.Request, tell func(persistence.Request) error) error {
	ended, err := a.ask(ctx, requests)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range ended {
		switch {
		case r.State == persistence.RequestDone:
			errs = append(errs, tell(r))
		case r.Reason == persistence.NotFollowed && len(ended) > 1:
			fmt.Fprintf(a.out, "%s: %s\n", r.Subject(), r.Reason)
		default:
			errs = append(errs, errors.New(r.Reason))
		}
	}
	return errors.Join(errs...)
}

// ask makes requests and waits until all of them have ended.
func (a *asker) ask(ctx context.Context, requests []persistence.Request) ([]persistence.Request, error) {
	ids := make([]string, len(requests))
	for i := range requests {
		ids[i] = strings.ToLower(rand.Text()[:12])
		requests[i].ID, requests[i].AskedBy = ids[i], askedBy()
	}
	if err := a.queue.Ask(ctx, requests, persistence.AskWithin); err != nil {
		return nil, err
	}
	for _, r := range requests {
		fmt.Fprintf(a.out, "Asked the running worker: %s of %s, request %s\n", r.Kind, r.Subject(), r.ID)
	}
	said := map[string]string{}
	for {
		found, err := a.queue.Requests(ctx, ids)
		if err == nil && ctx.Err() == nil {
			open, failed := a.follow(ctx, found, said)
			if open == 0 || failed != nil {
				return found, failed
			}
		}
		select {
		case <-ctx.Done():
			return nil, abandoned(interruption(ctx), ids)
		case <-time.After(askPoll):
		}
		if err != nil && ctx.Err() == nil {
			return nil, abandoned(err, ids)
		}
	}
}

// abandoned is the error of a command that no longer waits for its requests.
func abandoned(err error, ids []string) error {
	return fmt.Errorf("%w: the worker continues with %s: query requests shows the outcome", err, strings.Join(ids, ", "))
}

func interruption(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errors.New("interrupted")
}

// follow prints the progress of requests, and counts those that have not ended.
func (a *asker) follow(ctx context.Context, requests []persistence.Request, said map[string]string) (open int, err error) {
	for _, r := range requests {
		if r.Ended() {
			continue
		}
		open++
		if text := progressOf(r); text != said[r.ID] {
			said[r.ID] = text
			fmt.Fprintf(a.out, "%s: %s\n", r.ID, text)
		}
		if r.State == persistence.RequestPending { // there may be no worker to fail it
			_, _ = a.queue.Fail(ctx, r.ID, fmt.Sprintf("no worker started it within %s: see status", persistence.AskWithin))
		}
	}
	if open == 0 {
		return 0, nil
	}
	alive, err := a.alive()
	if err != nil || alive {
		return open, err
	}
	return open, a.withdraw(ctx, requests)
}

// withdraw withdraws the requests that the worker had not started when it stopped.
func (a *asker) withdraw(ctx context.Context, requests []persistence.Request) error {
	for _, r := range requests {
		if r.Ended() {
			continue
		}
		withdrawn, err := a.queue.Withdraw(ctx, r.ID, "the worker stopped before it started the request")
		switch {
		case err != nil:
			return err
		case withdrawn:
			return fmt.Errorf("the worker stopped before it started request %s: run the command again", r.ID)
		case r.State == persistence.RequestRunning:
			return fmt.Errorf("the worker stopped while it executed request %s: it continues when it is started again", r.ID)
		}
	}
	return nil
}

func progressOf(r persistence.Request) string {
	p := r.Progress
	switch {
	case r.State == persistence.RequestPending && r.ToNode():
		return "waiting for the node"
	case r.State == persistence.RequestPending:
		return "waiting for the owner of the chain"
	case p == nil:
		return "started by " + r.Node
	case p.Total == 0:
		return p.Step
	}
	return fmt.Sprintf("%s, %s of %s", p.Step, human.Grouped(p.Done), human.Grouped(p.Total))
}

// askedBy names the user and the machine.
func askedBy() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return name + "@" + cmp.Or(host, "unknown")
}

// scopeOf parses chain, chain/market or chain/market/stream.
func scopeOf(text string) (persistence.Request, error) {
	parts := strings.Split(text, "/")
	if len(parts) > 3 || len(parts) == 0 || slices.Contains(parts, "") {
		return persistence.Request{}, fmt.Errorf("%q: write chain, chain/market or chain/market/stream, such as ethereum/seaport/list", text)
	}
	r := persistence.Request{Chain: parts[0]}
	if len(parts) > 1 {
		r.Market = parts[1]
	}
	if len(parts) > 2 {
		r.Stream = parts[2]
	}
	return r, nil
}

// only returns a single request, or an error if the data do not contain its chain.
func only(r persistence.Request) func(owners) ([]persistence.Request, error) {
	return func(o owners) ([]persistence.Request, error) {
		if _, err := o.of(r.Chain); err != nil {
			return nil, err
		}
		return []persistence.Request{r}, nil
	}
}
