package page

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/printable"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates contain a layout, and the main part of each section under the section's name.
var templates = template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/*.html"))

// policy is the content security policy: scripts, styles and images come only from files of
// this server, never from markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// view is the data of a template.
type view struct {
	Section string // the name of its template
	Title   string
	Body    any
	Error   string // instead of Body
	Live    bool   // whether the browser updates it
	Feed    string // the path of the feed that triggers updates; empty: update every two seconds
	Path    string // path and query for updates

	Now         time.Time
	DeadLetters int64
	Trouble     int    // the number of current troubles
	Stale       string // the reason why the page is out of date; empty if it is not
	Changes     bool
}

// problem is an error caused by the request: an invalid filter, an unknown order.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

func badRequest(err error) error { return problem{http.StatusBadRequest, err.Error()} }

// handler returns the view for a request.
type handler func(r *http.Request) (view, error)

// handler serves views: whole pages, or only their main parts to htmx.
func (p *Page) handler(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
		defer cancel()
		v, err := handle(r.WithContext(ctx))
		status := http.StatusOK
		if err != nil {
			status, v.Error = p.explain(r, err)
		}
		p.write(w, r, status, v)
	})
}

// explain returns the status and the text for an error, and logs errors of the server.
func (p *Page) explain(r *http.Request, err error) (int, string) {
	var own problem
	switch {
	case errors.As(err, &own):
		return own.status, own.text
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "Reading this takes longer than " + queryTimeout.String() + ". Narrow it: choose a chain and a market, a collection or a maker."
	case r.Context().Err() == nil:
		p.opts.Log.Warn("the page cannot be shown", "path", r.URL.Path, "reason", err)
	}
	return http.StatusServiceUnavailable, "The database cannot be read: " + err.Error()
}

// redirect is the body of a view that redirects to another path.
type redirect string

func (p *Page) write(w http.ResponseWriter, r *http.Request, status int, v view) {
	setHeaders(w)
	w.Header().Set("Cache-Control", "no-store")
	if to, ok := v.Body.(redirect); ok && v.Error == "" {
		http.Redirect(w, r, string(to), http.StatusSeeOther)
		return
	}
	if points, ok := v.Body.(series); ok && v.Error == "" {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(points) // fails only if the viewer has gone
		return
	}
	now := p.watch.now()
	v.Now, v.Path, v.Changes = time.Now(), r.URL.RequestURI(), p.opts.Changes
	v.Trouble = len(troubles(now))
	for s := range now.tree.Streams() {
		v.DeadLetters += s.DeadLetters
	}
	if now.err != nil {
		v.Stale = now.err.Error()
	}
	name := "layout"
	if isPartial(r) {
		name = "main"
	}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, v); err != nil {
		p.opts.Log.Error("the page cannot be rendered", "path", r.URL.Path, "reason", err)
		http.Error(w, "this page cannot be rendered: see the worker's log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(visible(out.Bytes()))
}

// isPartial reports whether the request is from htmx, which replaces only the main part.
func isPartial(r *http.Request) bool { return r.Header.Get("HX-Request") != "" }

// setHeaders sets the headers of every response of the page.
func setHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// visible replaces, in a rendered page, every character that is invisible or changes the
// direction of text by its escape, such as \u202e. The templates have no such characters.
func visible(page []byte) []byte {
	out := make([]byte, 0, len(page))
	for line := range bytes.SplitAfterSeq(page, []byte("\n")) {
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		for i, part := range strings.Split(string(text), "\t") {
			if i > 0 {
				out = append(out, '\t')
			}
			out = append(out, printable.Text(part)...)
		}
		if ended {
			out = append(out, '\n')
		}
	}
	return out
}
