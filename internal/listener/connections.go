package listener

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
)

// Bound bounds the connections of a server that has not started yet. When there is one too
// many, the one that has waited longest for a whole request is closed: an idle one, or one
// whose client sends its headers or its body slowly, or a hijacked one. A connection is not
// closed while a handler answers on it, unless it is the new one.
func Bound(server *http.Server, most int) {
	c := &connections{most: most, all: map[net.Conn]*connection{}}
	server.ConnState = c.changed
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connectionKey{}).(net.Conn)
		received := &received{ReadCloser: r.Body, begin: sync.OnceFunc(func() { c.begin(conn) })}
		if r.Body == http.NoBody {
			received.begin()
		} else {
			r.Body = received
		}
		defer func() {
			received.begin() // it need not have read the body
			c.end(conn)
		}()
		next.ServeHTTP(w, r)
	})
}

// received is a body that calls begin once all of it was received.
type received struct {
	io.ReadCloser
	begin func()
}

func (b *received) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.begin()
	}
	return n, err
}

type connectionKey struct{}

// connections are those of one server.
type connections struct {
	most int

	mu   sync.Mutex
	all  map[net.Conn]*connection
	turn int64
}

// connection is the state of one connection.
type connection struct {
	since    int64 // the turn since which it waits for a request
	handlers int   // that run; several with HTTP/2
	hijacked bool  // the server does not report its end
}

// changed is the ConnState of the server.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	switch state {
	case http.StateNew:
		c.all[conn] = &connection{since: c.turn}
		if len(c.all) > c.most {
			c.closeOldest()
		}
	case http.StateIdle:
		if of := c.all[conn]; of != nil {
			of.since = c.turn
		}
	case http.StateHijacked:
		if of := c.all[conn]; of != nil {
			of.hijacked = true
		}
	case http.StateClosed:
		delete(c.all, conn)
	}
}

// closeOldest closes the connection that has waited longest.
func (c *connections) closeOldest() {
	var oldest net.Conn
	for conn, of := range c.all {
		if waits := of.handlers == 0 || of.hijacked; waits && (oldest == nil || of.since < c.all[oldest].since) {
			oldest = conn
		}
	}
	delete(c.all, oldest)
	if secure, ok := oldest.(*tls.Conn); ok {
		oldest = secure.NetConn() // without a farewell, for which it would wait
	}
	_ = oldest.Close()
}

func (c *connections) begin(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.all[conn]; of != nil {
		of.handlers++
	}
}

func (c *connections) end(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.all[conn]
	if of == nil {
		return
	}
	if of.handlers--; of.handlers == 0 && of.hijacked {
		delete(c.all, conn)
	}
}
