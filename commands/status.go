package commands

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// fresh is the age up to which a document's age is not shown. Actors without changes do
// not write.
const fresh = 15 * time.Second

// A node without a heartbeat for so long is shown as silent, and one without a heartbeat
// for longer is not shown as an owner. Both are for display only.
const (
	silent = 3 * time.Second
	gone   = time.Minute
)

// lastErrorShown limits the display of an actor's last error, in bytes.
const lastErrorShown = 500

// statusFlags configure what status shows.
type statusFlags struct {
	dataFlags
	chains      []string
	json, brief bool
	watch       time.Duration
}

func newStatus() *cobra.Command {
	var f statusFlags
	c := &cobra.Command{
		Use:   "status",
		Short: "Print the nodes, the owner of each chain, and the tree of actors",
		Long: `Print the nodes of the cluster, the owner of each chain, and the tree of actors as of
their last write: the position of each (a block on EVM chains; on Aptos an event's
number, or a ledger version), the head of its chain, the lag in blocks or ledger
versions, its state, its restarts and its last error; then each chain's endpoints by
host. A document that has not been written for a while shows its age: its actor may
have nothing to do, or its process may be gone.

It needs only the data, and works while processes write to them.

` + dataHelp,
		Example: `  event-worker status --data event-worker-demo
  event-worker status --brief --watch
  event-worker status --config event-worker.yaml --chain ethereum --json`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), c.OutOrStdout()) },
	}
	f.add(c)
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.brief, "brief", false, "print only nodes, chains, and endpoints that are not up")
	c.Flags().StringSliceVar(&f.chains, "chain", nil, "only this chain; may be repeated")
	c.Flags().DurationVar(&f.watch, "watch", 0, "repeat at this interval until Ctrl-C")
	c.Flags().Lookup("watch").NoOptDefVal = "2s"
	return c
}

func (f *statusFlags) run(ctx context.Context, out io.Writer) error {
	reader, at, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer reader.Close()
	shown := out
	if f.json {
		shown = cli.Readable(out, out)
	}
	if f.watch == 0 {
		return f.print(ctx, reader, at, shown)
	}
	for ctx.Err() == nil {
		var page bytes.Buffer
		if err := f.print(ctx, reader, at, &page); err != nil {
			fmt.Fprintln(&page, cli.OneLine(err)) // the next attempt may succeed
		}
		if err := newPage(out); err != nil {
			return cli.UnlessClosed(err)
		}
		if _, err := page.WriteTo(shown); err != nil {
			return cli.UnlessClosed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.watch):
		}
	}
	return nil
}

// newPage starts a new page: on a terminal it replaces the last one.
func newPage(out io.Writer) error {
	prefix := "\n"
	if cli.Terminal(out) != nil {
		prefix = "\x1b[H\x1b[2J"
	}
	_, err := io.WriteString(out, prefix)
	return err
}

func (f *statusFlags) print(ctx context.Context, docs persistence.Querier, at location, out io.Writer) error {
	s, err := f.state(ctx, docs)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if f.json {
		return cli.UnlessClosed(s.writeJSON(out, at))
	}
	return cli.UnlessClosed(s.write(out, at, time.Now()))
}

// state is what status shows.
type state struct {
	Nodes  []persistence.Node  `json:"nodes,omitempty"`
	Leases []persistence.Lease `json:"leases"`
	Chains []*branch           `json:"chains"`
	// Changed are the streams whose definition has changed, with its aspects that have.
	Changed []string `json:"changed,omitempty"`
	// Audits are how the logs compare with their chains, where that is audited.
	Audits []persistence.Audit `json:"audits,omitempty"`

	brief bool
}

func (f *statusFlags) state(ctx context.Context, docs persistence.Querier) (s state, err error) {
	byID := []persistence.SortKey{{Path: "_id"}}
	if s.Nodes, err = persistence.Collect[persistence.Node](ctx, docs, persistence.Query{Collection: persistence.Nodes, Sort: byID}); err != nil {
		return s, err
	}
	if s.Leases, err = persistence.Collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases, Sort: byID}); err != nil {
		return s, err
	}
	all, err := persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return s, err
	}
	all = slices.DeleteFunc(all, func(a persistence.Actor) bool {
		return len(f.chains) > 0 && !slices.Contains(f.chains, a.Chain)
	})
	s = snapshot(s.Nodes, s.Leases, all, f.brief)
	s.Audits, err = auditsOf(ctx, docs, f.chains)
	return s, err
}

