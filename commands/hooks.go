package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

func newHooks() *cobra.Command {
	c := &cobra.Command{
		Use:   "hooks",
		Short: "List webhooks, test one, or retry dead hooks",
		Long: `List the webhooks, send a test delivery to one, or retry dead hooks: deliveries that were
given up. Webhooks are configured with the option hooks; "run" delivers to them.`,
		Example: "  event-worker hooks list\n  event-worker hooks test sales\n  event-worker hooks retry --hook sales",
		Args:    cli.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newHooksList(), newHooksTest(), newHooksRetry())
	return c
}

func newHooksList() *cobra.Command {
	var f dataFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "Print the progress of each webhook",
		Long: `Print each webhook with its deliveries, its dead hooks and, if its deliveries fail, the
reason. A webhook is a document of the collection hooks; a dead hook, a delivery that
was given up, is one of dead_hooks.

` + dataHelp,
		Example: "  event-worker hooks list\n  event-worker query dead_hooks '{hook: \"sales\"}'",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			docs, _, err := f.open(c.Context())
			if err == nil {
				defer docs.Close()
				err = listHooks(c.Context(), c.OutOrStdout(), docs)
			}
			return cli.Named(c, err)
		},
	}
	f.add(c)
	return c
}

func listHooks(ctx context.Context, out io.Writer, docs persistence.Querier) error {
	all, err := persistence.Collect[persistence.Hook](ctx, docs, persistence.Query{Collection: persistence.Hooks, Sort: []persistence.SortKey{{Path: "_id"}}})
	if err != nil {
		return err
	}
	dead, err := deadHooks(ctx, docs, persistence.Filter{})
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	for _, d := range dead {
		counts[d.Hook]++
	}
	const columns = "%-20s %10s %10s %10s  %s\n"
	var b strings.Builder
	if len(all) == 0 {
		b.WriteString("No webhook has started: configure webhooks with the option hooks; \"run\" delivers to them.\n")
	} else {
		fmt.Fprintf(&b, columns, "", "delivered", "events", "dead", "last")
	}
	for _, h := range all {
		last := "never"
		if h.DeliveredAt != nil {
			last = human.Ago(time.Since(*h.DeliveredAt))
		}
		fmt.Fprintf(&b, columns, h.Name, human.Grouped(h.Deliveries), human.Grouped(h.Events), human.Grouped(counts[h.Name]), last)
		if h.FailingSince != nil {
			fmt.Fprintf(&b, "  failing since %s, %s: %s\n", h.FailingSince.Format(time.RFC3339), human.Some(h.Attempts, "attempt"), printable.Line(h.LastError, lastErrorShown))
		}
	}
	_, err = io.WriteString(out, b.String())
	return cli.UnlessClosed(err)
}

// deadHooks returns dead hooks without their bodies, the oldest first.
func deadHooks(ctx context.Context, docs persistence.Querier, filter persistence.Filter) (found []persistence.DeadHook, err error) {
	type summary struct {
		ID           string `json:"_id"`
		Hook         string
		FailingSince time.Time
	}
	all, err := persistence.Collect[summary](ctx, docs, persistence.Query{Collection: persistence.DeadHooks, Filter: filter})
	for _, s := range all {
		found = append(found, persistence.DeadHook{ID: s.ID, Hook: s.Hook, FailingSince: s.FailingSince})
	}
	slices.SortStableFunc(found, func(a, b persistence.DeadHook) int { return a.FailingSince.Compare(b.FailingSince) })
	return found, err
}

func newHooksTest() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "test <name>",
		Short: "Send a test delivery to a webhook",
		Long: `Send a delivery with one event of the type ping, signed like any other, to a webhook of
the configuration, and print the receiver's answer. Nothing is stored. The exit code is
1 unless the receiver accepts the delivery.`,
		Example: "  event-worker hooks test sales --config event-worker.yaml",
		Args:    cli.One("webhook"),
		RunE: func(c *cobra.Command, args []string) error {
			return cli.Named(c, testHook(c.Context(), c.OutOrStdout(), file, args[0]))
		},
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "the configuration file")
	return c
}

func testHook(ctx context.Context, out io.Writer, file, name string) error {
	all, err := config.Hooks(file, os.Environ())
	if err != nil {
		return err
	}
	hook, err := hookNamed(all, name)
	if err != nil {
		return err
	}
	id, body, err := hooks.PingOf(name, time.Now())
	if err != nil {
		return err
	}
	sender := hooks.NewSender()
	defer sender.Close()
	started := time.Now()
	if err := sender.Send(ctx, hook, id, body); err != nil {
		return fmt.Errorf("%s: %w", hook.Host(), err)
	}
	_, err = fmt.Fprintf(out, "%s accepted delivery %s in %s.\n", hook.Host(), id, time.Since(started).Round(time.Millisecond))
	return cli.UnlessClosed(err)
}

func hookNamed(all []hooks.Hook, name string) (hooks.Hook, error) {
	var known []string
	for _, h := range all {
		if h.Name == name {
			return h, nil
		}
		known = append(known, h.Name)
	}
	if len(known) == 0 {
		return hooks.Hook{}, errors.New("the configuration has no webhooks: add one to the option hooks")
	}
	return hooks.Hook{}, fmt.Errorf("the configuration has no webhook %.60q: it has %s", name, strings.Join(known, ", "))
}

