package monitor

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/imart/event-worker/internal/listener"
)

// The paths served, all for GET.
const (
	HealthPath  = "/healthz"
	ReadyPath   = "/readyz"
	MetricsPath = "/metrics"
)

const maxConnections = 64

// ReadyText is the first line of the response of a process that is ready.
const ReadyText = "ready"

// Options configure what is served, and where.
type Options struct {
	Listen  string // configured host:port; empty if none
	Default string // host:port without configuration, or any free loopback port if that one is in use
	Metrics *Metrics

	// Alive and Ready return immediately. Their error states the reason: one line, or
	// with errors.Join one for each reason. A process that is not alive should be
	// restarted; one that is not ready will become ready by itself. A nil function means
	// no problem.
	Alive, Ready func() error

	More map[string]http.Handler // additional handlers by path, for GET

	Log *slog.Logger
}

// Server serves health checks and metrics.
type Server struct {
	*listener.Server
	stop func() bool // stops waiting for the context
}

// Serve starts serving, until the context ends or the server is closed. It fails if it
// cannot listen at the configured address.
func Serve(ctx context.Context, o Options) (*Server, error) {
	opened, err := listener.Open(ctx, listener.Address{Server: "health and metrics", Option: "monitor.listen", Configured: o.Listen, Default: o.Default}, o.Log)
	if err != nil {
		return nil, err
	}
	h := &http.Server{
		Handler:           o.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	listener.Bound(h, maxConnections)
	server := listener.Serve(h, opened)
	return &Server{server, context.AfterFunc(ctx, func() { _ = server.Close() })}, nil
}

// Close stops serving, and waits up to 2 seconds for requests in progress.
func (s *Server) Close() error {
	s.stop()
	return s.Server.Close()
}

func (o Options) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+HealthPath, answer("ok", o.Alive))
	mux.Handle("GET "+ReadyPath, answer(ReadyText, o.Ready))
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(o.Metrics.Registry(), promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
	for path, handler := range o.More {
		mux.Handle("GET "+path, handler)
	}
	return mux
}

// answer responds with healthy, or with status 503 and the reasons of check.
func answer(healthy string, check func() error) http.HandlerFunc {
	if check == nil {
		check = func() error { return nil }
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		text := healthy
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = err.Error()
		}
		_, _ = io.WriteString(w, text+"\n")
	}
}
