package config

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/secretfile"
	"github.com/imart/event-worker/internal/yamlfile"
)

// LeftOut is an optional chain that is not followed because variables of its endpoints are
// not set.
type LeftOut struct {
	Chain     string
	Variables []string // those that are not set
}

// String returns a message of one line.
func (l LeftOut) String() string {
	return "chain " + l.Chain + " is left out: set " + strings.Join(l.Variables, " and ") + " to follow it"
}

// followed returns the chains to follow and those that are left out.
func (r *reader) followed() (chains []Chain, out []LeftOut) {
	all := r.Root().Child("chains").Children()
	for _, n := range all {
		if unset := r.unset(n); n.Child("optional").Text() == "true" && len(unset) > 0 {
			out = append(out, LeftOut{n.Name(), unset})
		} else {
			chains = append(chains, r.chain(n))
		}
	}
	if len(all) > 0 && len(out) == len(all) {
		var variables []string
		for _, l := range out {
			variables = append(variables, l.Variables...)
		}
		r.Root().Child("chains").Add("no chain has an endpoint: set at least one of the environment variables %s", strings.Join(slices.Compact(slices.Sorted(slices.Values(variables))), ", "))
	}
	return chains, out
}

// unset returns the variables of a chain's endpoints that are not set.
func (r *reader) unset(chain *yamlfile.Node) (names []string) {
	for _, key := range []string{"endpoint", "endpoints"} {
		for _, item := range chain.Child(key).List() {
			for _, text := range []string{item.Text(), item.Child("url").Text()} {
				for _, found := range variable.FindAllStringSubmatch(text, -1) {
					if name := found[1]; r.env[name] == "" && r.env[name+secretfile.Suffix] == "" && !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}
