// Package catalogue has the built-in markets: the definitions that the program embeds, and
// the decoders that definitions can name.
//
//	m, err := catalogue.Market("seaport", definition.Site{ChainID: 1})
//
// is Seaport on Ethereum, with its streams list, buy, delist and bulk-cancel.
package catalogue

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/markets/seaport"
)

// ErrUnknown reports that no market has the requested name.
var ErrUnknown = errors.New("unknown market")

//go:embed *.yaml
var files embed.FS

// builtIn are the embedded definitions, by market. Each is parsed when it is first needed.
var builtIn = sync.OnceValue(func() map[string]func() *definition.Definition {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(err)
	}
	all := map[string]func() *definition.Definition{}
	for _, name := range names {
		all[strings.TrimSuffix(name, ".yaml")] = sync.OnceValue(func() *definition.Definition { return parse(name) })
	}
	return all
})

// parse parses an embedded definition.
func parse(name string) *definition.Definition {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	d, err := definition.Parse(definition.Source{File: name, Text: text, Decoders: Decoders()})
	if err != nil {
		panic(err) // no test can pass
	}
	return d
}

// Decoders are the decoders that definitions can name.
func Decoders() map[string]definition.Decoder {
	decoders := map[string]definition.Decoder{}
	maps.Copy(decoders, seaport.Decoders())
	return decoders
}

// All are the built-in markets, by name.
func All() []*definition.Definition {
	var all []*definition.Definition
	for _, name := range slices.Sorted(maps.Keys(builtIn())) {
		all = append(all, builtIn()[name]())
	}
	return all
}

// BuiltIn is the definition of a built-in market; ErrUnknown if there is none of the name.
func BuiltIn(name string) (*definition.Definition, error) {
	if parsed, ok := builtIn()[name]; ok {
		return parsed(), nil
	}
	return nil, unknown(name, slices.Sorted(maps.Keys(builtIn())))
}

// Read reads a definition from a file. ABI files that it names are read beside it.
func Read(file string) (*definition.Definition, error) {
	text, err := yamlfile.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("market definition: %w", err)
	}
	return definition.Parse(definition.Source{File: file, Text: text, Files: os.DirFS(filepath.Dir(file)), Decoders: Decoders()})
}

// Find finds a definition by its market's name; ErrUnknown if there is none.
func Find(all []*definition.Definition, name string) (*definition.Definition, error) {
	var known []string
	for _, d := range all {
		if d.Market == name {
			return d, nil
		}
		known = append(known, d.Market)
	}
	return nil, unknown(name, known)
}

func unknown(name string, known []string) error {
	return fmt.Errorf("%w %q: known are %s", ErrUnknown, name, strings.Join(known, ", "))
}

// Market is a built-in market on a chain; ErrUnknown if there is none of the name.
func Market(name string, site definition.Site) (markets.Market, error) {
	d, err := BuiltIn(name)
	if err != nil {
		return markets.Market{}, err
	}
	return d.On(site)
}
