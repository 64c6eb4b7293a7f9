package config

import (
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
)

const (
	// leastSecret is how many bytes a webhook's secret has at least.
	leastSecret = 16
	// mostSecret bounds a file with a secret.
	mostSecret = 4 << 10
	// defaultGiveUp is how long a delivery of a webhook is tried.
	defaultGiveUp = 24 * time.Hour
)

// hooks are the webhooks.
func (r *reader) hooks(n *yamlfile.Node) (all []hooks.Hook) {
	for _, n := range n.Children() {
		h := hooks.Hook{Name: n.Name(), Secret: r.hookSecret(n), GiveUp: defaultGiveUp, Filters: map[string]persistence.Filter{}}
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
				f.Add("the hook does not deliver %s: its collections are %s", f.Name(), strings.Join(h.Collections, ", "))
				continue
			}
			h.Filters[f.Name()] = hookFilter(f)
		}
		n.Child("giveUp").Decode(&h.GiveUp)
		all = append(all, h)
	}
	return all
}

// among are the texts of a list, each of which has to be known.
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

// hookFilter is a filter on the documents of the collection that the node names.
func hookFilter(n *yamlfile.Node) persistence.Filter {
	filter, err := documents.ParseFilter(n.Name(), n.Text())
	if err != nil {
		n.Add("%v", err)
		return filter
	}
	for _, path := range filter.Paths() {
		switch of := documents.Of(n.Name()); {
		case path == finality.Field && finality.Of(n.Name()):
			n.Add("%s is not in documents: it becomes true without a change of them", finality.Field)
		case !of.MayHave(path):
			n.Add("%s has no field %s", n.Name(), path)
		}
	}
	return filter
}

// hookSecret is what a hook's deliveries are signed with.
func (r *reader) hookSecret(n *yamlfile.Node) []byte {
	text, at := n.Child("secret"), n.Child("secretFile")
	secret, from := "", text
	switch {
	case text != nil && at != nil:
		at.Add("secret is set, too: choose one of them")
		return nil
	case text != nil:
		if secret = r.expand(text); secret == unknownURL { // which is reported
			return nil
		}
	case at != nil:
		content, err := r.readSecret(at.Text())
		if err != nil {
			at.Add("%v", err)
			return nil
		}
		secret, from = content, at
	case n.Has("secret") || n.Has("secretFile"): // with a problem
		return nil
	default:
		n.Add("secret is missing: what deliveries are signed with, of %d bytes or more, such as openssl rand -hex 32 prints; or secretFile, a file with it", leastSecret)
		return nil
	}
	if len(secret) < leastSecret {
		from.Add("the secret has fewer than %d bytes: openssl rand -hex 32 prints a good one", leastSecret)
	}
	return []byte(secret)
}

// readSecret reads a file beside the configuration, without the white space around its text.
func (r *reader) readSecret(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.path), path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, mostSecret+1))
	if err == nil && len(content) > mostSecret {
		err = fmt.Errorf("%s: more than %d bytes are no secret", path, mostSecret)
	}
	return strings.TrimSpace(string(content)), err
}

// Unencrypted reports whether a URL sends what it is given over a network as it is.
func Unencrypted(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback())
}
