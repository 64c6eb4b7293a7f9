package config

import (
	"github.com/imart/event-worker/internal/yamlfile"
)

// DefaultAPI is where the page, the API and the feed are served unless something else is
// configured.
const DefaultAPI = "127.0.0.1:9465"

// defaultRate is the number of requests a second that one client of the API may send.
const defaultRate = 200

// API says where the page, the API and the feed are served, and to whom.
type API struct {
	Off       bool
	Listen    string // host:port; a default of its own if empty
	Token     string // what clients send to change something and, if set, to read
	TokenFile string // a file with the token, instead of Token
	Origins   []string
	Rate      float64 // requests a second of one client
	TLS       TLS
}

// TLS names the files of a server's certificate, which are read again when they change.
type TLS struct {
	Certificate, Key string
	ClientCA         string `yaml:"clientCA"` // of the clients' certificates; none are asked for if empty
}

// api is the option api: true, false, or how.
func api(n *yamlfile.Node) API {
	a := API{Rate: defaultRate}
	if n == nil || n.Text() == "true" {
		return a
	}
	if n.Text() == "false" {
		a.Off = true
		return a
	}
	n.Decode(&a)
	return a
}
