package config

import (
	"net/url"
	"slices"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/internal/yamlfile"
)

// DefaultAPI is the default address of the page, the API and the feed.
const DefaultAPI = "127.0.0.1:9465"

// defaultRate is the number of requests per second that one client of the API may send.
const defaultRate = 200

// API is the option api: the address of the page, the API and the feed, and the access.
type API struct {
	Off       bool
	Listen    string   // host:port; if empty, DefaultAPI or any free port
	Token     string   // required of clients to change something and, if set, to read
	TokenFile string   // a file with the token, instead of Token
	Origins   []string // origins of other sites whose pages may read
	Rate      float64  // requests per second of one client
	TLS       api.TLS  `yaml:"-"`
}

// APIOf reads only the option api: the rest of the file need not be valid. If file is
// empty, only the environment sets options.
func APIOf(file string, environ []string) (API, error) {
	r := newReader(file, environ, nil)
	if file != "" {
		var err error
		if r, err = open(file, environ); err != nil {
			return API{}, err
		}
	}
	a := r.api(r.Root().Child("api"))
	return a, r.errIn("api")
}

// api reads the option api: true, false, or a mapping.
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

// apiToken reads the token, in which ${NAME} stands for a variable.
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

// checkOrigin checks an origin, which browsers send as scheme://host[:port].
func checkOrigin(n *yamlfile.Node) {
	u, err := url.Parse(n.Text())
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" || u.Scheme+"://"+u.Host != n.Text() {
		n.Add("is not an origin: write it like https://market.example, without a path")
	}
}
