package mongotest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy passes TCP connections on to a server until it is told to do worse. Its
// methods may be called from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener
	ctx      context.Context // of the proxy's life
	running  sync.WaitGroup

	mu      sync.Mutex
	mode    mode
	trap    *trap
	changed chan struct{}      // closed when the mode changes
	links   map[*link]struct{} // the connections there are
}

type mode int

const (
	pass mode = iota
	hole
	refuse
)

// trap springs when a client says a word.
type trap struct {
	word   []byte
	what   trapKind
	sprung chan struct{} // closed then
}

type trapKind int

const (
	holeBefore trapKind = iota
	holeAfter
	hold
)

// NewProxy starts a proxy in front of a server, host and port. It passes
// everything and is stopped at the end of the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{target: target, listener: listener, ctx: ctx, changed: make(chan struct{}), links: map[*link]struct{}{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		cancel()             // closes the connections
		_ = listener.Close() // ends accept
		p.running.Wait()
	})
	return p
}

// Addr is where the proxy listens, host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URI is a MongoDB URI that leads through the proxy. The connection is direct: the
// replica set's own addresses lead around the proxy.
func (p *Proxy) URI(database string) string {
	return "mongodb://" + p.Addr() + "/" + database + "?directConnection=true"
}

// Pass lets everything through. What Hole has withheld is delivered, late, as
// TCP does when a network heals.
func (p *Proxy) Pass() { p.enter(pass, false) }

// Hole lets nothing through in either direction, of connections there are and of
// new ones, and closes none: not even an end of a connection is passed on.
func (p *Proxy) Hole() { p.enter(hole, false) }

// HoleBefore makes a Hole of the next thing that a client says with a word in it,
// a command's name for one, and all that follows. The channel is closed then.
func (p *Proxy) HoleBefore(word string) <-chan struct{} { return p.lay(word, holeBefore) }

// HoleAfter delivers the next thing that a client says with a word in it and makes
// a Hole of all that follows, the answer first. The channel is closed then.
func (p *Proxy) HoleAfter(word string) <-chan struct{} { return p.lay(word, holeAfter) }

// Hold makes a Hole of one connection alone, the next on which a client says a
// word, from there on: what is said on others overtakes it. The channel is closed
// then.
func (p *Proxy) Hold(word string) <-chan struct{} { return p.lay(word, hold) }

func (p *Proxy) lay(word string, what trapKind) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trap = &trap{[]byte(word), what, make(chan struct{})}
	return p.trap.sprung
}

// Refuse closes the connections there are and every new one.
func (p *Proxy) Refuse() { p.enter(refuse, true) }

// Cut closes the connections there are, with what they withhold, and passes new
// ones.
func (p *Proxy) Cut() { p.enter(pass, true) }

func (p *Proxy) enter(mode mode, drop bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if drop {
		for l := range p.links {
			l.close()
		}
	}
	p.set(mode)
}

// set changes the mode. It needs the mutex.
func (p *Proxy) set(mode mode) {
	p.mode, p.trap = mode, nil
	for l := range p.links {
		l.held = false
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// spring springs the trap if a client says its word. It reports whether that is to
// be delivered, hole or not.
func (p *Proxy) spring(l *link, said []byte) (deliver bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	trap := p.trap
	if trap == nil || p.mode != pass || !bytes.Contains(said, trap.word) {
		return false
	}
	p.trap = nil
	if trap.what == hold {
		l.held = true
	} else {
		p.set(hole)
	}
	close(trap.sprung)
	return trap.what == holeAfter
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // the proxy is stopped
		}
		if l, ok := p.admit(client.(*net.TCPConn)); ok {
			p.running.Go(func() { p.serve(l) })
		}
	}
}

// admit makes a link of a new connection unless new ones are refused.
func (p *Proxy) admit(client *net.TCPConn) (*link, bool) {
	l := newLink(p.ctx, client)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == refuse {
		l.close()
		return nil, false
	}
	p.links[l] = struct{}{}
	return l, true
}

func (p *Proxy) forget(l *link) {
	l.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// serve connects a link with the server and carries what both sides say until
// both have ended.
func (p *Proxy) serve(l *link) {
	defer p.forget(l)
	if err := p.awaitPass(l); err != nil {
		return
	}
	server, err := l.connect(p.target)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.carry(l, server, l.client) })
	both.Go(func() { p.carry(l, l.client, server) })
	both.Wait()
}

// carry passes on what from says, and then that it has ended.
func (p *Proxy) carry(l *link, to, from *net.TCPConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if deliver := from == l.client && p.spring(l, buffer[:n]); !deliver && p.awaitPass(l) != nil {
			return
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || (err != nil && !errors.Is(err, io.EOF)) {
			l.close()
			return
		}
		if err != nil {
			_ = to.CloseWrite() // it fails only when to is closed
			return
		}
	}
}

// awaitPass returns when the proxy passes what a link says, with an error when the
// link is closed before.
func (p *Proxy) awaitPass(l *link) error {
	for {
		p.mu.Lock()
		withheld, changed := p.mode == hole || l.held, p.changed
		p.mu.Unlock()
		if err := l.ctx.Err(); err != nil || !withheld {
			return err
		}
		select {
		case <-changed:
		case <-l.ctx.Done():
		}
	}
}

// link is a client's connection and its continuation to the server.
type link struct {
	ctx    context.Context // until it is closed
	cancel context.CancelFunc
	client *net.TCPConn
	held   bool // guarded by the proxy's mutex
}

func newLink(ctx context.Context, client *net.TCPConn) *link {
	ctx, cancel := context.WithCancel(ctx)
	l := &link{ctx: ctx, cancel: cancel, client: client}
	l.closeWithLink(client)
	return l
}

func (l *link) connect(target string) (*net.TCPConn, error) {
	server, err := new(net.Dialer).DialContext(l.ctx, "tcp", target)
	if err != nil {
		return nil, err
	}
	l.closeWithLink(server)
	return server.(*net.TCPConn), nil
}

func (l *link) closeWithLink(conn net.Conn) {
	context.AfterFunc(l.ctx, func() { _ = conn.Close() }) // it is not needed any more
}

func (l *link) close() { l.cancel() }
