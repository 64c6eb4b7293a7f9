package main

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// component is code of others that is part of the program.
type component struct {
	name, version string
	root          string          // its folder
	dirs          map[string]bool // the folders of what is used of it, in root
}

// assets is the folder of the repository with scripts of others that the program serves.
const assets = "api/page/assets"

// componentsOf returns the components of a repository's program on all platforms of a
// release, sorted by name.
func componentsOf(repository string) ([]*component, error) {
	found := map[string]*component{}
	for _, p := range platforms {
		if err := addLinked(found, repository, p); err != nil {
			return nil, err
		}
	}
	goroot, err := output(exec.Command("go", "env", "GOROOT"))
	if err != nil {
		return nil, err
	}
	for name, root := range map[string]string{"Go": goroot, "scripts of the page": filepath.Join(repository, assets)} {
		found[name] = &component{name: name, root: root, dirs: map[string]bool{root: true}}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *component) int { return strings.Compare(a.name, b.name) }), nil
}

// addLinked adds the modules that are linked on a platform. Modules that only tests use are
// not among them.
func addLinked(found map[string]*component, repository string, p platform) error {
	command := exec.Command("go", "list", "-mod=readonly", "-deps", "-f",
		"{{if not (or .Standard .Module.Main)}}{{.Module.Path}}\t{{.Module.Version}}\t{{.Module.Dir}}\t{{.Dir}}{{end}}", ".")
	command.Dir, command.Env = repository, p.environment()
	listed, err := output(command)
	if err != nil {
		return err
	}
	for line := range strings.Lines(listed) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			continue // a package of Go or of the program
		}
		if fields[2] == "" {
			return fmt.Errorf("the source of the module %s is not there: go mod download", fields[0])
		}
		c := found[fields[0]]
		if c == nil {
			c = &component{name: fields[0], version: fields[1], root: fields[2], dirs: map[string]bool{}}
			found[c.name] = c
		}
		for dir := fields[3]; len(dir) >= len(c.root); dir = filepath.Dir(dir) {
			c.dirs[dir] = true
		}
	}
	return nil
}
