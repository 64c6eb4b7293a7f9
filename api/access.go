package api

import (
	"crypto/subtle"
	"io"
	"net/http"
	"strings"
	"time"
)

// guard lets through to a route who may use it.
func (o Options) guard(r Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case o.Token == "" && r.Changes:
			refuse(w, http.StatusForbidden, "changes need a token: set api.token or api.tokenFile, and send it as Authorization: Bearer TOKEN")
			return
		case o.Token != "" && subtle.ConstantTimeCompare([]byte(bearer(req)), []byte(o.Token)) == 0:
			refuse(w, http.StatusUnauthorized, "send the token of api.token as Authorization: Bearer TOKEN")
			return
		}
		if r.Streams {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		}
		r.Handler.ServeHTTP(w, req)
	})
}

// bearer is the token that a request carries.
func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

func refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, reason+"\n")
}
