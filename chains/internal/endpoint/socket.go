package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/coder/websocket"
)

// socket is the transport of ws and wss: JSON-RPC over one connection, made on demand. Answers
// are matched to requests by the ids of their calls.
type socket struct {
	*Endpoint
	header  http.Header
	dialing chan struct{} // a semaphore

	mu     sync.Mutex
	conn   *connection
	closed bool
	heads  func() // called for each new head that a connection announces
}

func newSocket(e *Endpoint, header http.Header) *socket {
	return &socket{Endpoint: e, header: header, dialing: make(chan struct{}, 1)}
}

// connection is one connection and the requests that wait for its answers.
type connection struct {
	owner    *socket
	ws       *websocket.Conn
	ctx      context.Context
	cancel   context.CancelCauseFunc
	received atomic.Int64 // bytes of answers, and of the message that is being read

	mu      sync.Mutex
	waiting map[int64]*exchange // by the first id
}

// exchange is a request that waits for its answer.
type exchange struct {
	first, count int64
	done         chan struct{}
	answer       Answer
}

var (
	errSocketLost   = errors.New("the connection was lost")
	errSocketSilent = errors.New("the connection was silent")
	errSocketClosed = errors.New("the connection is closed")
)

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn != nil {
		s.conn.cancel(errSocketClosed)
	}
}

// connected returns the connection, and makes it if there is none.
func (s *socket) connected(ctx context.Context) (*connection, error) {
	select {
	case s.dialing <- struct{}{}:
		defer func() { <-s.dialing }()
	case <-ctx.Done():
		return nil, s.Errorf("%w", context.Cause(ctx))
	}
	if conn := s.alive(); conn != nil {
		return conn, nil
	}
	ws, response, err := websocket.Dial(ctx, s.base.String(), &websocket.DialOptions{
		HTTPHeader: s.header.Clone(), CompressionMode: websocket.CompressionDisabled,
		HTTPClient: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols && response.StatusCode != 0 {
			return nil, s.statusError(response)
		}
		return nil, s.transportError(err)
	}
	return s.startReading(ws)
}

// startReading makes a connection the current one.
func (s *socket) startReading(ws *websocket.Conn) (*connection, error) {
	ws.SetReadLimit(-1) // Endpoint.read bounds it
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		ws.CloseNow()
		return nil, s.transportError(errSocketClosed)
	}
	alive, fail := context.WithCancelCause(context.Background())
	s.conn = &connection{owner: s, ws: ws, ctx: alive, cancel: fail, waiting: map[int64]*exchange{}}
	go s.conn.readAll()
	return s.conn, nil
}

// alive returns the connection, nil if there is none.
func (s *socket) alive() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || s.conn.ctx.Err() != nil {
		return nil
	}
	return s.conn
}

func (s *socket) roundTrip(ctx context.Context, _ string, _ *url.URL, body []byte) (Answer, error) {
	conn, err := s.connected(ctx)
	if err != nil {
		return Answer{}, err
	}
	first, last, err := idsOf(body)
	if err != nil {
		return Answer{}, s.Errorf("making the request: %w", err)
	}
	heard := conn.received.Load()
	x := conn.expect(first, last)
	err = conn.ws.Write(ctx, websocket.MessageText, body)
	// The library closes a socket when the context of a Write ends, perhaps only after Write
	// has returned.
	if err != nil || ctx.Err() != nil {
		conn.cancel(errSocketLost)
	}
	if err != nil {
		if answered := conn.forget(x); answered { // endpoints may refuse a request before reading all of it
			x.answer.Release()
		}
		return Answer{}, s.transportError(err)
	}
	select {
	case <-ctx.Done():
		err = s.Errorf("%w", context.Cause(ctx))
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && conn.received.Load() <= heard {
			conn.cancel(errSocketSilent) // a new connection may work
		}
	case <-conn.ctx.Done():
		err = s.transportError(context.Cause(conn.ctx))
	case <-x.done:
	}
	if answered := conn.forget(x); answered {
		return x.answer, nil
	}
	return Answer{}, err
}

// expect registers a request with the ids of its calls.
func (c *connection) expect(first, last int64) *exchange {
	x := &exchange{first: first, count: last - first + 1, done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[first] = x
	return x
}

// forget stops waiting for an answer. It reports whether it has come: then the caller must
// release it.
func (c *connection) forget(x *exchange) (answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[x.first] == x {
		delete(c.waiting, x.first)
		return false
	}
	return true
}

// readAll dispatches answers until the connection is lost.
func (c *connection) readAll() {
	defer c.ws.CloseNow()
	for {
		if err := c.readOne(); err != nil {
			c.cancel(fmt.Errorf("%w: %w", errSocketLost, err))
			c.owner.RequireVerification()
			return
		}
	}
}

// readOne reads one message, within the timeout of a request.
func (c *connection) readOne() error {
	_, message, err := c.ws.Reader(c.ctx)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(c.ctx, c.owner.timeout)
	defer cancel()
	defer context.AfterFunc(within, func() {
		if within.Err() == context.DeadlineExceeded {
			c.cancel(errSocketSilent)
		}
	})()
	answer, err := c.owner.read(within, nil, countingReader{message, &c.received}, 0)
	if err != nil {
		return err
	}
	if size := len(answer.Body()); !c.dispatch(answer) {
		c.received.Add(-int64(size)) // notifications may go on where answers do not
	}
	return nil
}

// countingReader counts the bytes that are read.
type countingReader struct {
	message io.Reader
	heard   *atomic.Int64
}

func (h countingReader) Read(into []byte) (int, error) {
	n, err := h.message.Read(into)
	h.heard.Add(int64(n))
	return n, err
}

// dispatch gives a message to the request that it answers, or drops it.
func (c *connection) dispatch(answer Answer) (answers bool) {
	to := func(*exchange) bool { return false }
	if first, last, err := idsOf(answer.Body()); err == nil {
		to = func(x *exchange) bool { return x.first <= first && last < x.first+x.count }
	} else {
		switch kindOf(answer.Body()) {
		case isHead:
			c.owner.announce()
		case isError: // of a request that was not read, as a batch that is too large
			to = c.largestExchange()
		}
	}
	answers = c.deliver(answer, to)
	if !answers {
		answer.Release()
	}
	return answers
}

// deliver gives an answer to the exchange that matches, if there is one.
func (c *connection) deliver(answer Answer, to func(*exchange) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.waiting {
		if to(x) {
			x.answer = answer
			delete(c.waiting, x.first)
			close(x.done)
			return true
		}
	}
	return false
}

// largestExchange matches the exchange with the most calls, of several the first.
func (c *connection) largestExchange() func(*exchange) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var most *exchange
	for _, x := range c.waiting {
		if most == nil || x.count > most.count || x.count == most.count && x.first < most.first {
			most = x
		}
	}
	return func(x *exchange) bool { return x == most }
}

func (s *socket) announce() {
	s.mu.Lock()
	heads := s.heads
	s.mu.Unlock()
	if heads != nil {
		heads()
	}
}

// OnHeads sets the function that is called for each new head that the endpoint announces; it
// must not block. It reports false if the endpoint keeps no connection, and so never announces
// any.
func (e *Endpoint) OnHeads(announce func()) bool {
	s, ok := e.transport.(*socket)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads = announce
	return true
}

// Connection returns a value that identifies the present connection, nil if there is none.
func (e *Endpoint) Connection() any {
	s, ok := e.transport.(*socket)
	if !ok {
		return nil
	}
	if conn := s.alive(); conn != nil {
		return conn
	}
	return nil
}
