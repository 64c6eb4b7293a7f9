package faults

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Profile is a list of faults, the first outermost.
type Profile struct {
	Name        string
	Description string
	Faults      []Fault
}

//go:embed profiles.yaml
var builtin []byte

// Profiles returns the built-in profiles.
func Profiles() []*Profile {
	var out []*Profile
	r := &reader{file: "profiles.yaml", builtin: func(name string) (*Profile, bool) { return named(out, name) }}
	root, err := r.root(builtin)
	if err == nil {
		for _, node := range root.(*ast.SequenceNode).Values {
			out = append(out, r.profile(node))
		}
		err = r.err()
	}
	if err != nil {
		panic(fmt.Sprintf("faults: %v", err)) // a test parses them
	}
	return out
}

// Builtin returns a built-in profile by its name.
func Builtin(name string) (*Profile, bool) { return named(Profiles(), name) }

func named(profiles []*Profile, name string) (*Profile, bool) {
	i := slices.IndexFunc(profiles, func(p *Profile) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return profiles[i], true
}

// ProfileNames returns the names of the built-in profiles.
func ProfileNames() []string {
	var names []string
	for _, p := range Profiles() {
		names = append(names, p.Name)
	}
	return names
}
