package config

import (
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/secretfile"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
)

// Host returns the schemes and hosts of the endpoints. The rest of a URL is secret:
// providers put keys into it.
func (c Chain) Host() string {
	hosts := make([]string, len(c.Endpoints))
	for i, e := range c.Endpoints {
		hosts[i] = hostOf(e.URL)
	}
	return strings.Join(hosts, ", ")
}

func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "its endpoint"
	}
	return u.Scheme + "://" + u.Host
}

// endpointOptions are the options that set a chain's endpoints. Exactly one of them must be
// set.
var endpointOptions = []string{"endpoint", "endpoints", "endpointFile"}

// endpoints reads a chain's endpoints: one, a list, or those in a file. The headers are
// sent to each of them.
func (r *reader) endpoints(chain *yamlfile.Node, kind markets.ChainKind, header http.Header) []chains.Endpoint {
	set := oneOf(chain, endpointOptions)
	switch {
	case len(set) > 1 && set[len(set)-1].Name() == "endpointFile":
		set[len(set)-1].Add("%s is also set: keep one of them", set[0].Name())
	case len(set) > 1:
		set[1].Add("endpoint is also set: list all of them in endpoints")
	case len(set) == 0:
		if !slices.ContainsFunc(endpointOptions, chain.Has) {
			chain.Add("endpoint is missing: set it to the URL of a node, such as https://host/path, endpoints to several, or endpointFile to a file with them")
		}
	case set[0].Name() == "endpoint":
		return []chains.Endpoint{{URL: nodeURL(set[0], r.expand(set[0]), kind), Header: header}}
	case set[0].Name() == "endpoints":
		return r.endpointList(set[0], kind, header)
	default:
		return r.endpointsInFile(set[0], kind, header)
	}
	return nil
}

// oneOf returns those of a node's alternative options that are set. If the environment sets
// any, the options in the file are ignored.
func oneOf(n *yamlfile.Node, options []string) (set []*yamlfile.Node) {
	for _, name := range options {
		if option := n.Child(name); option != nil {
			set = append(set, option)
		}
	}
	fromFile := func(n *yamlfile.Node) bool { return n.Env() == "" }
	if slices.ContainsFunc(set, func(n *yamlfile.Node) bool { return !fromFile(n) }) {
		set = slices.DeleteFunc(set, fromFile)
	}
	return set
}

// endpointList reads the list endpoints. In a text, commas or line breaks separate the
// URLs.
func (r *reader) endpointList(n *yamlfile.Node, kind markets.ChainKind, header http.Header) (out []chains.Endpoint) {
	expand := r.expand
	if n.IsText() {
		n, expand = n.Split(commas(r.expand(n))), (*yamlfile.Node).Text
	}
	if n.IsEmpty() {
		n.Add("the list is empty: give at least one URL")
	}
	items := n.List()
	for _, item := range items {
		e := chains.Endpoint{Header: header}
		if item.IsText() {
			e.URL = nodeURL(item, expand(item), kind)
		} else {
			e = r.endpoint(item, kind, header)
		}
		same := slices.IndexFunc(out, func(other chains.Endpoint) bool { return other.URL == e.URL })
		if same >= 0 && e.URL != unknownURL {
			item.Add("is the same as number %d, in line %d", same+1, items[same].Line())
		}
		out = append(out, e)
	}
	return out
}

// endpoint reads an entry of the list that has options.
func (r *reader) endpoint(n *yamlfile.Node, kind markets.ChainKind, common http.Header) chains.Endpoint {
	e := chains.Endpoint{URL: unknownURL, Header: maps.Clone(common)}
	maps.Copy(e.Header, r.headers(n.Child("headers")))
	n.Child("priority").Decode(&e.Priority)
	n.Child("rate").Decode(&e.Rate)
	text, option := r.textOrFile(n, "url")
	switch {
	case option != nil:
		e.URL = nodeURL(option, text, kind)
	case !n.Has("url") && !n.Has("urlFile"):
		n.Add("url is missing: set it to the URL of a node, such as https://host/path, or urlFile to a file with it")
	}
	return e
}

// nodeURL checks the URL of a node, which is secret.
func nodeURL(n *yamlfile.Node, text string, kind markets.ChainKind) string {
	return checkURL(n, text, schemesOf(kind)...)
}

// schemesOf returns the valid schemes of nodes' URLs.
func schemesOf(kind markets.ChainKind) []string {
	if kind == markets.Aptos {
		return []string{"http", "https"}
	}
	return []string{"http", "https", "ws", "wss"}
}

func checkURL(n *yamlfile.Node, text string, schemes ...string) string {
	if isURL(text, schemes) {
		return text
	}
	n.Add("is not a URL that begins with %s and a host", yamlfile.Either(prefixes(schemes)))
	return unknownURL
}

func isURL(text string, schemes []string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && slices.Contains(schemes, u.Scheme)
}

// prefixes returns the prefixes of URLs with the schemes.
func prefixes(schemes []string) []string {
	out := make([]string, len(schemes))
	for i, scheme := range schemes {
		out[i] = scheme + "://"
	}
	return out
}

// headers reads HTTP headers, whose values may contain variables.
func (r *reader) headers(n *yamlfile.Node) http.Header {
	header := http.Header{}
	for _, c := range n.Children() {
		value := r.expand(c)
		if !headerName.MatchString(c.Name()) || strings.ContainsFunc(value, unicode.IsControl) {
			c.Add("is not an HTTP header")
			continue
		}
		header.Set(textproto.CanonicalMIMEHeaderKey(c.Name()), value)
	}
	return header
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// unknownURL stands for a URL of which a problem is reported.
const unknownURL = "http://unknown"

// expand replaces each ${NAME} in a text by the value of the variable. It reports a
// variable that is not set, and returns unknownURL.
func (r *reader) expand(n *yamlfile.Node) string {
	ok := true
	text := variable.ReplaceAllStringFunc(n.Text(), func(reference string) string {
		name := variable.FindStringSubmatch(reference)[1]
		value, err := secretfile.Variable(name, r.getenv)
		switch {
		case err != nil:
			n.Add("%v", err)
			ok = false
		case value == "":
			n.Add("the environment variable %s is not set", name)
			ok = false
		}
		return value
	})
	if !ok {
		return unknownURL
	}
	return text
}
