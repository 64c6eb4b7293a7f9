// Package hostile attacks HTTP listeners, for tests: with garbage, slow clients, huge and
// many requests, and shapes that a proxy in front might understand differently. What it
// opens stays open until the release that each attack returns, so that a test can expect
// honest clients to be answered meanwhile, and what was taken to be released afterwards.
package hostile

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// from is the address that attacks come from: honest clients have another one.
var from = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}

// limit bounds one exchange with a server.
const limit = time.Minute

// Target is a listener that is attacked.
type Target struct {
	Address string      // host:port on 127.0.0.1
	TLS     *tls.Config // nil: plain
	Host    string      // of the Host header; Address if empty
}

// dial connects, or fails the test.
func (to Target) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := to.open()
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (to Target) open() (net.Conn, error) {
	dialer := &net.Dialer{LocalAddr: from, Timeout: limit}
	conn, err := dialer.Dial("tcp", to.Address)
	if err != nil || to.TLS == nil {
		return conn, err
	}
	secure := tls.Client(conn, to.TLS)
	_ = secure.SetDeadline(time.Now().Add(limit))
	return secure, secure.Handshake()
}

// Release closes what an attack has opened.
type Release func()

// hold opens many connections, concurrently, and writes a text on each. The server may
// close any of them.
func (to Target) hold(t testing.TB, many int, text string) Release {
	t.Helper()
	var mu sync.Mutex
	var all []net.Conn
	var opening sync.WaitGroup
	slots := make(chan struct{}, 32)
	for range many {
		slots <- struct{}{}
		opening.Go(func() {
			defer func() { <-slots }()
			conn, err := to.open()
			if err != nil {
				return // the server is crowded
			}
			_ = conn.SetDeadline(time.Now().Add(limit))
			_, _ = conn.Write([]byte(text))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, conn)
		})
	}
	opening.Wait()
	if len(all) < many/2 {
		t.Errorf("only %d of %d connections were accepted", len(all), many)
	}
	return func() {
		for _, conn := range all {
			_ = conn.Close()
		}
	}
}

// request is the beginning of a request, without the empty line that ends its headers.
func (to Target) request(method, target string, headers ...string) string {
	host := to.Host
	if host == "" {
		host = to.Address
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\n%s\r\n", method, target, strings.Join(append([]string{"Host: " + host}, headers...), "\r\n"))
}
