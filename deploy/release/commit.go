package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// commit is the released commit.
type commit struct {
	repository string
	version    string
	hash       string
	time       time.Time // UTC
}

// commitOf returns the current commit of a repository. It refuses uncommitted changes.
func commitOf(repository, version string) (commit, error) {
	c := commit{repository: repository, version: version}
	switch {
	case version == "":
		return c, errors.New("the version is missing: make release VERSION=v1.2.3")
	case semver.Canonical(version) != version:
		return c, fmt.Errorf("%q is not a version: write it like v1.2.3 or v1.2.3-rc.1", version)
	}
	changes, err := c.git("status", "--porcelain")
	if err != nil {
		return c, err
	}
	if changes != "" {
		return c, fmt.Errorf("the repository has uncommitted changes: commit or stash them:\n%.2000s", changes)
	}
	if c.hash, err = c.git("rev-parse", "HEAD"); err != nil {
		return c, err
	}
	seconds, err := c.git("log", "-1", "--format=%cI")
	if err != nil {
		return c, err
	}
	at, err := time.Parse(time.RFC3339, seconds)
	c.time = at.UTC()
	return c, err
}

func (c commit) git(args ...string) (string, error) {
	return output(exec.Command("git", append([]string{"-C", c.repository}, args...)...))
}

// build builds the program for a platform, and checks that the binary records its commit.
func (c commit) build(p platform, binary string) error {
	command := exec.Command("go", "build", "-mod=readonly", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -X github.com/imart/event-worker/commands.stamped="+c.version, "-o", binary, ".")
	command.Dir = c.repository
	command.Env = p.environment()
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return err
	}
	if _, err := output(command); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	known := map[string]string{}
	for _, s := range info.Settings {
		known[s.Key] = s.Value
	}
	if known["vcs.revision"] != c.hash || known["vcs.modified"] != "false" {
		return fmt.Errorf("the binary records commit %q, modified %q: build in a separate clone, as Go does not read the commit in a linked worktree", known["vcs.revision"], known["vcs.modified"])
	}
	return nil
}

// environment is that of the go command for a platform.
func (p platform) environment() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0")
}

// output runs a command and returns its standard output, without surrounding space.
func output(command *exec.Cmd) (string, error) {
	out, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(command.Args[:2], " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
