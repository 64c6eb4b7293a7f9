package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
)

func cluster(n, chains *yamlfile.Node) Cluster {
	c := Cluster{Poll: 500 * time.Millisecond, TTL: 3 * time.Second}
	n.Decode(&c)
	checkRoles(n.Child("roles"), chains)
	if c.Poll > c.TTL/3 {
		n.Child("poll").Add("%s is too long for a ttl of %s, at most a third of it: otherwise other nodes may declare this node dead between two heartbeats", c.Poll, c.TTL)
	}
	if c.Poll > maxPoll {
		n.Child("poll").Add("%s is too long, at most %s: otherwise other nodes may declare this node dead", c.Poll, maxPoll)
	}
	return c
}

// maxPoll bounds the interval of a node's heartbeats.
const maxPoll = time.Second

// readOutdated drops the options that are gone, and has those with a new name read under
// it, with a warning each. They are not problems: one configuration can serve nodes of both
// versions during an upgrade.
func (r *reader) readOutdated() {
	const text = "nodes no longer need a port between them: remove it"
	for _, key := range []string{"listen", "advertise"} {
		r.Root().Child("cluster").Drop(key, text)
		option := "cluster." + key
		if name := envName(option); r.env[name] != "" {
			r.Warnings = append(r.Warnings, Problem{File: r.path, Env: name, Text: option + ": " + text})
		}
	}
	for _, chain := range r.Root().Child("chains").Children() {
		chain.Rename("finalityBreaks", "finalityViolations")
		chain.Rename("confirmBreaks", "confirmViolations")
	}
}

// checkRoles refuses roles that are neither a kind nor the name of a chain.
func checkRoles(roles, chains *yamlfile.Node) {
	known := []string{string(markets.EVM), string(markets.Aptos)}
	for _, c := range chains.Children() {
		known = append(known, c.Name())
	}
	for _, n := range roles.List() {
		if !slices.Contains(known, n.Text()) {
			n.Add("unknown role %q%s: give kinds (evm, aptos) or names of configured chains", n.Text(), spelling.DidYouMean(n.Text(), known))
		}
	}
}

// Serves reports whether the process may follow a chain.
func (c Cluster) Serves(chain Chain) bool {
	return len(c.Roles) == 0 || slices.Contains(c.Roles, string(chain.Kind)) || slices.Contains(c.Roles, chain.Name)
}

// Network identifies the network of a chain: nodes must agree on it to follow the chain.
func (c Chain) Network() string { return fmt.Sprintf("%s %d", c.Kind, c.ID) }

// Digest tells whether two configurations of a chain make the same documents.
// Endpoints are not in it.
func (c Chain) Digest() string {
	h := sha256.New()
	fmt.Fprintln(h, c.Network(), c.Confirmations, c.MaxUnfinal, c.Coin, c.Recorded)
	for _, m := range slices.SortedFunc(slices.Values(c.Markets), func(a, b Market) int { return strings.Compare(a.Name, b.Name) }) {
		var streams []string
		for _, s := range m.Streams {
			streams = append(streams, fmt.Sprintf("%s from %s, %s %s", s.Name, m.Starts[s.Name], s.Meaning.Source, s.Meaning.Decoding))
		}
		slices.Sort(streams)
		fmt.Fprintln(h, m.Name, streams)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
