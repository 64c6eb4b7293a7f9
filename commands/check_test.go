package commands

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/teststore"
)

// Check names damaged pages and documents; other commands print nothing that is wrong.
func TestCheck(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	out, stderr, code := result(t, data, nil, "check", "--data", data)
	if code != 0 || stderr != "" || !strings.HasPrefix(out, "Nothing is damaged: ") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
	teststore.Execute(t, data, `UPDATE orders SET doc = substr(doc, 1, 30) || char(27) WHERE id = (SELECT max(id) FROM orders);`)
	out, stderr, code = result(t, data, nil, "check", "--data", data)
	if code != 1 || !strings.Contains(out, "damaged  orders, row ") || !strings.Contains(out, "1 place damaged: ") ||
		!strings.Contains(stderr, "event-worker: check: data folder "+data+" is damaged in 1 place\n") || strings.Contains(out, "\x1b") {
		t.Errorf("a document: exit code %d, %s%s", code, out, stderr)
	}

	file := filepath.Join(data, "event-worker.db")
	db, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := 8192; at < len(db); at += 8192 {
		db[at+100] ^= 8
	}
	if err := os.WriteFile(file, db, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code = result(t, data, nil, "check", "--data", data)
	if code != 1 || !strings.Contains(out, "damaged  "+file+": page 2 does not match its checksum\n") {
		t.Errorf("pages: exit code %d, %s", code, out)
	}
	out, _, code = result(t, data, nil, "check", "--data", data, "--json")
	for line := range strings.Lines(out) {
		if !json.Valid([]byte(line)) {
			t.Errorf("--json prints %s", line)
		}
	}
	if code != 1 || !strings.Contains(out, `{"report":{"pages":`) {
		t.Errorf("--json: exit code %d, %s", code, out)
	}
	for _, args := range [][]string{{"query", "orders"}, {"query", "activities"}, {"status"}, {"demo", "--once"}} {
		out, stderr, code := result(t, data, nil, append(args, "--data", data)...)
		if code != 1 || out != "" || !strings.Contains(stderr, "does not match its checksum") || !strings.Contains(stderr, `"event-worker check"`) {
			t.Errorf("%v: exit code %d, %s%s", args, code, out, stderr)
		}
	}
}

// What query prints before it notices damage is whole documents.
func TestQueryPrintsWholeDocuments(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	for i, script := range []string{"substr(doc, 1, length(doc) - 1)", "replace(doc, '\"status\":', '\"status\" ')", "doc || '}'"} {
		teststore.Execute(t, data, fmt.Sprintf("UPDATE orders SET doc = %s WHERE id = (SELECT id FROM orders ORDER BY id DESC LIMIT 1 OFFSET %d);", script, i))
		out, stderr, code := result(t, data, nil, "query", "orders", "--data", data)
		if code != 1 || !strings.Contains(stderr, "damaged") {
			t.Errorf("%s: exit code %d, %s", script, code, stderr)
		}
		if strings.Count(out, "\n") < 20 || !strings.HasSuffix(out, "\n") {
			t.Errorf("%s: it prints %d bytes in %d lines", script, len(out), strings.Count(out, "\n"))
		}
		for line := range strings.Lines(out) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: it prints %s", script, line)
			}
		}
	}
}
