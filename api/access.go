package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Failed attempts to give a token, of one client: so many at once, and then one a second.
const (
	failuresAtOnce = 10
	failuresASec   = 1
)

// cookieName is the name of the cookie that the page's visitors have instead of the header.
const cookieName = "event-worker"

const howToSend = "send the token of api.token or api.tokenFile as Authorization: Bearer TOKEN"

// access decides who may use a route.
type access struct {
	token    func() string // the token that clients need now; empty if they need none
	failures *clients
	secure   bool   // whether clients connect by TLS
	form     string // the path of the page's form for the token; empty if there is none
}

// allows reports whether a client may use a route, and answers the request if not.
func (a *access) allows(w http.ResponseWriter, req *http.Request, r Route) bool {
	token := a.token()
	given, bears := bearer(req)
	switch {
	case r.Open:
		return true
	case token == "" && r.Changes:
		Problem(w, http.StatusForbidden, "changes need a token: set api.token or api.tokenFile, and send it as Authorization: Bearer TOKEN")
		return false
	case token == "" || hasCookie(req, token):
		return true
	case bears:
		v := a.attempt(req, given, token)
		if v != right {
			refuse(w, v)
		}
		return v == right
	case a.form != "" && navigates(req):
		http.Redirect(w, req, a.form, http.StatusSeeOther)
		return false
	}
	unauthorized(w, howToSend)
	return false
}

// verdict is what became of an attempt to give the token.
type verdict int

const (
	right verdict = iota
	wrong
	blocked // too many wrong ones came from the client
)

// attempt compares a token that a client has sent, unless the client has sent too many wrong
// ones: then not even the right one is taken, which would tell it from the others.
func (a *access) attempt(req *http.Request, given, token string) verdict {
	failed := a.failures.of(req)
	switch {
	case failed.Tokens() < 1:
		return blocked
	case equal(given, token):
		return right
	}
	failed.Allow()
	return wrong
}

// refuse answers a client whose attempt has failed.
func refuse(w http.ResponseWriter, v verdict) {
	if v == blocked {
		later(w, http.StatusTooManyRequests, time.Second/failuresASec, "too many requests with a wrong token came from your address: wait, then send the right one")
		return
	}
	unauthorized(w, "this token is not the one of api.token or api.tokenFile: "+howToSend)
}

func unauthorized(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="event worker"`)
	Problem(w, http.StatusUnauthorized, detail)
}

// equal compares secrets in a time that says nothing about them, their lengths included.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer is the token that a request carries in its header.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// navigates reports whether a person's browser opens a page.
func navigates(r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return reads && wantsHTML(r)
}

func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// cookieOf is the value of the cookie of those who have given a token. It does not tell the
// token: cookies of a host go to all of its ports.
func cookieOf(token string) string {
	sum := sha256.Sum256([]byte("event worker's cookie\x00" + token))
	return hex.EncodeToString(sum[:])
}

func hasCookie(r *http.Request, token string) bool {
	for _, c := range r.CookiesNamed(cookieName) {
		if equal(c.Value, cookieOf(token)) {
			return true
		}
	}
	return false
}

// login takes the token from a form and gives a cookie for it.
func (a *access) login(w http.ResponseWriter, req *http.Request) {
	token := a.token()
	if token == "" {
		Problem(w, http.StatusForbidden, "there is no token to log in with: set api.token or api.tokenFile")
		return
	}
	if err := req.ParseForm(); err != nil {
		Problem(w, http.StatusBadRequest, "send a form with the field token")
		return
	}
	switch v := a.attempt(req, req.PostForm.Get("token"), token); {
	case v == right:
		http.SetCookie(w, a.cookie(cookieOf(token), 0))
		http.Redirect(w, req, "/", http.StatusSeeOther)
	case v == wrong && a.form != "" && wantsHTML(req):
		http.Redirect(w, req, a.form+"?wrong", http.StatusSeeOther)
	default:
		refuse(w, v)
	}
}

// logout takes the cookie away.
func (a *access) logout(w http.ResponseWriter, req *http.Request) {
	http.SetCookie(w, a.cookie("", -1))
	http.Redirect(w, req, "/", http.StatusSeeOther)
}

func (a *access) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteStrictMode,
	}
}

// routes are those by which the page's visitors give the token.
func (a *access) routes() []Route {
	return []Route{
		{Pattern: "POST /login", Handler: http.HandlerFunc(a.login), Open: true},
		{Pattern: "POST /logout", Handler: http.HandlerFunc(a.logout), Open: true},
	}
}
