package config

import "github.com/imart/event-worker/internal/yamlfile"

// Metadata says whether and how the metadata of records are fetched.
type Metadata struct {
	Fetch   bool
	Gateway string // for ipfs://, a secret but its host; none if empty
}

// metadata reads the option metadata: true, false, or a mapping.
func (r *reader) metadata(n *yamlfile.Node) (m Metadata) {
	if n == nil || n.Text() == "false" {
		return m
	}
	m.Fetch = true
	if gateway := n.Child("gateway"); gateway != nil {
		m.Gateway = checkURL(gateway, r.expand(gateway), "http", "https")
	}
	return m
}
