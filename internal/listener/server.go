package listener

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// closeTimeout bounds how long requests in progress may delay Close.
const closeTimeout = 2 * time.Second

// Server is an HTTP server that runs until it is closed.
type Server struct {
	http *http.Server
	addr net.Addr
	done chan struct{} // closed when the server has stopped
}

// Serve starts serving on a listener in the background: over TLS if the HTTP server has a
// TLS configuration.
func Serve(server *http.Server, on net.Listener) *Server {
	s := &Server{http: server, addr: on.Addr(), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if server.TLSConfig != nil { // both end with ErrServerClosed
			_ = server.ServeTLS(on, "", "")
		} else {
			_ = server.Serve(on)
		}
	}()
	return s
}

// Addr returns the server's address, host:port.
func (s *Server) Addr() string { return s.addr.String() }

// Close stops serving. It waits up to 2 seconds for requests in progress, and then closes
// their connections. It may be called concurrently and repeatedly.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
