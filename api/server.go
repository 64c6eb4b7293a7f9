package api

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/listener"
)

// readTimeout bounds how long a client may take to send a request.
const readTimeout = 10 * time.Second

// Route is a handler with its pattern and requirements.
type Route struct {
	Pattern string // as of http.ServeMux, with the method: "GET /orders/{id}"
	Handler http.Handler
	Changes bool // requests change something, so they need a configured token
	// Streams exempts responses from time limits: they end when the client or the server
	// closes.
	Streams bool
	// Open routes need no token, such as the login form and its files. A browser that opens
	// another page without the token is redirected to the open route GET /login, if it
	// exists; that form sends the field token to POST /login.
	Open bool
}

// loginForm is the pattern of the login form.
const loginForm = "GET /login"

// Options configure a server.
type Options struct {
	Listen    string // configured host:port; empty if none
	Default   string // host:port without configuration; if it is in use, any free loopback port
	Token     string
	TokenFile string   // a file with the token, in place of Token; reloaded when it changes
	Origins   []string // of other sites whose pages may read
	Rate      float64  // requests per second of one client; 0: no limit
	TLS       TLS
	Routes    []Route
	Log       *slog.Logger

	readTimeout time.Duration // for tests; 0: the default
}

// Server is a running server.
type Server struct {
	*listener.Server
	scheme string
	cancel context.CancelFunc // ends the contexts of requests
}

// Serve starts a server, which runs until Close. It fails if it cannot listen at the
// configured address, or if the token or a configured file is not usable.
func Serve(ctx context.Context, o Options) (*Server, error) {
	token, err := newToken(o.Token, o.TokenFile, o.Log)
	if err != nil {
		return nil, err
	}
	secure, err := o.TLS.config(o.Log)
	if err != nil {
		return nil, err
	}
	opened, err := listener.Open(ctx, listener.Address{Server: "API", Option: "api.listen", Configured: o.Listen, Default: o.Default}, o.Log)
	if err != nil {
		return nil, err
	}
	onLoopback := loopback(opened.Addr())
	if !onLoopback {
		o.warn(opened.Addr(), secure != nil, token() != "")
	}
	a := &access{token: token, failures: newClients(failuresPerSecond, failureBurst), secure: secure != nil}
	if slices.ContainsFunc(o.Routes, func(r Route) bool { return r.Open && r.Pattern == loginForm }) {
		a.form = "/login"
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	server := &http.Server{
		Handler:           newHandler(o, a, onLoopback),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       cmp.Or(o.readTimeout, readTimeout),
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10, // includes the URL with its filter and cursor
		TLSConfig:         secure,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxRequestsOfOne, MaxReceiveBufferPerConnection: maxBody, MaxReceiveBufferPerStream: maxBody},
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // errors of clients
	}
	listener.Bound(server, maxConnections)
	scheme := "http"
	if secure != nil {
		scheme = "https"
	}
	return &Server{listener.Serve(server, opened), scheme, cancel}, nil
}

// URL returns the URL of the server on its own machine.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.Addr())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return s.scheme + "://" + s.Addr()
	}
	return s.scheme + "://" + net.JoinHostPort("localhost", port)
}

// Close ends streams, stops serving, and waits up to 2 s for requests in progress.
func (s *Server) Close() error {
	s.cancel()
	return s.Server.Close()
}

// warn logs the risks of a listener that other machines can reach.
func (o Options) warn(at net.Addr, secure, guarded bool) {
	switch {
	case !secure && !guarded:
		o.Log.Warn("the API is open: anyone who can reach its address may read all data: set api.token or api.tokenFile, and api.tls", "address", at.String())
	case !guarded && o.TLS.ClientCA == "":
		o.Log.Warn("the API requires no token: anyone who can reach its address may read all data: set api.token or api.tokenFile", "address", at.String())
	case !secure:
		o.Log.Warn("the API is not encrypted: its token and data can be read on the network: set api.tls, or put a proxy with TLS in front", "address", at.String())
	}
}
