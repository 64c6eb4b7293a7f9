package logs

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/outage"
)

// nodeKind is the kind of records that name no chain.
const nodeKind = "node"

// place identifies the file of a record.
type place struct{ kind, level string }

// router passes records on to standard error and to the file of the chain's kind and the
// level.
type router struct {
	stderr slog.Handler
	files  map[place]slog.Handler
	kinds  map[string]string // by the chain's name
	kind   string            // according to the logger's own attributes; may be empty
}

// Enabled implements slog.Handler.
func (r *router) Enabled(ctx context.Context, level slog.Level) bool {
	return r.stderr.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (r *router) Handle(ctx context.Context, record slog.Record) error {
	var attrs []slog.Attr
	record.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	errs := []error{r.stderr.Handle(ctx, record.Clone())}
	for _, at := range r.places(record.Level, attrs) {
		errs = append(errs, r.files[at].Handle(ctx, record.Clone()))
	}
	return errors.Join(errs...)
}

// places are the files of a record with attributes: that of its kind and level. The end of an
// outage is in error.log, too. Errors that concern all chains, as they name none, are in every
// error.log.
func (r *router) places(level slog.Level, attrs []slog.Attr) []place {
	kind := cmp.Or(r.kindOf(attrs), r.kind, nodeKind)
	places := []place{{kind, levelName(level)}}
	ends := slices.ContainsFunc(attrs, func(a slog.Attr) bool { return a.Key == outage.Lasted })
	if places[0].level != errorLevel && !ends {
		return places
	}
	for at := range r.files {
		if at.level == errorLevel && (at.kind == kind || kind == nodeKind) && at != places[0] {
			places = append(places, at)
		}
	}
	return places
}

// WithAttrs implements slog.Handler.
func (r *router) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := r.each(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
	with.kind = cmp.Or(r.kindOf(attrs), r.kind)
	return with
}

// WithGroup implements slog.Handler.
func (r *router) WithGroup(name string) slog.Handler {
	return r.each(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

// each returns the router with all of its handlers changed.
func (r *router) each(change func(slog.Handler) slog.Handler) *router {
	changed := &router{change(r.stderr), map[place]slog.Handler{}, r.kinds, r.kind}
	for at, h := range r.files {
		changed.files[at] = change(h)
	}
	return changed
}

// chainKeys are the attributes whose value is a chain, or starts with one, such as
// ethereum/seaport/list.
var chainKeys = []string{"chain", "stream", "actor", "id"}

// kindOf returns the kind of the first chain that the attributes name; empty if they
// name none.
func (r *router) kindOf(attrs []slog.Attr) string {
	for _, a := range attrs {
		value := a.Value.Resolve()
		kind := ""
		switch {
		case value.Kind() == slog.KindGroup:
			kind = r.kindOf(value.Group())
		case slices.Contains(chainKeys, a.Key):
			chain, _, _ := strings.Cut(value.String(), "/")
			kind = r.kinds[chain]
		}
		if kind != "" {
			return kind
		}
	}
	return ""
}

// levelName names the highest standard level that is not above l.
func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return errorLevel
	case l >= slog.LevelWarn:
		return "warn"
	case l >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}

// errorLevel is the level of what people must act on.
const errorLevel = "error"

var levelNames = []string{errorLevel, "warn", "info", "debug"}
