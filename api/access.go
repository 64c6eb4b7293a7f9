package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// How many wrong tokens one client may send: a burst, then a rate per second.
const (
	failureBurst      = 10
	failuresPerSecond = 1
)

// cookieName names the cookie that browsers send in place of the Authorization header.
const cookieName = "event-worker"

const howToSend = "send the token of api.token or api.tokenFile as Authorization: Bearer TOKEN"

// access decides who may use a route.
type access struct {
	token    func() string // the current token; empty if none is configured
	failures *clients
	secure   bool   // whether the server uses TLS
	form     string // the path of the login form; empty if no route serves one
}

// allows reports whether the client may use a route. If not, it has answered the request.
func (a *access) allows(w http.ResponseWriter, req *http.Request, r Route) bool {
	token := a.token()
	given, hasBearer := bearer(req)
	switch {
	case r.Open:
		return true
	case token == "" && r.Changes:
		Problem(w, http.StatusForbidden, "changes need a token: set api.token or api.tokenFile, and send it as Authorization: Bearer TOKEN")
		return false
	case token == "" || hasCookie(req, token):
		return true
	case hasBearer:
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

// verdict is the result of an attempt to authenticate.
type verdict int

const (
	right verdict = iota
	wrong
	blocked // the client has sent too many wrong tokens
)

// attempt checks a token. A client that has sent too many wrong ones is blocked even with the
// right one: otherwise it could go on guessing.
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

// refuse answers a failed attempt.
func refuse(w http.ResponseWriter, v verdict) {
	if v == blocked {
		later(w, http.StatusTooManyRequests, time.Second/failuresPerSecond, "too many requests with a wrong token from your address: wait, then send the right token")
		return
	}
	unauthorized(w, "the token does not match api.token or api.tokenFile: "+howToSend)
}

func unauthorized(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="event worker"`)
	Problem(w, http.StatusUnauthorized, detail)
}

// equal compares secrets in constant time, whatever their lengths.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer returns the token of a request's Authorization header.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// navigates reports whether a browser opens a page.
func navigates(r *http.Request) bool { return reads(r.Method) && wantsHTML(r) }

func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// cookieOf returns the cookie value that stands for a token. It does not reveal the token:
// browsers send a host's cookies to all of its ports.
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

// login exchanges the token of a form for a cookie.
func (a *access) login(w http.ResponseWriter, req *http.Request) {
	token := a.token()
	if token == "" {
		Problem(w, http.StatusForbidden, "no token is configured: set api.token or api.tokenFile")
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

// logout deletes the cookie.
func (a *access) logout(w http.ResponseWriter, req *http.Request) {
	http.SetCookie(w, a.cookie("", -1))
	http.Redirect(w, req, "/", http.StatusSeeOther)
}

func (a *access) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteStrictMode,
	}
}

// routes returns the routes for logging in and out.
func (a *access) routes() []Route {
	return []Route{
		{Pattern: "POST /login", Handler: http.HandlerFunc(a.login), Open: true},
		{Pattern: "POST /logout", Handler: http.HandlerFunc(a.logout), Open: true},
	}
}
