package mongotest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// echo is a server that says everything back and closes when told the end.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // the client sees how it ends
			}()
		}
	}()
	return listener.Addr().String()
}

// caller is a connection to a proxy.
type caller struct {
	t *testing.T
	*net.TCPConn
}

func call(t *testing.T, p *Proxy) caller {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return caller{t, conn.(*net.TCPConn)}
}

func (c caller) say(words string) {
	c.t.Helper()
	if _, err := io.WriteString(c, words); err != nil {
		c.t.Fatal(err)
	}
}

// hears checks what comes back next.
func (c caller) hears(words string) {
	c.t.Helper()
	c.deadline(10 * time.Second)
	got := make([]byte, len(words))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != words {
		c.t.Fatalf("heard %q, not %q: %v", got[:n], words, err)
	}
}

// hearsNothing checks that for a while nothing comes, and no end either.
func (c caller) hearsNothing() {
	c.t.Helper()
	c.deadline(50 * time.Millisecond)
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("heard %d bytes, %v", n, err)
	}
}

// hearsEnd checks that the connection is closed.
func (c caller) hearsEnd() {
	c.t.Helper()
	c.deadline(10 * time.Second)
	if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("heard %d bytes, %v", n, err)
	}
}

func (c caller) deadline(d time.Duration) {
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		c.t.Fatal(err)
	}
}

func TestProxyPasses(t *testing.T) {
	c := call(t, NewProxy(t, echo(t)))
	c.say("hello")
	c.hears("hello")
	c.say("bye")
	_ = c.CloseWrite()
	c.hears("bye")
	c.hearsEnd()
}

func TestProxyDeliversLateWhatItWithheld(t *testing.T) {
	p := NewProxy(t, echo(t))
	before := call(t, p)
	before.say("hello")
	before.hears("hello")
	p.Hole()
	within := call(t, p)
	before.say("late")
	_ = before.CloseWrite() // withheld as well
	within.say("later")
	before.hearsNothing()
	within.hearsNothing()
	p.Pass()
	before.hears("late")
	before.hearsEnd()
	within.hears("later")
}

// The answer to a question that got through is withheld.
func TestProxyWithholdsAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := NewProxy(t, listener.Addr().String())
	c := call(t, p)
	c.say("?")
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.Hole()
	if _, err := io.WriteString(server, "!"); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	c.hearsNothing()
	p.Pass()
	c.hears("!")
	c.hearsEnd()
}

func TestProxyMakesHoleAtWord(t *testing.T) {
	p := NewProxy(t, echo(t))
	c := call(t, p)
	for _, lay := range []func(string) <-chan struct{}{p.HoleBefore, p.HoleAfter} {
		sprung := lay("commit")
		c.say("insert")
		c.hears("insert")
		select {
		case <-sprung:
			t.Fatal("it has heard another word")
		default:
		}
		c.say("{commit: 1}")
		<-sprung
		c.hearsNothing()
		p.Pass()
		c.hears("{commit: 1}")
	}
}

func TestProxyHoldsOneConnection(t *testing.T) {
	p := NewProxy(t, echo(t))
	held, other := call(t, p), call(t, p)
	sprung := p.Hold("commit")
	held.say("commit")
	<-sprung
	other.say("commit")
	other.hears("commit")
	held.hearsNothing()
	p.Pass()
	held.hears("commit")
}

// What HoleAfter delivers reaches the server while its answer is withheld.
func TestProxyDeliversBeforeHole(t *testing.T) {
	for _, after := range []bool{false, true} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		p := NewProxy(t, listener.Addr().String())
		c := call(t, p)
		c.say("hello")
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		server := caller{t, conn.(*net.TCPConn)}
		server.hears("hello")
		if after {
			p.HoleAfter("commit")
		} else {
			p.HoleBefore("commit")
		}
		c.say("commit")
		if after {
			server.hears("commit")
		} else {
			server.hearsNothing()
		}
		server.say("done")
		c.hearsNothing()
	}
}

func TestProxyCuts(t *testing.T) {
	p := NewProxy(t, echo(t))
	p.Hole()
	c := call(t, p)
	c.say("lost")
	c.hearsNothing()
	p.Cut()
	c.hearsEnd()
	after := call(t, p)
	after.say("hello")
	after.hears("hello")
}

func TestProxyRefuses(t *testing.T) {
	p := NewProxy(t, echo(t))
	before := call(t, p)
	before.say("hello")
	before.hears("hello")
	p.Refuse()
	before.hearsEnd()
	call(t, p).hearsEnd()
	p.Pass()
	after := call(t, p)
	after.say("hello")
	after.hears("hello")
}

func TestProxyClosesWithoutServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	call(t, NewProxy(t, listener.Addr().String())).hearsEnd()
}

// Nothing of a proxy outlives its test, whatever it withholds.
func TestProxyEndsWithItsTest(t *testing.T) {
	var p *Proxy
	t.Run("of a hole", func(t *testing.T) {
		p = NewProxy(t, echo(t))
		c := call(t, p)
		p.Hole()
		c.say("lost")
		c.hearsNothing()
	})
	if len(p.links) != 0 {
		t.Errorf("%d connections are left", len(p.links))
	}
	assertFree(t, p.Addr())
}

// MongoDB is reached through the proxy, and not around it.
func TestProxyBeforeMongoDB(t *testing.T) {
	URI(t)
	if shared.mongod == nil {
		t.Skip("the address of the server is not known")
	}
	p := NewProxy(t, shared.mongod.address())
	client := connect(t, p.URI("test"))
	if err := ping(t, client, patience); err != nil {
		t.Fatal(err)
	}
	p.Hole()
	if err := ping(t, client, soon); !mongo.IsTimeout(err) {
		t.Errorf("an answer came around the proxy: %v", err)
	}
	p.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := poll(ctx, func() error { return ping(t, client, patience) }); err != nil {
		t.Error(err)
	}
}
