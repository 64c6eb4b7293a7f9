// Package logs makes what a process logs with: text or JSON on its standard error
// and, if a folder is given, files besides.
package logs

import (
	"io"
	"log/slog"
	"time"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/printable"
)

// New returns a logger that writes to stderr and, if cfg.Dir is set, to the files of
// that folder too: DIR/KIND/LEVEL.log, such as evm/error.log, each record to one of
// them. KIND is that of the chain that the record is about by kinds, which maps the
// chains' names to evm or aptos, or "node" if it is about none.
//
// The error says that the folder cannot be used. Files that cannot be written later
// stop nobody: a line on stderr says so. Close closes the files, which nobody may log
// to any more.
func New(stderr io.Writer, cfg config.Log, kinds map[string]string) (*slog.Logger, io.Closer, error) {
	said := format(stderr, cfg)
	if cfg.Dir == "" {
		return slog.New(said), io.NopCloser(nil), nil
	}
	f, err := open(cfg.Dir, kinds, slog.New(said))
	if err != nil {
		return nil, nil, err
	}
	r := &router{stderr: said, files: map[place]slog.Handler{}, kinds: kinds}
	for at, file := range f.files {
		r.files[at] = format(file, cfg)
	}
	return slog.New(r), f, nil
}

// format is the handler that writes as configured, and nothing that a terminal would
// obey: slog's own handlers leave some of that, JSON's more than text's.
func format(w io.Writer, cfg config.Log) slog.Handler {
	w = printable.JSONWriter(w)
	if cfg.Format == "json" {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: seconds})
	}
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: shortTime})
}

// seconds writes durations in seconds, where slog would in nanoseconds.
func seconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}

// shortTime writes the record's time in UTC, to the second.
func shortTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.RFC3339))
	}
	return a
}
