package commands

import (
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

	"github.com/imart/event-worker/persistence"
)

// fresh is how long an actor's document counts as news. Actors that have nothing
// to say write nothing.
const fresh = 15 * time.Second

func newStatus() *cobra.Command {
	var flags dataFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Print the tree of actors: where each stands and how it is",
		Long: `Print the tree of actors as they last wrote it down: the place each stands at (a
block on EVM chains, an event's number on Aptos), how far its chain has come, the lag
in blocks or ledger versions, its state, its restarts and its last error. An actor
whose document is older than a while shows its age: it may have nothing to do, or its
process may be gone.

It works while another process writes to the same data.

` + dataHelp,
		Example: `  event-worker status --data event-worker-demo
  event-worker status --config event-worker.yaml --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			reader, at, err := flags.open(c.Context())
			if err != nil {
				return err
			}
			defer reader.Close()
			roots, err := tree(c.Context(), reader)
			if err != nil {
				return fmt.Errorf("status: %w", err)
			}
			if asJSON {
				return unlessClosed(writeJSON(c.OutOrStdout(), at, roots))
			}
			return unlessClosed(writeTree(c.OutOrStdout(), at, roots, time.Now()))
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// branch is an actor with those below it.
type branch struct {
	Name     string             `json:"name"`
	Actor    *persistence.Actor `json:"actor,omitempty"`
	Children []*branch          `json:"children,omitempty"`
}

// tree makes a tree of the actors' documents, one root for each chain: an actor's
// key is its way from the root.
func tree(ctx context.Context, docs documents) ([]*branch, error) {
	all, err := collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return nil, err
	}
	root := &branch{}
	for _, a := range all {
		at := root
		for name := range strings.SplitSeq(a.ID, "/") {
			at = at.child(name)
		}
		at.Actor = &a
	}
	root.sort()
	return root.Children, nil
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

// sort sorts as the protocol goes: the head before the markets, a market's orders
// before its streams, a subject before its observers, the log's first.
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

func writeJSON(w io.Writer, at location, roots []*branch) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Data   string    `json:"data"`
		Chains []*branch `json:"chains"`
	}{cmp.Or(at.folder, at.String()), roots})
}

func writeTree(w io.Writer, at location, roots []*branch, now time.Time) error {
	fmt.Fprintf(w, "%s in %s\n", nodes(roots), at)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "actor\tseq\thead\tlag\tevents\tstate\trestarts\twritten\tlast error")
	for i, chain := range roots {
		writeBranch(table, chain, "", i == len(roots)-1, now)
	}
	return table.Flush()
}

// nodes names the processes that the actors are of.
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

func writeBranch(w io.Writer, b *branch, indent string, last bool, now time.Time) {
	joint, below := "├─ ", "│  "
	if last {
		joint, below = "└─ ", "   "
	}
	fmt.Fprintf(w, "%s%s%s\t%s\n", indent, joint, b.Name, cells(b.Actor, now))
	for i, c := range b.Children {
		writeBranch(w, c, indent+below, i == len(b.Children)-1, now)
	}
}

// cells are the columns that an actor fills.
func cells(a *persistence.Actor, now time.Time) string {
	if a == nil {
		return "\t\t\t\t\t\t\t"
	}
	seq, head, lag, events := "", "", "", ""
	if a.Kind == "head" || a.Kind == "subject" || a.Kind == "observer" {
		seq = grouped(a.Seq)
	}
	if a.Head > 0 {
		head, lag = grouped(a.Head), grouped(a.Lag)
	}
	if a.Kind == "observer" {
		events = grouped(a.Events)
	}
	written := ""
	if age := now.Sub(a.UpdatedAt); age > fresh {
		written = ago(age)
	}
	return strings.Join([]string{seq, head, lag, events, a.Status, grouped(a.Restarts), written, a.LastError}, "\t")
}
