package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/transfer"
)

// The two kinds of stores, as --from and --to name them.
const (
	inFolder  = "embedded"
	inMongoDB = "mongodb"
)

type copyFlags struct {
	dataFlags
	from, to string
}

func newCopy() *cobra.Command {
	var f copyFlags
	c := &cobra.Command{
		Use:   "copy --from embedded|mongodb --to mongodb|embedded",
		Short: "Move all data from a data folder into MongoDB, or back",
		Long: `Copy all documents from a data folder ("embedded") into the MongoDB database of the
variable MONGODB_URI, or back. Every document of every collection is copied as it is,
the places of the actors too: a worker that is started on the copy goes on where the
other one stood.

Stop the worker first. The copy needs an empty target: a database, or a folder that is
made for it. Interrupt it as you like, kill -9 too: the same command goes on where it
was. Until it is complete, and its documents are counted, other commands refuse to
write to it. The source stays as it is.

The folder is that of --data, or else that of the configuration in --config; with
neither, of the variable EVENT_WORKER_DATA, of the configuration ` + defaultConfig + `,
or of the demo, whichever is there first.`,
		Example: `  export MONGODB_URI='mongodb://user:password@host:27017/event_worker?replicaSet=rs0'
  event-worker copy --from embedded --to mongodb --config event-worker.yaml
  event-worker copy --from mongodb --to embedded --data backup`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runCopy(c.Context(), c.OutOrStdout(), &f) },
	}
	c.Flags().StringVar(&f.from, "from", "", "where the documents are: embedded or mongodb")
	c.Flags().StringVar(&f.to, "to", "", "where they go: mongodb or embedded")
	f.add(c)
	return c
}

// locations are where the documents are and where they go.
func (f *copyFlags) locations() (from, to location, err error) {
	for _, flag := range []struct{ name, value string }{{"from", f.from}, {"to", f.to}} {
		if flag.value != inFolder && flag.value != inMongoDB {
			return from, to, fmt.Errorf("copy: --%s %q: choose embedded or mongodb", flag.name, flag.value)
		}
	}
	if f.from == f.to {
		return from, to, fmt.Errorf("copy: --from and --to are both %s: choose --from embedded --to mongodb, or --from mongodb --to embedded", f.from)
	}
	uri := os.Getenv(mongoVariable)
	if uri == "" {
		return from, to, errors.New("copy: which database? set " + mongoVariable + ", which looks like mongodb://user:password@host:27017/database?replicaSet=rs0")
	}
	folder, err := f.folder()
	if err != nil {
		return from, to, fmt.Errorf("copy: %w", err)
	}
	if folder, err = filepath.Abs(folder); err != nil { // always the same words for it
		return from, to, fmt.Errorf("copy: %w", err)
	}
	from, to = location{folder: folder}, location{uri: uri}
	if f.from == inMongoDB {
		from, to = to, from
	}
	return from, to, nil
}

// source is a store to copy from, until it is closed.
type source interface {
	transfer.Source
	io.Closer
}

// openSource opens data to copy from. A folder is locked: no worker writes to it
// meanwhile.
func (l location) openSource(ctx context.Context) (source, error) {
	r, err := l.openReader(ctx)
	if err != nil {
		return nil, err
	}
	if l.uri == "" {
		if err := r.Close(); err != nil {
			return nil, err
		}
		store, err := embedded.Open(ctx, l.folder)
		if err != nil {
			return nil, err // not a nil *Store, which is no nil source
		}
		return store, nil
	}
	database := r.(*mongo.Reader)
	if copying, err := database.Copying(ctx); err != nil || copying != nil {
		if copying != nil {
			err = fmt.Errorf("%s: %w", l, copying.Unfinished())
		}
		return nil, errors.Join(err, database.Close())
	}
	return database, nil
}

// target is a store to copy to, until it is closed.
type target interface {
	transfer.Target
	io.Closer
}

