package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets"
)

func (s *section) cluster(chains []Chain) Cluster {
	for _, key := range []string{"listen", "advertise"} {
		s.removed(key, "nodes need no port between them any more: remove it")
	}
	c := Cluster{
		Roles: s.roles(chains),
		Poll:  s.duration("poll", 500*time.Millisecond),
		TTL:   s.duration("ttl", 3*time.Second),
	}
	if c.Poll > c.TTL/3 {
		v, _ := s.has("poll")
		s.add(v, s.option("poll"), "%s is too long for a ttl of %s, a third of it at most: others would take this node for dead between two heartbeats", c.Poll, c.TTL)
	}
	if c.Poll > maxPoll {
		v, _ := s.has("poll")
		s.add(v, s.option("poll"), "%s is too long, %s at most: others could not tell in time that this node lives", c.Poll, maxPoll)
	}
	s.done()
	return c
}

// maxPoll bounds how seldom a node makes a heartbeat.
const maxPoll = time.Second

// roles are kinds and names of chains.
func (s *section) roles(chains []Chain) []string {
	known := []string{string(markets.EVM), string(markets.Aptos)}
	for _, c := range chains {
		known = append(known, c.Name)
	}
	var roles []string
	for _, v := range s.list("roles") {
		if !slices.Contains(known, v.text) {
			s.add(v, s.option("roles"), "unknown role %q%s: give kinds (evm, aptos) or names of configured chains", v.text, spelling.DidYouMean(v.text, known))
		}
		roles = append(roles, v.text)
	}
	return roles
}

// Serves says whether a chain is among those that the process may follow.
func (c Cluster) Serves(chain Chain) bool {
	return len(c.Roles) == 0 || slices.Contains(c.Roles, string(chain.Kind)) || slices.Contains(c.Roles, chain.Name)
}

func (s *section) monitor() string {
	listen := s.address("listen", "")
	s.done()
	return listen
}

// address is a host, which may be empty, and a port.
func (s *section) address(key, otherwise string) string {
	v, ok := s.value(key)
	if !ok {
		return otherwise
	}
	_, port, err := net.SplitHostPort(v.text)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		s.add(v, s.option(key), "%q is no address: write host:port, such as 127.0.0.1:9464, or :9464 for every address of the machine", v.text)
		return otherwise
	}
	return v.text
}

// Network is what nodes must agree on to follow a chain under one name.
func (c Chain) Network() string { return fmt.Sprintf("%s %d", c.Kind, c.ID) }

// Digest tells whether two configurations of a chain make the same documents.
// Endpoints are not in it.
func (c Chain) Digest() string {
	h := sha256.New()
	fmt.Fprintln(h, c.Network(), c.Confirmations, c.MaxUnfinal, c.Coin, c.Recorded)
	for _, m := range slices.SortedFunc(slices.Values(c.Markets), func(a, b Market) int { return strings.Compare(a.Name, b.Name) }) {
		var streams []string
		for _, s := range m.Streams {
			streams = append(streams, fmt.Sprintf("%s from %s", s.Name, m.Starts[s.Name]))
		}
		slices.Sort(streams)
		fmt.Fprintln(h, m.Name, streams)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
