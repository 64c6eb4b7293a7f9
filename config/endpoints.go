package config

import (
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Host is as much of the endpoints as may be shown: providers put keys into the rest.
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

// endpoints are the chain's: the list endpoints, or the one endpoint. The headers are
// sent to each of them.
func (s *section) endpoints(kind markets.ChainKind, header http.Header) []chains.Endpoint {
	one, isOne := s.has("endpoint")
	list, areSeveral := s.has("endpoints")
	if isOne && areSeveral && (one.env == "") != (list.env == "") { // the environment wins
		isOne, areSeveral = one.env != "", list.env != ""
	}
	switch {
	case isOne && areSeveral:
		s.add(list, s.option("endpoints"), "endpoint is set, too: write all of them into endpoints")
	case isOne:
		v, _ := s.secret("endpoint")
		return []chains.Endpoint{{URL: s.nodeURL(v, s.option("endpoint"), kind), Header: header}}
	case areSeveral:
		return s.endpointList(list, kind, header)
	default:
		s.missing("endpoint", "the URL of a node, such as https://host/path; endpoints takes several")
	}
	return nil
}

// endpointList is the list endpoints. A text has commas between its URLs.
func (s *section) endpointList(list value, kind markets.ChainKind, header http.Header) []chains.Endpoint {
	var out []chains.Endpoint
	var at []value
	for i, entry := range s.endpointEntries(list) {
		option := fmt.Sprintf("%s.%d", s.option("endpoints"), i+1)
		e := chains.Endpoint{Header: header}
		if entry.node == nil {
			entry.value, _ = s.expand(entry.value, option)
			e.URL = s.nodeURL(entry.value, option, kind)
		} else {
			e = s.open(option, entry.line, entry.node).endpoint(kind, header)
		}
		if same := slices.IndexFunc(out, func(other chains.Endpoint) bool { return other.URL == e.URL }); same >= 0 && e.URL != unknownURL {
			s.add(entry.value, option, "is the same as number %d, in line %d", same+1, at[same].line)
		}
		out, at = append(out, e), append(at, entry.value)
	}
	if len(out) == 0 {
		s.add(list, s.option("endpoints"), "the list is empty: give at least one URL")
	}
	return out
}

// endpointEntry is an entry of the list endpoints: a URL, or a node with options.
type endpointEntry struct {
	value
	node ast.Node
}

func (s *section) endpointEntries(list value) []endpointEntry {
	e, _ := s.entry("endpoints")
	if text, single := scalar(e.node); list.env != "" || single {
		if list.env == "" {
			list.text = text
		}
		list, _ = s.expand(list, s.option("endpoints"))
		var out []endpointEntry
		for word := range strings.SplitSeq(list.text, ",") {
			out = append(out, endpointEntry{value: value{text: strings.TrimSpace(word), line: list.line, env: list.env}})
		}
		return out
	}
	sequence, ok := e.node.(*ast.SequenceNode)
	if !ok {
		s.add(list, s.option("endpoints"), "expected a list of URLs, or of mappings with url, headers, priority and rate")
		return []endpointEntry{{value: value{text: unknownURL, line: list.line}}}
	}
	var out []endpointEntry
	for _, node := range sequence.Values {
		entry := endpointEntry{value: value{line: node.GetToken().Position.Line}, node: node}
		if text, single := scalar(node); single {
			entry.text, entry.node = text, nil
		}
		out = append(out, entry)
	}
	return out
}

// endpoint is an entry of the list with options.
func (s *section) endpoint(kind markets.ChainKind, common http.Header) chains.Endpoint {
	e := chains.Endpoint{URL: unknownURL, Header: maps.Clone(common)}
	maps.Copy(e.Header, s.child("headers").headers())
	if v, ok := s.secret("url"); ok {
		e.URL = s.nodeURL(v, s.option("url"), kind)
	} else {
		s.missing("url", "the URL of a node, such as https://host/path")
	}
	e.Priority = int(s.number("priority", 0, 0, 1000))
	e.Rate = s.rate("rate")
	s.done()
	return e
}

// rate is how many requests a second are sent at most; 0 if it is not set.
func (s *section) rate(key string) float64 {
	const most = 100_000
	v, ok := s.value(key)
	if !ok {
		return 0
	}
	rate, err := strconv.ParseFloat(v.text, 64)
	if err != nil || !(rate > 0 && rate <= most) {
		s.add(v, s.option(key), "%q is not a valid number of requests a second, above 0 and %d at most", v.text, most)
		return 0
	}
	return rate
}

// stream is the URL of a gRPC transaction stream; empty if there is none.
func (s *section) stream(kind markets.ChainKind) string {
	v, ok := s.secret("stream")
	if !ok {
		return ""
	}
	if s.refuse("stream", kind, markets.EVM); kind == markets.EVM {
		return ""
	}
	return s.checkURL(v, s.option("stream"), "http", "https")
}

// nodeURL is the URL of a node, which is never shown.
func (s *section) nodeURL(v value, option string, kind markets.ChainKind) string {
	if kind == markets.Aptos {
		return s.checkURL(v, option, "http", "https")
	}
	return s.checkURL(v, option, "http", "https", "ws", "wss")
}

func (s *section) checkURL(v value, option string, schemes ...string) string {
	u, err := url.Parse(v.text)
	if err == nil && u.Hostname() != "" && slices.Contains(schemes, u.Scheme) {
		return v.text
	}
	begins := make([]string, len(schemes))
	for i, scheme := range schemes {
		begins[i] = scheme + "://"
	}
	s.add(v, option, "is not a URL that begins with %s and a host", either(begins))
	return unknownURL
}

// headers are HTTP headers, whose values may have variables in them.
func (s *section) headers() http.Header {
	header := http.Header{}
	for _, e := range s.entries {
		v, ok := s.secret(e.key)
		switch {
		case !ok:
		case !headerName.MatchString(e.key), strings.ContainsFunc(v.text, unicode.IsControl):
			s.add(v, s.option(e.key), "is no HTTP header")
		default:
			header.Set(textproto.CanonicalMIMEHeaderKey(e.key), v.text)
		}
	}
	s.done()
	return header
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// unknownURL stands for a URL of which a problem is reported.
const unknownURL = "http://unknown"

// secret is a value in which ${NAME} stands for a variable of the environment.
func (s *section) secret(key string) (value, bool) {
	v, ok := s.value(key)
	if !ok {
		return v, false
	}
	v, _ = s.expand(v, s.option(key))
	return v, true
}

// expand puts the values of variables into a text; false if one is not set, which is
// reported.
func (s *section) expand(v value, option string) (value, bool) {
	ok := true
	v.text = variable.ReplaceAllStringFunc(v.text, func(reference string) string {
		name := variable.FindStringSubmatch(reference)[1]
		if s.env[name] == "" {
			s.add(v, option, "the environment variable %s is not set", name)
			ok = false
		}
		return s.env[name]
	})
	if !ok {
		v.text = unknownURL
	}
	return v, ok
}
