package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"

	"github.com/imart/event-worker/commands/internal/cli"
)

func newVersion() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the program's version",
		Long: `Print the version of the program, the commit it was built from and that commit's date,
the Go version that built it, and its platform. "with changes" says that files differed
from the commit. A program built by "go install" from a tagged version knows neither the
commit nor its date.`,
		Example: "  event-worker version\n  event-worker version --json",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.UnlessClosed(printBuild(c.OutOrStdout(), thisBuild(), asJSON))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return c
}

// buildInfo describes the build of the program. Unknown fields are empty.
type buildInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit, RFC 3339, UTC
	Modified bool   `json:"modified"`       // whether files differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// The linker sets these if the build has no repository, as in an image.
var stamped, stampedCommit, stampedDate string

// version is the version and the commit, in one line.
func version() string { return thisBuild().short() }

func thisBuild() buildInfo {
	b := buildInfo{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.read(info)
	}
	b.stamp(stamped, stampedCommit, stampedDate)
	return b
}

// read reads Go's build information: the module's version, which for a commit without a tag
// contains the commit's date and hash, and the state of the repository.
func (b *buildInfo) read(info *debug.BuildInfo) {
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	if plain, _, _ := strings.Cut(b.Version, "+"); module.IsPseudoVersion(plain) {
		b.Commit, _ = module.PseudoVersionRev(plain)
		if at, err := module.PseudoVersionTime(plain); err == nil {
			b.Date = at.UTC().Format(time.RFC3339)
		}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
}

// stamp overrides the fields that the linker has set.
func (b *buildInfo) stamp(version, commit, date string) {
	for _, set := range []struct {
		field *string
		value string
	}{{&b.Version, version}, {&b.Commit, commit}, {&b.Date, date}} {
		if set.value != "" {
			*set.field = set.value
		}
	}
}

func (b buildInfo) short() string {
	text := b.Version
	if b.Commit != "" {
		text += ", commit " + b.Commit
	}
	if b.Modified {
		text += " with changes"
	}
	return text
}

func printBuild(out io.Writer, b buildInfo, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(b)
	}
	text := b.short()
	if b.Date != "" {
		text += ", " + b.Date
	}
	_, err := fmt.Fprintf(out, "event-worker %s, %s, %s\n", text, b.Go, b.Platform)
	return err
}
