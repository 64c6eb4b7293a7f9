package cluster

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// address is where a node listens and what it tells the others to call.
type address struct {
	host       string
	port       int
	advertised string // host:port
}

// bracketed is the host as the library wants it, which puts host and port together as
// they are: an IPv6 address in brackets. Every address of a machine with IPv6 is one.
func (a address) bracketed() string {
	if strings.Contains(a.host, ":") {
		return "[" + a.host + "]"
	}
	return a.host
}

// newAddress tries an address to listen on, host:port with 0 for any port, and finds
// out what to advertise unless that is given: the host listened on, or if that is
// every address of the machine, the one from which it reaches a server, with or
// without a port, that the other nodes reach, too.
func newAddress(listen, advertise, server string) (address, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return address{}, fmt.Errorf("cluster.listen %s: %w: choose an address of this machine and a free port", listen, err)
	}
	_ = l.Close() // it was only to see whether it works, and the port
	at := l.Addr().(*net.TCPAddr)
	a := address{host: at.IP.String(), port: at.Port, advertised: advertise}
	if a.advertised != "" {
		return a, nil
	}
	host := a.host
	if at.IP.IsUnspecified() {
		if host, err = towards(server); err != nil {
			return address{}, fmt.Errorf("no address of this machine was found that other nodes could reach: %w: set cluster.advertise", err)
		}
	}
	a.advertised = net.JoinHostPort(host, strconv.Itoa(a.port))
	return a, nil
}

// towards is this machine's address on the way to a server. Nothing is sent.
func towards(server string) (string, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), "27017") // any port is on the same way
	}
	c, err := net.Dial("udp", server)
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String(), nil
}
