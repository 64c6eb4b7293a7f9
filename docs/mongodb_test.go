// Package docs_test proves the pages of the documentation.
package docs_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
	"github.com/imart/event-worker/internal/required"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/mongo"
)

const mongodbPage = "mongodb.md"

// patience bounds what a command of the page takes.
const patience = time.Minute

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// Every query of the page answers what the page says, on the demo's data and those
// of fixture_test.go, and an index serves it: it looks at little more than what it
// returns. One with a limit gets its documents in order from the index; one without
// may sort what it returns.
func TestQueriesOfThePage(t *testing.T) {
	thorough.Only(t)
	uri := mongotest.Database(t)
	db, program := connect(t, uri), build(t)
	program.run(t, uri, "event-worker demo --once")
	ail(t, uri)
	crowd(t, db)
	openBazaar(t, db)

	page := readPage(t, mongodbPage)
	queries := page.queries(t, inDatabase)
	for _, q := range queries {
		t.Run(fmt.Sprintf("%s:%d", page.name, q.line), func(t *testing.T) {
			if err := db.answers(t.Context(), q); err != nil {
				t.Error(err)
			}
			db.proveIndexed(t, q)
		})
	}
	for _, command := range page.commands() {
		t.Run(command, func(t *testing.T) { program.run(t, uri, command) })
	}
	unread(t, db, "tradeport")
	t.Run("mongosh", func(t *testing.T) {
		if err := mongosh(t).answers(t.Context(), uri, page, queries); err != nil {
			t.Error(err)
		}
	})
}

// answers asks a query of the page. The error says how the answer is another.
func (db database) answers(ctx context.Context, q query) error {
	r, err := db.understand(q)
	if err != nil {
		return err
	}
	want, err := normal(q.output)
	if err != nil {
		return fmt.Errorf("the output: %w", err)
	}
	answer, err := r.answer(ctx)
	got, err := output(answer, err)
	if err != nil {
		return err
	}
	if unlike(got) != unlike(want) {
		return fmt.Errorf("%s\nthe page says\n%s\nthe server\n%s", q.text, want, got)
	}
	return nil
}

// proveIndexed asks how the server answers a query of the page.
func (db database) proveIndexed(t *testing.T, q query) {
	t.Helper()
	r, err := db.understand(q)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := db.explain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if why := plan.wrong(r.limited); why != "" {
		t.Errorf("%s\n%s: %v of the indexes %v", q.text, why, plan.stages, plan.indexes)
	}
}

func (db database) understand(q query) (request, error) {
	c, err := parseCall(q.text, q.page.helpers())
	if err != nil {
		return request{}, err
	}
	return db.request(c)
}

// program is the built program, in a folder of its own.
type program struct{ folder string }

func build(t *testing.T) program {
	t.Helper()
	return program{filepath.Dir(programtest.Build(t))}
}

// run runs a line of shell that calls the program, which must go well.
func (p program) run(t *testing.T, uri, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := p.command(ctx, uri, "sh", "-c", "exec "+line)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// binary is the program itself.
func (p program) binary() string { return filepath.Join(p.folder, "event-worker") }

// command is a command that has the program on its PATH.
func (p program) command(ctx context.Context, uri, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = p.folder
	c.Env = append(os.Environ(), "MONGODB_URI="+uri, "PATH="+p.folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return c
}

// The page's tables name the collections and indexes that there are, and no others.
func TestTablesOfThePage(t *testing.T) {
	page := readPage(t, mongodbPage)
	var collections, indexes []string
	for _, c := range documents.Collections() {
		collections = append(collections, c.Name)
		for _, index := range c.Indexes {
			indexes = append(indexes, fmt.Sprintf("%s %s %s", c.Name, index.Name, keysOf(index)))
		}
	}
	var named, told []string
	for _, row := range page.table(t, "collection", "a document is", "_id") {
		named = append(named, row[0])
	}
	for _, row := range page.table(t, "collection", "index", "keys", "for") {
		told = append(told, strings.Join(row[:3], " "))
	}
	same(t, "collections", named, collections)
	same(t, "indexes", told, indexes)
}

// keysOf are an index's keys as the page has them.
func keysOf(index documents.Index) string {
	var keys []string
	for _, key := range index.Keys {
		path := key.Path
		if key.Descending {
			path = "-" + path
		}
		keys = append(keys, path)
	}
	text := strings.Join(keys, ", ")
	var where []string
	if index.Exists != "" {
		where = append(where, index.Exists+" exists")
	}
	if index.Open {
		where = append(where, "status is LISTING")
	}
	if where != nil {
		text += " (where " + strings.Join(where, ", ") + ")"
	}
	return text
}

func same(t *testing.T, what string, told, are []string) {
	t.Helper()
	for _, one := range are {
		if !slices.Contains(told, one) {
			t.Errorf("%s: the page lacks %s", what, one)
		}
	}
	for _, one := range told {
		if !slices.Contains(are, one) {
			t.Errorf("%s: the page has %s, which there is not", what, one)
		}
	}
}

// The page's URIs can be read, and its database is the default.
func TestURIsOfThePage(t *testing.T) {
	page := readPage(t, mongodbPage)
	n := 0
	for _, word := range strings.FieldsFunc(page.text, func(r rune) bool { return strings.ContainsRune(" \n\"'`()<>", r) }) {
		if strings.HasPrefix(word, "mongodb://") {
			if _, err := mongo.AddressOf(word); err != nil {
				t.Errorf("%s: %v", word, err)
			}
			n++
		}
	}
	if n == 0 {
		t.Error("there are none")
	}
	if !strings.Contains(page.text, "database `"+mongo.DefaultDatabase+"`") {
		t.Errorf("the page does not name the database %s", mongo.DefaultDatabase)
	}
}

// The page's helper for mongosh makes the sort form of any amount.
func TestHelperOfThePage(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		required.Skip(t, "node", "put node, 20 or later, on PATH")
	}
	page := readPage(t, mongodbPage)
	blocks := page.blocks()
	i := slices.IndexFunc(blocks, func(b block) bool { return b.language == "js" && strings.HasPrefix(b.text, "function amount(") })
	if i < 0 {
		t.Fatal("the page has no function amount")
	}
	amounts := []string{"0", "1", "255", "256", "100000000000000000", "115792089237316195423570985008687907853269984665640564039457584007913129639935"}
	script := "const HexData = (subtype, hex) => subtype + ' ' + hex\n" + blocks[i].text // mongosh's own
	var want strings.Builder
	for _, decimal := range amounts {
		script += fmt.Sprintf("console.log(amount(%q))\n", decimal)
		fmt.Fprintf(&want, "0 %s\n", hex.EncodeToString(documents.SortFormOf(markets.Amount(decimal))))
	}
	c := exec.CommandContext(t.Context(), node, "-")
	c.Stdin = strings.NewReader(script)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if got, err := c.Output(); err != nil || string(got) != want.String() {
		t.Errorf("%v: %s\n%s\nwant\n%s", err, &stderr, got, &want)
	}
}