func snapshot(nodes []persistence.Node, leases []persistence.Lease, all []persistence.Actor, brief bool) state {
	s := state{Nodes: nodes, Leases: leases, brief: brief}
	for _, a := range all {
		if a.Meaning != nil && len(a.Meaning.Changed) > 0 {
			s.Changed = append(s.Changed, fmt.Sprintf("%s/%s/%s (%s)", a.Chain, a.Market, a.Stream, strings.Join(a.Meaning.Changed, ", ")))
		}
	}
	slices.Sort(s.Changed)
	if !brief {
		s.Chains = tree(all)
		return s
	}
	for _, c := range progress.Of(all) {
		s.Chains = append(s.Chains, &branch{Name: c.Name, Actor: inBrief(c)})
	}
	return s
}

// inBrief returns the document of a chain's actor with the worst state below it.
func inBrief(c *progress.Chain) *persistence.Actor {
	var a persistence.Actor
	for _, own := range c.Actors {
		if own.ID == c.Name {
			a = own
		}
	}
	a.Restarts, a.Events, a.Lag, a.UpdatedAt = c.Restarts, c.Events(), c.Lag(), c.UpdatedAt
	if c.Head != nil {
		a.Head, a.Endpoints = c.Head.Head, c.Head.Endpoints
	}
	if c.Failing != "" {
		a.Status, a.LastError = c.Failing, c.Reason
	}
	return &a
}

// branch is an actor with its children.
type branch struct {
	Name     string             `json:"name"`
	Actor    *persistence.Actor `json:"actor,omitempty"`
	Children []*branch          `json:"children,omitempty"`
}

// tree arranges the actors' documents as a tree, one root for each chain: an actor's key
// is its path from the root.
func tree(all []persistence.Actor) []*branch {
	root := &branch{}
	for _, a := range all {
		at := root
		for name := range strings.SplitSeq(a.ID, "/") {
			at = at.child(name)
		}
		at.Actor = &a
	}
	root.sort()
	return root.Children
}

func (b *branch) child(name string) *branch {
	for _, c := range b.Children {
		if c.Name == name {
			return c
		}
	}
	c := &branch{Name: name}
	b.Children = append(b.Children, c)
	return c
}

// sort sorts in the order of the data flow: the head before the markets, a market's
// orders before its streams, a subject before its observers, the log's first.
func (b *branch) sort() {
	first := []string{"activity", "subject", "orders", "head"}
	slices.SortFunc(b.Children, func(x, y *branch) int {
		return cmp.Or(
			cmp.Compare(slices.Index(first, y.Name), slices.Index(first, x.Name)),
			strings.Compare(x.Name, y.Name),
		)
	})
	for _, c := range b.Children {
		c.sort()
	}
}

func (b *branch) walk(visit func(*branch)) {
	visit(b)
	for _, c := range b.Children {
		c.walk(visit)
	}
}

func (s state) writeJSON(w io.Writer, at location) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Data string `json:"data"`
		state
	}{cmp.Or(at.folder, at.String()), s})
}

