package released

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
)

// The present version upgrades folders of all earlier schemas: it follows the recording to
// its end, with the documents that it makes of it from the start.
func TestFoldersOfEarlierVersions(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	want := fresh(t)
	for schema := 1; schema <= Last().Folder; schema++ {
		for _, moment := range []string{half, end} {
			t.Run(fmt.Sprint(schema, " ", moment), func(t *testing.T) {
				t.Parallel()
				content := unpack(t, folderFile(schema, moment))
				if got := binary.BigEndian.Uint32(content[60:]); got != uint32(schema) { // SQLite's user_version
					t.Fatalf("the file has schema %d", got)
				}
				d := data{folder: t.TempDir()}
				if err := os.WriteFile(filepath.Join(d.folder, databaseFile), content, 0o600); err != nil {
					t.Fatal(err)
				}
				upgrade(t, d, remediesOfFolders[schema], want)
			})
		}
	}
}

// The same of databases in MongoDB.
func TestDatabasesOfEarlierVersions(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	mongotest.URI(t) // skips the test without MongoDB
	want := fresh(t)
	for _, v := range Versions {
		for _, moment := range []string{half, end} {
			t.Run(fmt.Sprint(v.MongoDB, " ", moment), func(t *testing.T) {
				t.Parallel()
				uri := mongotest.Database(t)
				restore(t, uri, dumpFile(v.MongoDB, moment))
				upgrade(t, data{environ: []string{"MONGODB_URI=" + uri}}, remediesOfDatabases[v.MongoDB], want)
			})
		}
	}
}

// remedies is what data of an earlier schema need, apart from the present version.
type remedies struct {
	// keys: the keys of Seaport's orders lack the contract. The worker refuses them, and names
	// a rewind.
	keys bool
	// fields: orders lack unitPrice, filledAt, remaining and open until their next event. verify
	// reports it and repairs it.
	fields bool
	// notifications: there are none of earlier events. A rewind makes them.
	notifications bool
}

var remediesOfFolders = map[int]remedies{
	1: {keys: true, fields: true, notifications: true},
	2: {keys: true, fields: true},
}

var remediesOfDatabases = map[int]remedies{
	1: {keys: true, fields: true, notifications: true},
	2: {keys: true, fields: true, notifications: true},
	3: {keys: true, fields: true},
	4: {keys: true, fields: true},
	5: {keys: true, fields: true},
	6: {keys: true, fields: true},
}

// upgrade follows the recording with the present version, and compares the documents.
func upgrade(t *testing.T, d data, need remedies, want map[string]string) {
	t.Helper()
	if need.keys {
		const remedy = "event-worker rewind ethereum/seaport --to 0"
		if said, code := d.run(t, present, "demo", "--once"); code != 1 || !strings.Contains(said, "documents of ethereum/seaport are from an earlier version") || !strings.Contains(said, remedy) {
			t.Fatalf("exit code %d, not a refusal that names %q:\n%s", code, remedy, said)
		}
		d.do(t, strings.Fields(remedy)[1:]...)
	}
	if need.notifications {
		d.do(t, "rewind", "aptos/tradeport", "--to", "0")
	}
	d.do(t, "demo", "--once")
	if need.fields && !need.notifications {
		if said, code := d.run(t, present, "verify", "aptos"); code != 1 || !strings.Contains(said, "unitPrice: nothing in the document") {
			t.Errorf("verify, exit code %d:\n%s", code, said)
		}
		d.do(t, "verify", "aptos", "--repair")
	}
	for _, chain := range []string{"ethereum", "aptos"} {
		d.do(t, "verify", chain)
	}
	for collection, documents := range d.documents(t) {
		if documents != want[collection] {
			t.Errorf("%s:\n%s\nwant\n%s", collection, documents, want[collection])
		}
	}
}

// fresh returns the documents that the present version makes of the whole recording.
func fresh(t *testing.T) map[string]string {
	t.Helper()
	d := data{folder: t.TempDir()}
	d.do(t, "demo", "--once")
	documents := d.documents(t)
	if n := strings.Count(documents["orders"], "\n"); n != 61 {
		t.Fatalf("the demo makes %d orders", n)
	}
	return documents
}

// documents returns all documents, by collection, that do not tell of the program's runs.
func (d data) documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, collection := range []string{"orders", "activities", "records", "dead_letters", "notifications", "signed_orders", "currencies", "metadata"} {
		said, code := d.run(t, present, "query", collection, "--sort", "_id")
		if code != 0 {
			t.Fatalf("query %s: exit code %d: %s", collection, code, said)
		}
		if !strings.HasPrefix(said, "no document of "+collection) {
			all[collection] = said
		}
	}
	return all
}
