package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// closeTimeout bounds how long requests in progress may delay Close.
const closeTimeout = 2 * time.Second

// Route is a handler of requests.
type Route struct {
	Pattern string // as of http.ServeMux, with the method: "GET /orders/{id}"
	Handler http.Handler
	Changes bool // whether requests change something
	// Streams says that a response has no end: it is not bounded in time, and ends when the
	// server closes.
	Streams bool
}

// Options configure a server.
type Options struct {
	Listen  string // configured host:port; empty if none
	Default string // host:port without configuration, or any free loopback port if that one is in use
	Token   string
	Routes  []Route
	Log     *slog.Logger
}

// Server serves the API.
type Server struct {
	http   *http.Server
	addr   string
	cancel context.CancelFunc // ends the contexts of requests
	done   chan struct{}      // closed when the server has stopped
}

// Serve starts serving, until the server is closed. The error says that it cannot listen at
// the configured address.
func Serve(ctx context.Context, o Options) (*Server, error) {
	listener, err := o.bind(ctx)
	if err != nil {
		return nil, err
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{
		http: &http.Server{
			Handler:           o.handler(),
			BaseContext:       func(net.Listener) context.Context { return base },
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		},
		addr: listener.Addr().String(), cancel: cancel, done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends with ErrServerClosed
	}()
	return s, nil
}

// Addr returns the server's address, host:port.
func (s *Server) Addr() string { return s.addr }

// Close ends streams, stops serving, and waits up to closeTimeout for requests in progress.
func (s *Server) Close() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}

// bind listens at the configured address, or else at the default or any free port.
func (o Options) bind(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	if o.Listen != "" {
		listener, err := lc.Listen(ctx, "tcp", o.Listen)
		if err != nil {
			return nil, fmt.Errorf("API: %w: free that address, or set api.listen to another one", err)
		}
		return listener, nil
	}
	listener, taken := lc.Listen(ctx, "tcp", o.Default)
	if taken == nil {
		return listener, nil
	}
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("API: %w", errors.Join(taken, err))
	}
	o.Log.Warn("the API is not at its usual address: set api.listen to choose one", "address", listener.Addr().String(), "reason", taken)
	return listener, nil
}

func (o Options) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range o.Routes {
		mux.Handle(r.Pattern, o.guard(r))
	}
	return mux
}
