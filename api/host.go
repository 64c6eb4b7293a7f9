package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// loopback reports whether only its own machine can reach a listener.
func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// localName reports whether a Host header names this machine. It rejects other names that
// resolve to a loopback address: with such a name a site's page in a local browser could read
// what only this machine may (DNS rebinding).
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

// local refuses requests whose Host does not name this machine.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localName(r.Host) {
			problemf(w, http.StatusForbidden, "this listener is for its own machine only, and %q is not its name: open http://localhost, "+
				"have a proxy send Host: localhost, or set api.listen to an address that is not loopback", r.Host)
			return
		}
		next.ServeHTTP(w, r)
	})
}
