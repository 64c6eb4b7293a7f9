// Package released builds earlier versions of the program from the repository's history.
// testdata has data that they have written.
package released

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/required"
)

// Version is the last version of the program with its schemas.
type Version struct {
	Folder  int // the schema of data folders
	MongoDB int // the schema of databases in MongoDB
	Commit  string
}

// Versions are the earlier versions, oldest first: one for each schema of databases in
// MongoDB. Several may have the same schema of data folders.
var Versions = []Version{
	{1, 1, "359d658fdfec"},
	{1, 2, "70d6a674be50"},
	{2, 3, "e3b72075b883"},
	{2, 4, "3aa23afda79c"},
	{2, 5, "c8883a913bf8"},
	{2, 6, "5d16bd320ba6"},
	{3, 7, "36c8c033dc9a"},
	{4, 8, "a126c5db4faf"},
}

// Last is the version before the present one.
func Last() Version { return Versions[len(Versions)-1] }

// Build builds the program of a version. The test is skipped where the history is missing,
// as in a shallow clone.
func Build(t testing.TB, v Version) (program string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "git", "rev-parse", "--show-toplevel").Output()
	repository := strings.TrimSpace(string(root))
	if err == nil {
		err = exec.CommandContext(t.Context(), "git", "-C", repository, "cat-file", "-e", v.Commit+"^{commit}").Run()
	}
	if err != nil {
		required.Skip(t, "history", "clone the repository with its history, which has commit "+v.Commit)
	}
	source := t.TempDir()
	program = filepath.Join(t.TempDir(), "event-worker")
	archive := filepath.Join(t.TempDir(), "source.tar")
	for _, c := range []*exec.Cmd{
		exec.CommandContext(t.Context(), "git", "-C", repository, "archive", "--output", archive, v.Commit),
		exec.CommandContext(t.Context(), "tar", "-xf", archive, "-C", source),
		exec.CommandContext(t.Context(), "go", "-C", source, "build", "-mod=readonly", "-o", program, "."),
	} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	return program
}
