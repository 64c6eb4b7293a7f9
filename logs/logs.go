// Package logs creates a process's logger: text or JSON on standard error and, if a
// folder is configured, in files as well.
package logs

import (
	"io"
	"log/slog"
	"time"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/printable"
)

// New returns a logger that writes to stderr and, if cfg.Dir is set, to the files in
// that folder: DIR/KIND/LEVEL.log, such as evm/error.log. KIND is the kind of the record's
// chain according to kinds, which maps chain names to evm or aptos; it is "node" if the
// record names no chain. Each record is in one file, and error.log of a kind has besides
//   - the ends of outages of its chains: records with the attribute outage.Lasted,
//   - errors that name no chain, and their ends, such as those of the database.
//
// The error says that the folder cannot be used. Later write errors are reported on
// stderr, and are not returned. Close closes the files; the logger must not be used
// afterwards.
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

// format returns the configured handler, with terminal control sequences escaped: slog's
// own handlers leave some of them, JSON's more than text's.
func format(w io.Writer, cfg config.Log) slog.Handler {
	w = printable.JSONWriter(w)
	if cfg.Format == "json" {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: seconds})
	}
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: shortTime})
}

// seconds formats durations in seconds instead of slog's nanoseconds.
func seconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}

// shortTime formats the record's time in UTC, to the second.
func shortTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.RFC3339))
	}
	return a
}
