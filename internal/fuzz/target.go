package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is a fuzz target.
type target struct {
	pkg  string // the import path of its package
	dir  string
	name string
}

// String is the target's name in reports: the package within the module, and the function.
func (t target) String() string {
	return t.pkg[strings.Index(t.pkg, "event-worker")+len("event-worker/"):] + "." + t.name
}

var declaration = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// find returns the targets of the module whose names match, in order.
func find(ctx context.Context, match *regexp.Regexp) (targets []target, err error) {
	list := exec.CommandContext(ctx, "go", "list", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles", "./...")
	list.Stderr = os.Stderr
	listed, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(listed))); ; {
		var pkg struct {
			Dir, ImportPath           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		for _, file := range append(pkg.TestGoFiles, pkg.XTestGoFiles...) {
			text, err := os.ReadFile(filepath.Join(pkg.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, m := range declaration.FindAllSubmatch(text, -1) {
				if t := (target{pkg.ImportPath, pkg.Dir, string(m[1])}); match.MatchString(t.String()) {
					targets = append(targets, t)
				}
			}
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("no target matches %s", match)
	}
	return targets, nil
}

// byPackage splits targets into those of each package.
func byPackage(targets []target) (all [][]target) {
	for len(targets) > 0 {
		end := slices.IndexFunc(targets, func(t target) bool { return t.pkg != targets[0].pkg })
		if end < 0 {
			end = len(targets)
		}
		all, targets = append(all, targets[:end]), targets[end:]
	}
	return all
}
