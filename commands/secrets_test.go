package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
)

// secretIn writes a file with a secret and a final newline.
func secretIn(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file may name the database, for commands that write and for commands that read.
func TestDatabaseOfFile(t *testing.T) {
	t.Parallel()
	d := database{"MONGODB_URI_FILE=" + secretIn(t, mongotest.Database(t))}
	if said := d.output(t, "demo", "--once"); !strings.Contains(said, "kept in MongoDB, database test_") {
		t.Errorf("demo: %s", said)
	}
	for command, want := range map[string]string{
		"query orders --limit 1": `"_id":`,
		"status --brief":         "MongoDB, database test_",
		"mongodb init":           "is already initiated",
		"copy --from mongodb --to embedded --data copy": "orders",
	} {
		if said := d.output(t, strings.Fields(command)...); !strings.Contains(said, want) {
			t.Errorf("%s: no %q in\n%s", command, want, said)
		}
	}
}

// Every command that uses the variable reports an unusable file, without its text.
func TestDatabaseOfBadFile(t *testing.T) {
	t.Parallel()
	uri := secretIn(t, "mongodb://user:s3cret@127.0.0.1:1/market")
	for _, test := range []struct {
		environ database
		want    string
	}{
		{database{"MONGODB_URI=mongodb://user:s3cret@127.0.0.1:1/", "MONGODB_URI_FILE=" + uri}, "MONGODB_URI and MONGODB_URI_FILE are both set: unset one of them"},
		{database{"MONGODB_URI_FILE=/nowhere/uri"}, "MONGODB_URI_FILE: open /nowhere/uri: no such file or directory"},
		{database{"MONGODB_URI_FILE=" + secretIn(t, "s3cret")}, "MONGODB_URI cannot be used: it does not start with mongodb://"},
	} {
		dir := t.TempDir()
		configured(t, dir, "https://rpc.example.com", 1)
		for _, command := range []string{"run", "demo --once", "status", "query orders", "drain", "mongodb init", "copy --from mongodb --to embedded --data copy", "retry", "rewind ethereum --to 1"} {
			stdout, stderr, code := result(t, dir, test.environ, strings.Fields(command)...)
			if code != 1 || !strings.Contains(stderr, test.want) || strings.Contains(stdout+stderr, "s3cret") {
				t.Errorf("%s, %v: exit code %d:\n%s%s", command, test.environ, code, stdout, stderr)
			}
		}
	}
}
