package released

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
)

var makeData = flag.Bool("make", false, "build all earlier versions and write testdata again")

// half and end are the two moments at which data were taken: when the history of the
// demo's recording had been read, and when all of it had.
const (
	half = "half"
	end  = "end"
)

// TestMake writes testdata. It takes minutes and the history of the repository.
func TestMake(t *testing.T) {
	if !*makeData {
		t.Skip("only with -make")
	}
	folders := map[int]Version{} // by schema; the last version counts
	for _, v := range Versions {
		folders[v.Folder] = v
	}
	for _, v := range Versions {
		program := Build(t, v)
		for _, moment := range []string{half, end} {
			uri := mongotest.Database(t)
			demo(t, data{environ: []string{"MONGODB_URI=" + uri}}, program, moment)
			dump(t, uri, dumpFile(v.MongoDB, moment))
			if folders[v.Folder] != v {
				continue
			}
			folder := t.TempDir()
			demo(t, data{folder: folder}, program, moment)
			content, err := os.ReadFile(filepath.Join(folder, databaseFile))
			if err != nil {
				t.Fatal(err)
			}
			pack(t, folderFile(v.Folder, moment), content)
		}
	}
}

// databaseFile is the file of a data folder.
const databaseFile = "event-worker.db"

func dumpFile(schema int, moment string) string {
	return fmt.Sprintf("testdata/mongodb-%d-%s.jsonl.gz", schema, moment)
}

func folderFile(schema int, moment string) string {
	return fmt.Sprintf("testdata/folder-%d-%s.db.gz", schema, moment)
}

// demo runs the demo of a program until a moment.
func demo(t *testing.T, d data, program, moment string) {
	t.Helper()
	if moment == end {
		if said, code := d.run(t, program, "demo", "--once"); code != 0 {
			t.Fatalf("%s demo: %s", program, said)
		}
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := d.command(ctx, t, program, "demo", "--pace", "1h")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "The recorded chains now advance") && !stopped {
			stopped = true
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err != nil || !stopped {
		t.Fatalf("%s demo: %v\n%s", program, err, &errs)
	}
}