type hooksRetryFlags struct {
	dataFlags
	hook, id string
}

func newHooksRetry() *cobra.Command {
	var f hooksRetryFlags
	c := &cobra.Command{
		Use:   "retry",
		Short: "Retry dead hooks: deliveries that were given up",
		Long: `Retry dead hooks, which are deliveries that were given up: all of them, those of one
webhook, or a single one. They are sent oldest first, with their original ids, and
removed from the collection dead_hooks once the receiver accepts them. After three
consecutive failures the remaining dead hooks of that webhook are skipped. The exit code
is 1 if any dead hook remains.

The URL and the secret are read from the configuration in --config, or else from
` + defaultConfig + `. The command works while a worker runs.

` + dataHelp,
		Example: "  event-worker hooks retry\n  event-worker hooks retry --hook sales --config event-worker.yaml",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Named(c, f.run(c.Context(), c.OutOrStdout()))
		},
	}
	f.addBoth(c)
	c.Flags().StringVar(&f.hook, "hook", "", "only the deliveries of this webhook")
	c.Flags().StringVar(&f.id, "id", "", "only the delivery with this _id")
	c.MarkFlagsMutuallyExclusive("hook", "id")
	return c
}

// deadHookData is data whose dead hooks can be changed.
type deadHookData interface {
	reader
	persistence.DeadHookStore
}

// openDeadHooks opens the data to change dead hooks, even while a worker runs on it.
func (f *dataFlags) openDeadHooks(ctx context.Context) (deadHookData, error) {
	at, err := f.locate()
	if err != nil {
		return nil, err
	}
	existing, err := at.openReader(ctx)
	if err != nil {
		return nil, err
	}
	if err := existing.Close(); err != nil {
		return nil, err
	}
	if at.uri == "" {
		return embedded.OpenQueue(at.folder)
	}
	store, err := at.Open(ctx)
	if err != nil {
		return nil, err
	}
	return store.(deadHookData), nil
}

func (f *hooksRetryFlags) run(ctx context.Context, out io.Writer) (err error) {
	all, err := config.Hooks(cmp.Or(f.config, defaultConfig), os.Environ())
	if err != nil {
		return err
	}
	data, err := f.openDeadHooks(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	var filter persistence.Filter
	switch {
	case f.hook != "":
		filter.Condition = persistence.Equals("hook", f.hook)
	case f.id != "":
		filter.Condition = persistence.Equals("_id", f.id)
	}
	dead, err := deadHooks(ctx, data, filter)
	if err != nil {
		return err
	}
	if f.id != "" && len(dead) == 0 {
		return fmt.Errorf("no dead hook has the id %.100q: query dead_hooks lists them", f.id)
	}
	if len(dead) == 0 {
		_, err := io.WriteString(out, "There are no dead hooks to retry.\n")
		return cli.UnlessClosed(err)
	}
	r := hookRetrier{data: data, hooks: all, sender: hooks.NewSender(), failures: map[string]int{}}
	defer r.sender.Close()
	delivered := int64(0)
	for _, d := range dead {
		ok, err := r.retry(ctx, out, d)
		if err != nil {
			return err
		}
		if ok {
			delivered++
		}
	}
	fmt.Fprintf(out, "Delivered %s of %s.\n", human.Grouped(delivered), human.Some(int64(len(dead)), "dead hook"))
	if remaining := int64(len(dead)) - delivered; remaining > 0 {
		return fmt.Errorf("%s could not be delivered, see above", human.Some(remaining, "dead hook"))
	}
	return nil
}

// mostFailures is the number of consecutive failures after which a webhook's remaining dead
// hooks are skipped.
const mostFailures = 3

// hookRetrier retries dead hooks.
type hookRetrier struct {
	data     deadHookData
	hooks    []hooks.Hook
	sender   *hooks.Sender
	failures map[string]int // consecutive ones, by hook
}

// retry sends one dead hook, and prints the reason if that fails. It reports whether the
// dead hook is gone.
func (r hookRetrier) retry(ctx context.Context, out io.Writer, d persistence.DeadHook) (bool, error) {
	if r.failures[d.Hook] >= mostFailures {
		return false, nil
	}
	whole, err := persistence.Collect[persistence.DeadHook](ctx, r.data, persistence.Query{Collection: persistence.DeadHooks, Filter: persistence.Filter{Condition: persistence.Equals("_id", d.ID)}})
	if err != nil || len(whole) == 0 { // another process has delivered it
		return len(whole) == 0, err
	}
	hook, failed := hookNamed(r.hooks, d.Hook)
	switch {
	case failed == nil && whole[0].Body == "":
		failed = errors.New("its events were too large to be kept: the receiver must read the documents instead")
	case failed == nil:
		failed = r.sender.Send(ctx, hook, d.ID, []byte(whole[0].Body))
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if failed != nil {
			_, err = r.data.FailDeadHook(ctx, d.ID, cli.OneLine(failed))
		}
	}
	if failed != nil {
		r.failures[d.Hook]++
		fmt.Fprintf(out, "%s %s: %s\n", d.Hook, d.ID, cli.OneLine(failed))
		return false, err
	}
	r.failures[d.Hook] = 0
	_, err = r.data.RemoveDeadHook(ctx, d.ID)
	return err == nil, err
}
