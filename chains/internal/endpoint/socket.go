package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/mailru/easyjson/jlexer"
)

// socket is the transport of ws and wss: JSON-RPC over one connection, which is made
// when it is needed. The answer of a request is told by its calls' ids.
type socket struct {
	*Endpoint
	header http.Header
	dial   sync.Mutex // held while a connection is made

	mu    sync.Mutex
	conn  *connection
	heads func() // called for each new head that a connection announces
}

func newSocket(e *Endpoint, header http.Header) *socket { return &socket{Endpoint: e, header: header} }

// connection is one connection and the requests that wait for its answers.
type connection struct {
	of   *socket
	ws   *websocket.Conn
	ctx  context.Context
	fail context.CancelCauseFunc
	mu   sync.Mutex

	waiting map[int64]*exchange // by the first id
}

// exchange is a request that waits for its answer.
type exchange struct {
	first, count int64
	done         chan struct{}
	answer       Answer
	err          error
}

var errSocketLost = errors.New("the connection was lost")

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.fail(errSocketLost)
	}
}

// connected is the connection, made if there is none.
func (s *socket) connected(ctx context.Context) (*connection, error) {
	s.dial.Lock()
	defer s.dial.Unlock()
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil && conn.ctx.Err() == nil {
		return conn, nil
	}
	ws, response, err := websocket.Dial(ctx, s.base.String(), &websocket.DialOptions{
		HTTPHeader: s.header.Clone(), CompressionMode: websocket.CompressionDisabled,
		HTTPClient: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols && response.StatusCode != 0 {
			return nil, &StatusError{Host: s.Host(), Status: response.StatusCode, Wait: retryAfter(response.Header, time.Now())}
		}
		return nil, s.broken(err)
	}
	ws.SetReadLimit(-1) // read bounds it, within the budget
	alive, fail := context.WithCancelCause(context.Background())
	conn = &connection{of: s, ws: ws, ctx: alive, fail: fail, waiting: map[int64]*exchange{}}
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	go conn.readAll()
	return conn, nil
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
	x := &exchange{first: first, count: last - first + 1, done: make(chan struct{})}
	conn.mu.Lock()
	conn.waiting[first] = x
	conn.mu.Unlock()
	defer conn.forget(x)
	if err := conn.ws.Write(ctx, websocket.MessageText, body); err != nil {
		conn.fail(errSocketLost)
		return Answer{}, s.broken(err)
	}
	select {
	case <-ctx.Done():
		return Answer{}, s.Errorf("%w", context.Cause(ctx))
	case <-x.done:
		return x.answer, x.err
	case <-conn.ctx.Done():
		return Answer{}, s.Errorf("%w", &TransportError{context.Cause(conn.ctx)})
	}
}

// forget drops an exchange; an answer that came nevertheless is released.
func (c *connection) forget(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, x.first)
}

// readAll hands out answers until the connection is lost.
func (c *connection) readAll() {
	defer c.ws.CloseNow()
	for {
		if err := c.readOne(); err != nil {
			c.fail(fmt.Errorf("%w: %w", errSocketLost, err))
			c.of.Doubt()
			return
		}
	}
}

func (c *connection) readOne() error {
	_, message, err := c.ws.Reader(c.ctx)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(c.ctx, c.of.timeout)
	defer cancel()
	answer, err := c.of.read(within, nil, message, 0)
	if err != nil {
		return err
	}
	first, last, err := idsOf(answer.Body())
	if err != nil {
		if isNotification(answer.Body()) && c.of.heads != nil {
			c.of.heads()
		}
		answer.Release()
		return nil
	}
	c.deliver(first, last, answer)
	return nil
}

// deliver hands an answer to the exchange whose ids it has.
func (c *connection) deliver(first, last int64, answer Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.waiting {
		if x.first <= first && last < x.first+x.count {
			x.answer = answer
			delete(c.waiting, x.first)
			close(x.done)
			return
		}
	}
	answer.Release()
}

var errNoIDs = errors.New("no ids")

// idsOf are the least and the greatest id of a JSON-RPC message.
func idsOf(body []byte) (least, greatest int64, err error) {
	l := &jlexer.Lexer{Data: body}
	found := false
	one := func() {
		l.Delim('{')
		for !l.IsDelim('}') {
			key := l.UnsafeFieldName(false)
			l.WantColon()
			if key == "id" && !l.IsNull() {
				id := l.Int64()
				if !found {
					least, greatest = id, id
				}
				least, greatest, found = min(least, id), max(greatest, id), true
			} else {
				l.SkipRecursive()
			}
			l.WantComma()
		}
		l.Delim('}')
	}
	if !l.IsDelim('[') {
		one()
	} else {
		l.Delim('[')
		for !l.IsDelim(']') {
			one()
			l.WantComma()
		}
		l.Delim(']')
	}
	if err := l.Error(); err != nil {
		return 0, 0, err
	}
	if !found {
		return 0, 0, errNoIDs
	}
	return least, greatest, nil
}

func isNotification(body []byte) bool {
	l := &jlexer.Lexer{Data: body}
	is := false
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		if key == "method" {
			is = l.UnsafeString() == "eth_subscription"
		} else {
			l.SkipRecursive()
		}
		l.WantComma()
	}
	return l.Ok() && is
}

// OnHeads has a function called for each head that the endpoint announces, which must
// not block. Where connections are not kept it never is, and OnHeads reports false.
func (e *Endpoint) OnHeads(announce func()) bool {
	s, ok := e.transport.(*socket)
	if !ok {
		return false
	}
	s.heads = announce
	return true
}

// Connection is a value that changes with each connection to the endpoint; nil where
// there is none.
func (e *Endpoint) Connection() any {
	s, ok := e.transport.(*socket)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || s.conn.ctx.Err() != nil {
		return nil
	}
	return s.conn
}
