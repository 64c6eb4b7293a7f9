package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
	"github.com/imart/event-worker/persistence/matching"
)

const (
	// leastSecret is the least length of a webhook's secret, in bytes.
	leastSecret = 16
	// defaultGiveUp is the default time after which a failing delivery is given up.
	defaultGiveUp = 24 * time.Hour
)

// hooks reads the webhooks.
func (r *reader) hooks(n *yamlfile.Node) (all []hooks.Hook) {
	for _, n := range n.Children() {
		h := hooks.Hook{Name: n.Name(), Secret: r.hookSecret(n), GiveUp: defaultGiveUp, Selection: matching.Selection{Filters: map[string]persistence.Filter{}}}
		if at := n.Child("url"); at != nil {
			h.URL = checkURL(at, r.expand(at), "http", "https")
		}
		h.Collections = among(n.Child("collections"), "collection", hooks.Collections)
		if len(h.Collections) == 0 {
			h.Collections = []string{persistence.Activities}
		}
		h.Types = among(n.Child("events"), "type", hooks.Types)
		var chains []string
		for _, c := range r.Root().Child("chains").Children() {
			chains = append(chains, c.Name())
		}
		h.Chains = among(n.Child("chains"), "chain", chains)
		h.Markets = n.Child("markets").Texts()
		for _, f := range n.Child("filter").Children() {
			if !slices.Contains(h.Collections, f.Name()) {
				f.Add("the webhook does not deliver %s: its collections are %s", f.Name(), strings.Join(h.Collections, ", "))
				continue
			}
			h.Filters[f.Name()] = hookFilter(f)
		}
		n.Child("giveUp").Decode(&h.GiveUp)
		all = append(all, h)
	}
	return all
}

// among returns the texts of a list, and reports those that are not known.
func among(n *yamlfile.Node, what string, known []string) (texts []string) {
	for _, item := range n.List() {
		if !slices.Contains(known, item.Text()) {
			item.Add("unknown %s %q%s: known are %s", what, item.Text(), spelling.DidYouMean(item.Text(), known), strings.Join(known, ", "))
			continue
		}
		texts = append(texts, item.Text())
	}
	return texts
}

// hookFilter reads a filter on documents of the collection that the node names.
func hookFilter(n *yamlfile.Node) persistence.Filter {
	filter, err := persistence.ParseFilter(n.Text(), unlessFinal{documents.Of(n.Name())})
	if err != nil {
		n.Add("%v", err)
	}
	return filter
}

// unlessFinal refuses the field final, which is not stored in documents.
type unlessFinal struct{ documents.Collection }

// Check implements persistence.Fields.
func (c unlessFinal) Check(path string) error {
	if path == finality.Field && finality.Of(c.Name) {
		return fmt.Errorf("%s cannot be filtered by: it is not stored in documents, and changes without them", finality.Field)
	}
	return c.Collection.Check(path)
}

// hookSecret reads the secret that signs a webhook's deliveries.
func (r *reader) hookSecret(n *yamlfile.Node) []byte {
	secret, option := r.textOrFile(n, "secret")
	switch {
	case option == nil && !n.Has("secret") && !n.Has("secretFile"):
		n.Add("secret is missing: it signs deliveries and has at least %d bytes, such as openssl rand -hex 32 prints; or set secretFile to a file with it", leastSecret)
		return nil
	case option == nil, secret == unknownURL: // the problem is reported already
		return nil
	case len(secret) < leastSecret:
		option.Add("the secret has fewer than %d bytes: openssl rand -hex 32 prints a good one", leastSecret)
	}
	return []byte(secret)
}

// Unencrypted reports whether requests to a URL cross a network without encryption.
func Unencrypted(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback())
}
