package cluster

import (
	"log/slog"
	"net"
	"testing"
)

// What is advertised is where others reach the node, whatever the server's address
// looks like.
func TestAddress(t *testing.T) {
	for _, test := range []struct{ listen, advertise, server, host string }{
		{"127.0.0.1:0", "", "", "127.0.0.1"},
		{":0", "", "127.0.0.1:27017", "127.0.0.1"},
		{"0.0.0.0:0", "", "127.0.0.1", "127.0.0.1"}, // a URI needs no port
		{":0", "", "localhost", ""},
		{":0", "worker-1:8090", "", "worker-1"},
	} {
		a, err := newAddress(test.listen, test.advertise, test.server)
		if err != nil {
			t.Errorf("%v: %v", test, err)
			continue
		}
		host, port, err := net.SplitHostPort(a.advertised)
		if err != nil || test.host != "" && host != test.host || net.ParseIP(host).IsUnspecified() || port == "0" {
			t.Errorf("%v: advertises %s", test, a.advertised)
		}
		if a.port == 0 {
			t.Errorf("%v: listens on %+v", test, a)
		}
	}
	if a, err := newAddress(":0", "", "127.0.0.1:no-such-port"); err == nil {
		t.Errorf("towards nowhere it advertises %s", a.advertised)
	}
}

func TestTowardsIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	_ = l.Close()
	for _, server := range []string{"[::1]:27017", "[::1]"} {
		if host, err := towards(server); err != nil || host != "::1" {
			t.Errorf("towards %s: %s, %v", server, host, err)
		}
	}
}

// A node that listens on every address of its machine can be reached, whatever these
// are, and one that listens on an IPv6 address, too.
func TestListensOnEveryAddress(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "127.0.0.1:0", "[::1]:0"} {
		t.Run(listen, func(t *testing.T) {
			if l, err := net.Listen("tcp", listen); err != nil {
				t.Skipf("no such address here: %v", err)
			} else {
				_ = l.Close()
			}
			n, err := Connect(Options{Cluster: "test", Listen: listen, Server: "127.0.0.1:27017", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			c, err := net.Dial("tcp", n.Address())
			if err != nil {
				t.Fatalf("advertised %s: %v", n.Address(), err)
			}
			_ = c.Close()
		})
	}
}
