package page

import (
	"bytes"
	"net/http"
)

// login serves the login form. It is public, and reveals nothing about the worker. The form
// posts the token to /login, which belongs to package api.
func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	setHeaders(w)
	w.Header().Set("Cache-Control", "no-store")
	if !p.opts.Changes { // there is no token
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	_, wrong := r.URL.Query()["wrong"]
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, "login", wrong); err != nil {
		p.opts.Log.Error("the login form cannot be rendered", "reason", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}
