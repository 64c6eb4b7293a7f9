package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// loopback reports whether a listener is reached from its own machine only.
func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// localName reports whether the Host of a request names this machine. A site can have its own
// name point at 127.0.0.1, so that its page in a browser here reads what only this machine
// may: such a name is another one.
func localName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(name, "]"), "["), ".")
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return strings.EqualFold(name, "localhost") || strings.HasSuffix(strings.ToLower(name), ".localhost")
}

// local lets only requests pass whose Host names this machine.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localName(r.Host) {
			problemf(w, http.StatusForbidden, "this address is for the machine itself, and %q is not its name: open http://localhost, "+
				"have a proxy send Host: localhost, or set api.listen to an address that is not loopback", r.Host)
			return
		}
		next.ServeHTTP(w, r)
	})
}
