package config

import (
	"net/url"
	"slices"

	"github.com/imart/event-worker/api"
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
	Listen    string   // host:port; a default of its own if empty
	Token     string   // what clients send to change something and, if set, to read
	TokenFile string   // a file with the token, instead of Token
	Origins   []string // of pages of other sites that may read
	Rate      float64  // requests a second of one client
	TLS       api.TLS  `yaml:"-"`
}

// APIOf reads nothing but the option api: serving existing data takes no working endpoints. With
// the name "" there is no file, and only the environment sets options.
func APIOf(file string, environ []string) (API, error) {
	r := newReader(file, environ, nil)
	if file != "" {
		var err error
		if r, err = open(file, environ); err != nil {
			return API{}, err
		}
	}
	a := r.api(r.Root().Child("api"))
	return a, r.ErrOf(func(keys []string) bool { return keys[0] == "api" })
}

// api is the option api: true, false, or how.
func (r *reader) api(n *yamlfile.Node) API {
	a := API{Rate: defaultRate}
	if n == nil || n.Text() == "true" {
		return a
	}
	if n.Text() == "false" {
		a.Off = true
		return a
	}
	n.Decode(&a)
	a.Token, a.TokenFile = r.apiToken(n), r.beside(a.TokenFile)
	for _, origin := range n.Child("origins").List() {
		checkOrigin(origin)
	}
	if n := n.Child("tls"); n != nil {
		a.TLS = api.TLS{
			Certificate: r.beside(n.Child("certificate").Text()), Key: r.beside(n.Child("key").Text()), ClientCA: r.beside(n.Child("clientCA").Text()),
		}
	}
	return a
}

// apiToken is the token, in which ${NAME} stands for a variable.
func (r *reader) apiToken(n *yamlfile.Node) string {
	token := n.Child("token")
	if token == nil {
		return ""
	}
	if n.Has("tokenFile") {
		token.Add("set either token or tokenFile, not both")
	}
	text := r.expand(token)
	if err := api.CheckToken(text); err != nil {
		token.Add("%v", err)
	}
	return text
}

// checkOrigin notes what is wrong with an origin: a browser sends it as scheme://host[:port].
func checkOrigin(n *yamlfile.Node) {
	u, err := url.Parse(n.Text())
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" || u.Scheme+"://"+u.Host != n.Text() {
		n.Add("is not an origin: write it like https://market.example, without a path")
	}
}
