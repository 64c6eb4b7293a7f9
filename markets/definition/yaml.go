package definition

import (
	_ "embed"
	"errors"
	"regexp"
	"sync"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// Problem is one thing that is wrong with a definition, and Problems are all: the error
// of one that cannot be followed.
type (
	Problem  = yamlfile.Problem
	Problems = yamlfile.Problems
)

// SchemaJSON is the JSON Schema of definitions.
//
//go:embed schema.json
var SchemaJSON []byte

var schema = sync.OnceValue(func() *yamlfile.Schema {
	s, err := yamlfile.NewSchema(SchemaJSON, yamlfile.Options{
		Check:   "markets check",
		Formats: map[string]func(string) bool{"name": namePattern.MatchString},
	})
	if err != nil {
		panic(err) // what the program carries is wrong: no test can pass
	}
	return s
})

// namePattern keeps names fit for keys.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// fail reports an error of a node's text, at its place in the text if it is known.
func fail(n *yamlfile.Node, err error) {
	if located, ok := errors.AsType[expression.CompileError](err); ok {
		n.AddAt(located.Column, err)
		return
	}
	n.Add("%v", err)
}
