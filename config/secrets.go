package config

import (
	"net/http"
	"path/filepath"
	"strings"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/secretfile"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
)

// secret is the text of the file that an option names, beside the configuration.
func (r *reader) secret(n *yamlfile.Node) (text string, ok bool) {
	if strings.Contains(n.Text(), "://") { // with a key that an error would show
		n.Add("is a URL: write the name of a file that contains it")
		return "", false
	}
	text, err := secretfile.Read(r.beside(n.Text()))
	if err != nil {
		n.Add("%v", err)
	}
	return text, err == nil
}

// beside is the path of a file that the configuration names.
func (r *reader) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.path), path)
}

// endpointsInFile are the URLs in a file, one a line or with commas between them.
func (r *reader) endpointsInFile(n *yamlfile.Node, kind markets.ChainKind, header http.Header) (out []chains.Endpoint) {
	text, ok := r.secret(n)
	if !ok {
		return nil
	}
	urls := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("\r\n,", c) })
	return r.endpointList(n.Split(strings.Join(urls, ",")), kind, header)
}

// stream is the URL of a transaction stream, from the configuration or from a file.
func (r *reader) stream(chain *yamlfile.Node) string {
	switch set := oneOf(chain, []string{"stream", "streamFile"}); {
	case len(set) > 1:
		set[1].Add("stream is set, too: keep one of them")
	case len(set) == 1 && set[0].Name() == "stream":
		return checkURL(set[0], r.expand(set[0]), "http", "https")
	case len(set) == 1:
		if text, ok := r.secret(set[0]); ok {
			return checkURL(set[0], text, "http", "https")
		}
	}
	return ""
}

// getenv is the value of a variable of the environment; empty if it is not set.
func (r *reader) getenv(name string) string { return r.env[name] }
