package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/transfer"
	"github.com/imart/event-worker/worker"
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
with the positions of the actors: a worker that is started on the copy continues where
the other one stopped.

Stop the worker first. The target must be empty: a database, or a folder, which is
created if need be. A copy may be interrupted at any time, with kill -9 too: the same
command resumes it. Until it is complete, and its documents are counted, other commands
refuse to write to it. The source is not changed.

The folder is that of --data, or else that of the configuration in --config; with
neither, of the variable EVENT_WORKER_DATA, of the configuration ` + defaultConfig + `,
or of the demo, whichever exists first.`,
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
			return from, to, fmt.Errorf("copy: --%s %q: must be embedded or mongodb", flag.name, flag.value)
		}
	}
	if f.from == f.to {
		return from, to, fmt.Errorf("copy: --from and --to are both %s: choose --from embedded --to mongodb, or --from mongodb --to embedded", f.from)
	}
	uri, err := mongoURI()
	if err != nil {
		return from, to, fmt.Errorf("copy: %w", err)
	}
	if uri == "" {
		return from, to, errors.New("copy: no database given: set " + mongoVariable + ", such as mongodb://user:password@host:27017/database?replicaSet=rs0")
	}
	folder, err := f.folder()
	if err != nil {
		return from, to, fmt.Errorf("copy: %w", err)
	}
	if folder, err = filepath.Abs(folder); err != nil { // a resumed copy compares it
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
	reader
}

// openSource opens data to copy from. A folder is locked, so that no worker writes to it.
func (l location) openSource(ctx context.Context) (source, error) {
	r, err := l.openReader(ctx)
	if err != nil {
		return nil, err
	}
	if database, ok := r.(*mongo.Reader); ok {
		if err := database.RefuseCopy(ctx); err != nil {
			return nil, errors.Join(err, database.Close())
		}
		return database, nil
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return embedded.Open(ctx, l.folder)
}

// target is a store to copy to, until it is closed.
type target interface {
	transfer.Target
	reader
}

// openTarget opens a store to copy to, and creates it if need be.
func (l location) openTarget(ctx context.Context) (target, error) {
	if l.uri == "" {
		return embedded.OpenCopy(ctx, l.folder)
	}
	defer l.waiting()()
	return mongo.OpenCopy(ctx, l.uri)
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
	if err := worker.CheckIdle(ctx, source, from); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	target, err := to.openTarget(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := worker.CheckIdle(ctx, target, to); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	screen := cli.NewScreen(out)
	fmt.Fprintf(screen, "Copying from %s to %s.\n", from, to)
	m := &meter{screen: screen}
	c := transfer.Copy{Source: from.String(), From: source, To: target, Report: m.report}
	counts, err := c.Run(ctx)
	if failed := screen.Show(nil); err == nil { // the meter's panel is no longer true
		err = failed
	}
	if len(counts) > 0 {
		fmt.Fprintf(screen, "\n%s", countTable(counts))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("interrupted, %s of %s copied: run the same command again to resume", human.Grouped(m.last.Done), human.Some(m.last.Total, "document"))
	case errors.Is(err, transfer.ErrNotEmpty), errors.Is(err, transfer.ErrOtherSource):
		return fmt.Errorf("%s: %w", to, err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(screen, "\n%s The counts agree: the copy is complete.\nA worker on it continues where the source stopped. Do not run a worker on the source again.\n", m.end())
	return err
}

// countTable compares the counts of all collections.
func countTable(counts []transfer.Count) string {
	var b strings.Builder
	const columns = "%-13s %15s %15s\n"
	fmt.Fprintf(&b, columns, "", "source", "copy")
	for _, c := range counts {
		fmt.Fprintf(&b, columns, c.Collection, human.Grouped(c.Source), human.Grouped(c.Target))
	}
	return b.String()
}

// meterEvery is the interval at which a copy reports its progress.
const meterEvery = time.Second

// meter reports the progress of a copy.
type meter struct {
	screen      *cli.Screen
	begun, said time.Time
	last        transfer.Progress
}

func (m *meter) report(p transfer.Progress) {
	m.last = p
	switch now := time.Now(); {
	case m.begun.IsZero():
		m.begun, m.said = now, now
		fmt.Fprintln(m.screen, opening(p))
	case now.Sub(m.said) < meterEvery:
	case !m.screen.OnTerminal():
		m.said = now
		fmt.Fprintln(m.screen, m.line(now))
	default:
		m.said = now
		line := m.line(now)
		_ = m.screen.Show(func(width, _ int) []string { return []string{table.Shorten(line, width)} }) // the summary's write fails as well
	}
}

// opening says what there is to copy.
func opening(p transfer.Progress) string {
	total := human.Some(p.Total, "document") + "."
	switch {
	case p.Restarted:
		return "The source has changed since this copy began. Starting from the beginning: " + total
	case p.Before > 0:
		return "Resuming after " + human.Grouped(p.Before) + " of " + total
	}
	return total
}

// line is the copy's progress on one line.
func (m *meter) line(now time.Time) string {
	p, rate := m.last, m.rate(now)
	text := fmt.Sprintf("%s: %s of %s, %s/s", p.Collection, human.Grouped(p.Done), human.Some(p.Total, "document"), human.Grouped(int64(rate)))
	if left := p.Total - p.Done; left > 0 && rate > 0 {
		text += ", about " + (time.Duration(float64(left)/rate) * time.Second).String() + " left"
	}
	return text
}

// rate is documents per second of this process.
func (m *meter) rate(now time.Time) float64 {
	return float64(m.last.Done-m.last.Before) / max(now.Sub(m.begun).Seconds(), time.Millisecond.Seconds())
}

// end says how fast the copy was.
func (m *meter) end() string {
	now := time.Now()
	return fmt.Sprintf("%s copied in %.1f s, %s/s.", human.Some(m.last.Done-m.last.Before, "document"), now.Sub(m.begun).Seconds(), human.Grouped(int64(m.rate(now))))
}