func (s state) write(w io.Writer, at location, now time.Time) error {
	if len(s.Nodes) == 0 {
		fmt.Fprintf(w, "%s in %s\n", nodes(s.Chains), at)
	} else if err := s.writeNodes(w, at, now); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	owner := s.owners(now)
	fmt.Fprint(table, "actor\t")
	if owner != nil {
		fmt.Fprint(table, "owner\t")
	}
	fmt.Fprintln(table, "seq\thead\tlag\tevents\tstate\trestarts\twritten\tlast error")
	for i, chain := range s.Chains {
		writeBranch(table, chain, "", i == len(s.Chains)-1, now, owner)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(s.Changed) > 0 {
		fmt.Fprintf(w, "\ndefinitions have changed since documents were made (event-worker redecode --changed makes them again): %s\n", strings.Join(s.Changed, ", "))
	}
	if err := writeAudits(w, s.Audits, now); err != nil {
		return err
	}
	return s.writeEndpoints(w, now)
}

func (s state) writeNodes(w io.Writer, at location, now time.Time) error {
	fmt.Fprintf(w, "%s in %s\n", cli.Some(int64(len(s.living())), "node"), at)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "node\tstate\tchains\tversion\tjoined\theartbeat")
	owned := map[string]int64{}
	for _, l := range s.Leases {
		owned[l.Node]++
	}
	for _, n := range s.living() {
		heartbeat := ""
		if age := now.Sub(n.SeenAt); age > silent {
			heartbeat = cli.Ago(age)
		}
		fmt.Fprintln(table, strings.Join([]string{n.ID, n.State, cli.Grouped(owned[n.ID]), n.Version, cli.Ago(now.Sub(n.JoinedAt)), heartbeat}, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	ended := map[string]int{}
	for _, n := range s.Nodes {
		ended[n.State]++
	}
	if ended[persistence.Left]+ended[persistence.Dead] > 0 {
		fmt.Fprintf(w, "within the last hour %d left and %d died\n", ended[persistence.Left], ended[persistence.Dead])
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (s state) living() []persistence.Node {
	return slices.DeleteFunc(slices.Clone(s.Nodes), func(n persistence.Node) bool { return !n.Living() })
}

// owners returns each chain's owner and epoch; nil if there is no cluster.
func (s state) owners(now time.Time) map[string]string {
	if len(s.Nodes) == 0 {
		return nil
	}
	owners := map[string]string{}
	for _, l := range s.Leases {
		living := slices.ContainsFunc(s.living(), func(n persistence.Node) bool { return n.ID == l.Node && now.Sub(n.SeenAt) < gone })
		switch {
		case l.Node == "":
			owners[l.Chain] = "none"
		case living:
			owners[l.Chain] = fmt.Sprintf("%s, epoch %d", l.Node, l.Epoch)
		default:
			owners[l.Chain] = fmt.Sprintf("%s (gone)", l.Node)
		}
	}
	return owners
}

// nodes names the processes that the actors belong to.
func nodes(roots []*branch) string {
	names := map[string]bool{}
	for _, root := range roots {
		root.walk(func(b *branch) {
			if b.Actor != nil {
				names[b.Actor.Node] = true
			}
		})
	}
	if len(names) == 0 {
		return "no actors yet"
	}
	return "node " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

func writeBranch(w io.Writer, b *branch, indent string, last bool, now time.Time, owner map[string]string) {
	joint, below := "├─ ", "│  "
	if last {
		joint, below = "└─ ", "   "
	}
	fmt.Fprintf(w, "%s%s%s\t", indent, joint, b.Name)
	if owner != nil {
		fmt.Fprintf(w, "%s\t", owner[b.Name])
	}
	fmt.Fprintln(w, cells(b.Actor, now))
	if owner != nil {
		owner = map[string]string{} // only chains have owners
	}
	for i, c := range b.Children {
		writeBranch(w, c, indent+below, i == len(b.Children)-1, now, owner)
	}
}

// cells returns an actor's columns.
func cells(a *persistence.Actor, now time.Time) string {
	if a == nil {
		return "\t\t\t\t\t\t\t"
	}
	seq, head, lag, events := "", "", "", ""
	if a.Kind == "head" || a.Kind == "subject" || a.Kind == "observer" {
		seq = cli.Grouped(a.Seq)
	}
	if a.Head > 0 {
		head, lag = cli.Grouped(a.Head), cli.Grouped(a.Lag)
	}
	if a.Kind == "observer" || a.Events > 0 {
		events = cli.Grouped(a.Events)
	}
	return strings.Join([]string{
		seq, head, lag, events, a.Status, cli.Grouped(a.Restarts), age(a.UpdatedAt, now), printable.Line(a.LastError, lastErrorShown),
	}, "\t")
}

// age returns a document's age, unless it is fresh.
func age(written, now time.Time) string {
	if age := now.Sub(written); age > fresh {
		return cli.Ago(age)
	}
	return ""
}
