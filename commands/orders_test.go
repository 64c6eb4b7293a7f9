package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

// signedLines are orders that seaport-js signed, as lines of JSON.
func signedLines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../markets/seaport/signature/testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixtures []struct {
		Name  string
		Order map[string]any
	}
	if err := json.Unmarshal(text, &fixtures); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range fixtures {
		if f.Name == "plain" {
			line, _ := json.Marshal(f.Order)
			lines = append(lines, string(line))
		}
	}
	return lines
}

// followSeaport makes the store one whose worker follows ethereum/seaport.
func followSeaport(t *testing.T, store persistence.Store) {
	t.Helper()
	epoch, err := store.TakeOver(t.Context(), "ethereum", "node")
	if err != nil {
		t.Fatal(err)
	}
	claim := persistence.Claim{ID: "ethereum/seaport", Kind: "market", Chain: "ethereum", Market: "seaport", Node: "node", Epoch: epoch, Start: markets.Place{Seq: -1}}
	if _, err := store.Claim(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
}

// resultOf runs the program with standard input.
func resultOf(t *testing.T, dir, input string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	c := command(t.Context(), dir, nil, args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &errs
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

func TestOrdersImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := embedded.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	followSeaport(t, store)
	good := signedLines(t)
	elsewhere := func(fields, line string) string { return "{" + fields + "," + line[1:] }
	lines := []string{
		good[0],
		"",
		"nonsense",
		strings.Replace(good[1], `"counter":"`, `"counter":"-`, 1),
		elsewhere(`"chain":"moon"`, good[1]),
		elsewhere(`"chain":"ethereum","market":"seaport","contract":"0x0000000000000068f116a894984e2db1123eb395"`, good[0]),
		`{"x":"` + strings.Repeat("long ", 100_000) + `"}`,
		good[0],
		strings.ReplaceAll(good[2], `"signature"`, `"signatur"`),
		good[1], // without an end
	}
	file := filepath.Join(dir, "orders.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"orders", "import", "orders.jsonl", "--data", dir, "--chain", "ethereum", "--market", "seaport"}
	if _, stderr, code := result(t, dir, nil, args...); code != 1 || !strings.Contains(stderr, "in use") {
		t.Errorf("while a worker writes: exit code %d: %s", code, stderr)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := result(t, dir, nil, args...)
	if code != 1 || stdout != "Signed orders: 3 inserted, 1 already known, 5 refused.\n" {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	reported := strings.Split(strings.TrimSpace(stderr), "\n")
	want := []string{
		"orders.jsonl:3: it is not JSON",
		`orders.jsonl:4: parameters.counter: "-`,
		`orders.jsonl:5: market: the worker does not follow "seaport" on "moon"`,
		"orders.jsonl:7: 262145 bytes are too many",
		"orders.jsonl:9: signatur: unknown field",
		"event-worker: orders import: 5 lines refused, see above",
	}
	for i := range max(len(want), len(reported)) {
		if i >= len(want) || i >= len(reported) || !strings.HasPrefix(reported[i], want[i]) {
			t.Fatalf("reported\n%s\nwant\n%s", stderr, strings.Join(want, "\n"))
		}
	}
	found := find(t, dir, "signed_orders", `{state: "pending", hash: {$exists: true}}`)
	if len(found) != 3 {
		t.Errorf("%d signed orders: %v", len(found), found)
	}
	// Again, from standard input, without the chain.
	stdout, stderr, code = resultOf(t, dir, good[0]+"\n"+good[3]+"\n", "orders", "import", "-", "--data", dir, "--market", "seaport")
	if code != 1 || !strings.Contains(stderr, "-:1: chain: it is missing") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	stdout, stderr, code = resultOf(t, dir, good[0]+"\r\n"+good[3]+"\n", "orders", "import", "-", "--data", dir, "--chain", "ethereum", "--market", "seaport")
	if code != 0 || stderr != "" || stdout != "Signed orders: 1 inserted, 1 already known, 0 refused.\n" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"orders", "import"}, "name one file"},
		{[]string{"orders", "import", "none.jsonl", "--data", dir}, "none.jsonl"},
		{[]string{"orders", "import", "orders.jsonl", "--data", dir, "--contract", "0x12"}, "--contract"},
		{[]string{"orders", "import", "orders.jsonl", "--data", filepath.Join(dir, "none")}, "no event worker database"},
	} {
		if _, stderr, code := result(t, dir, nil, c.args...); code != 1 || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit code %d: %s", c.args, code, stderr)
		}
	}
}

// Orders are imported while a cluster runs on the database.
func TestOrdersImportIntoMongoDB(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	store, err := mongo.Open(t.Context(), strings.TrimPrefix(d[0], "MONGODB_URI="))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	followSeaport(t, store)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "orders.jsonl"), []byte(strings.Join(signedLines(t), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12 inserted, 0 already known", "0 inserted, 12 already known"} {
		stdout, stderr, code := result(t, dir, d, "orders", "import", "orders.jsonl", "--chain", "ethereum", "--market", "seaport")
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	}
	pending, err := store.PendingSigned(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, 100)
	if err != nil || len(pending) != 12 {
		t.Errorf("%d pending, error %v", len(pending), err)
	}
}
