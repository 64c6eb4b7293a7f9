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

// builtIn parses the embedded definitions.
var builtIn = sync.OnceValue(func() []*definition.Definition {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(err)
	}
	var all []*definition.Definition
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		d, err := definition.Parse(definition.Source{File: name, Text: text, Decoders: Decoders()})
		if err != nil {
			panic(err) // an embedded definition is wrong: no test can pass
		}
		all = append(all, d)
	}
	return all
})

// Decoders are the decoders that definitions can name.
func Decoders() map[string]definition.Decoder {
	decoders := map[string]definition.Decoder{}
	maps.Copy(decoders, seaport.Decoders())
	return decoders
}

// All are the built-in markets, by name.
func All() []*definition.Definition { return slices.Clone(builtIn()) }

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
	return nil, fmt.Errorf("%w %q: known are %s", ErrUnknown, name, strings.Join(known, ", "))
}

// Market is a built-in market on a chain; ErrUnknown if there is none of the name.
func Market(name string, site definition.Site) (markets.Market, error) {
	d, err := Find(All(), name)
	if err != nil {
		return markets.Market{}, err
	}
	return d.On(site)
}