// openTarget opens a place to copy to, and makes it if need be.
func (l location) openTarget(ctx context.Context) (target, error) {
	if l.uri == "" {
		store, err := embedded.OpenCopy(ctx, l.folder)
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	store, err := mongo.OpenCopy(ctx, l.uri)
	if err != nil {
		return nil, err
	}
	return store, nil
}

func runCopy(ctx context.Context, out io.Writer, f *copyFlags) (err error) {
	from, to, err := f.locations()
	if err != nil {
		return err
	}
	source, err := from.openSource(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := to.openTarget(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	screen := cli.NewScreen(out)
	fmt.Fprintf(screen, "Copying from %s to %s.\n", from, to)
	m := &meter{screen: screen, begun: time.Now()}
	c := transfer.Copy{Source: from.String(), From: source, To: target, Report: m.report}
	counts, err := c.Run(ctx)
	if failed := screen.Show(nil); err == nil { // what was drawn is over
		err = failed
	}
	if len(counts) > 0 {
		fmt.Fprintf(screen, "\n%s", countTable(counts))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("interrupted, %s of %s copied: run the same command again and it goes on", cli.Grouped(m.last.Done), cli.Some(m.last.Total, "document"))
	case errors.Is(err, transfer.ErrNotEmpty), errors.Is(err, transfer.ErrOtherSource):
		return fmt.Errorf("%s: %w", to, err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(screen, "\n%s The counts agree: the copy is complete.\nA worker on it goes on where the source stood. Run none on the source any more.\n", m.end())
	return err
}

// countTable compares the counts of all collections.
func countTable(counts []transfer.Count) string {
	var b strings.Builder
	const columns = "%-13s %15s %15s\n"
	fmt.Fprintf(&b, columns, "", "source", "copy")
	for _, c := range counts {
		fmt.Fprintf(&b, columns, c.Collection, cli.Grouped(c.Source), cli.Grouped(c.Target))
	}
	return b.String()
}

// meterEvery is how often a copy says how far it has come.
const meterEvery = time.Second

// meter says how far a copy has come.
type meter struct {
	screen *cli.Screen
	begun  time.Time
	said   time.Time
	last   transfer.Progress
}

func (m *meter) report(p transfer.Progress) {
	first := m.last.Total == 0 && m.said.IsZero()
	m.last = p
	now := time.Now()
	if first {
		m.begun, m.said = now, now
		fmt.Fprintln(m.screen, opening(p))
		return
	}
	if now.Sub(m.said) < meterEvery {
		return
	}
	m.said = now
	line := m.line(now)
	if !m.screen.OnTerminal() {
		fmt.Fprintln(m.screen, line)
		return
	}
	_ = m.screen.Show([]string{line}) // what stays is written again later
}

// opening says what there is to copy.
func opening(p transfer.Progress) string {
	switch p.Begin {
	case transfer.GoOn:
		return fmt.Sprintf("Going on: %s of %s are there.", cli.Grouped(p.Before), cli.Some(p.Total, "document"))
	case transfer.Anew:
		return fmt.Sprintf("The source has changed since this copy was begun. It begins anew: %s.", cli.Some(p.Total, "document"))
	}
	return cli.Some(p.Total, "document") + "."
}

// line is how far the copy has come.
func (m *meter) line(now time.Time) string {
	p := m.last
	rate := m.rate(now)
	text := fmt.Sprintf("%s: %s of %s, %s/s", p.Collection, cli.Grouped(p.Done), cli.Some(p.Total, "document"), cli.Grouped(int64(rate)))
	if left := p.Total - p.Done; left > 0 && rate > 0 {
		text += ", about " + (time.Duration(float64(left)/rate) * time.Second).String() + " left"
	}
	return text
}

// rate is documents a second of this process.
func (m *meter) rate(now time.Time) float64 {
	return float64(m.last.Done-m.last.Before) / max(now.Sub(m.begun).Seconds(), time.Millisecond.Seconds())
}

// end says how fast it was.
func (m *meter) end() string {
	now := time.Now()
	return fmt.Sprintf("%s copied in %.1f s, %s/s.", cli.Some(m.last.Done-m.last.Before, "document"), now.Sub(m.begun).Seconds(), cli.Grouped(int64(m.rate(now))))
}
