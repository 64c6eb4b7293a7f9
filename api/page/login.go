package page

import (
	"bytes"
	"net/http"
)

// login serves the form that takes the token. It is public, and reveals nothing about the
// worker. The token goes to POST /login, which is the API's own.
func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	headers(w)
	w.Header().Set("Cache-Control", "no-store")
	if !p.opts.Changes { // there is no token
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	_, wrong := r.URL.Query()["wrong"]
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, "login", wrong); err != nil {
		p.opts.Log.Error("the form for the token cannot be rendered", "reason", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}
