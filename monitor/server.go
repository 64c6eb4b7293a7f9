package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The paths that are served, all of them for GET.
const (
	HealthPath  = "/healthz"
	ReadyPath   = "/readyz"
	MetricsPath = "/metrics"
)

// ReadyText is the first line of the answer of a process that is ready.
const ReadyText = "ready"

// closeTimeout bounds how long requests under way may hold the server up.
const closeTimeout = 2 * time.Second

// Options say what is served, and where.
type Options struct {
	Listen  string // host:port as configured; empty if it is not
	Default string // host:port otherwise, or any free port of the loopback if that one is taken
	Metrics *Metrics

	// Alive and Ready return at once, and an error that says why not: one line, or
	// with errors.Join one for each reason. A process that is not alive is to be
	// restarted, one that is not ready will be by itself. Without a function all is
	// well.
	Alive, Ready func() error

	More map[string]http.Handler // what else is served, by path, for GET

	Log *slog.Logger
}

// Server serves health and metrics.
type Server struct {
	http *http.Server
	addr string
	stop func() bool   // waiting for the context
	done chan struct{} // closed when nothing is served any more
}

// Serve begins to serve, until the context ends or the server is closed. The error
// says that it cannot listen where it was told to.
func Serve(ctx context.Context, o Options) (*Server, error) {
	listener, err := o.bind(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{
		http: &http.Server{
			Handler:           o.handler(),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		},
		addr: listener.Addr().String(),
		done: make(chan struct{}),
	}
	s.stop = context.AfterFunc(ctx, func() { _ = s.shutdown() })
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends with ErrServerClosed
	}()
	return s, nil
}

// Addr is where the server listens, host:port.
func (s *Server) Addr() string { return s.addr }

// Close lets the requests under way end, for a while, and stops serving.
func (s *Server) Close() error {
	s.stop()
	err := s.shutdown()
	<-s.done
	return err
}

func (s *Server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return s.http.Close()
}

// bind listens where it was configured, or else where there is room.
func (o Options) bind(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	if o.Listen != "" {
		listener, err := lc.Listen(ctx, "tcp", o.Listen)
		if err != nil {
			return nil, fmt.Errorf("health and metrics: %w: free that address, or set monitor.listen to another one", err)
		}
		return listener, nil
	}
	listener, taken := lc.Listen(ctx, "tcp", o.Default)
	if taken == nil {
		return listener, nil
	}
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("health and metrics: %w", errors.Join(taken, err))
	}
	o.Log.Warn("health and metrics are not at their usual address: set monitor.listen to choose one",
		"address", listener.Addr().String(), "reason", taken)
	return listener, nil
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

// answer says that all is well, or with status 503 what is not.
func answer(well string, check func() error) http.HandlerFunc {
	if check == nil {
		check = func() error { return nil }
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		text := well
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = err.Error()
		}
		_, _ = io.WriteString(w, text+"\n")
	}
}
