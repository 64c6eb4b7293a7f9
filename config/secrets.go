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

// secret reads the file that an option names, relative to the configuration's folder.
func (r *reader) secret(n *yamlfile.Node) (text string, ok bool) {
	if strings.Contains(n.Text(), "://") { // an error of reading it would show its key
		n.Add("is a URL: write the name of a file that contains it")
		return "", false
	}
	text, err := secretfile.Read(r.beside(n.Text()))
	if err != nil {
		n.Add("%v", err)
	}
	return text, err == nil
}

// textOrFile reads an option or, instead, the file that the option with the suffix File
// names. It returns the option that is set; nil if none is, or after it has reported a
// problem.
func (r *reader) textOrFile(n *yamlfile.Node, name string) (text string, option *yamlfile.Node) {
	set := oneOf(n, []string{name, name + "File"})
	switch {
	case len(set) == 0:
		return "", nil
	case len(set) > 1:
		set[1].Add("%s is also set: keep one of them", name)
		return "", nil
	case set[0].Name() == name:
		return r.expand(set[0]), set[0]
	}
	text, ok := r.secret(set[0])
	if !ok {
		return "", nil
	}
	return text, set[0]
}

// beside resolves the path of a file relative to the configuration's folder.
func (r *reader) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.path), path)
}

// endpointsInFile reads the URLs in a file, separated by line breaks or commas.
func (r *reader) endpointsInFile(n *yamlfile.Node, kind markets.ChainKind, header http.Header) []chains.Endpoint {
	text, ok := r.secret(n)
	if !ok {
		return nil
	}
	return r.endpointList(n.Split(commas(text)), kind, header)
}

// commas replaces the line breaks in a list by commas, and drops empty lines.
func commas(list string) string {
	lines := strings.FieldsFunc(list, func(c rune) bool { return c == '\r' || c == '\n' })
	return strings.Join(lines, ",")
}

// stream reads the URL of a transaction stream, from the configuration or from a file.
func (r *reader) stream(chain *yamlfile.Node) string {
	text, option := r.textOrFile(chain, "stream")
	if option == nil {
		return ""
	}
	return checkURL(option, text, "https", "grpc")
}

// getenv returns the value of an environment variable; empty if it is not set.
func (r *reader) getenv(name string) string { return r.env[name] }
