package docs_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// page is a page of the documentation, in Markdown.
type page struct {
	name string
	text string
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return page{name, string(text)}
}

// block is one fenced block of a page.
type block struct {
	line     int    // of its fence, from 1
	section  string // the heading above it
	language string
	text     string
	follows  bool // with nothing but empty lines between it and the block before
}

func (p page) blocks() []block {
	var blocks []block
	inside, follows, section := false, false, ""
	for i, line := range strings.Split(p.text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		heading, isHeading := strings.CutPrefix(line, "## ")
		switch {
		case isFence && !inside:
			blocks = append(blocks, block{line: i + 1, section: section, language: fence, follows: follows})
			inside = true
		case isFence:
			inside, follows = false, true
		case isHeading && !inside:
			section, follows = heading, false
		case inside:
			blocks[len(blocks)-1].text += line + "\n"
		case line != "":
			follows = false
		}
	}
	return blocks
}

// query is something to type into mongosh, and what it answers.
type query struct {
	line   int
	text   string
	output string
	page   page // with the functions that it calls
}

// queries are those blocks of JavaScript among some that ask the database, each with
// the block without language behind it.
func (p page) queries(t *testing.T, among func(block) bool) []query {
	t.Helper()
	var queries []query
	blocks := p.blocks()
	for i, b := range blocks {
		if b.language != "js" || !strings.HasPrefix(b.text, "db.") || !among(b) {
			continue
		}
		if i+1 == len(blocks) || blocks[i+1].language != "" || !blocks[i+1].follows {
			t.Fatalf("%s:%d: no output behind the query", p.name, b.line)
		}
		queries = append(queries, query{b.line, b.text, blocks[i+1].text, p})
	}
	return queries
}

// helpers are the functions that the queries call.
func (p page) helpers() []string {
	var helpers []string
	for _, b := range p.blocks() {
		if b.language == "js" && strings.HasPrefix(b.text, "function ") {
			helpers = append(helpers, b.text)
		}
	}
	return helpers
}

// commands are the lines of shell that call the program.
func (p page) commands() []string {
	var commands []string
	for _, b := range p.blocks() {
		for line := range strings.Lines(b.text) {
			if b.language == "sh" && strings.HasPrefix(line, "event-worker ") {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
	}
	return commands
}

// table is the rows below the heading of a table, without back-ticks. It fails the
// test if there are none.
func (p page) table(t *testing.T, heading ...string) [][]string {
	t.Helper()
	var rows [][]string
	inside := false
	for line := range strings.Lines(p.text) {
		row := cells(line)
		switch {
		case slices.Equal(row, heading):
			inside = true
		case row == nil:
			inside = false
		case inside && strings.Trim(row[0], "-: ") != "":
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table with the heading %q", p.name, heading)
	}
	return rows
}

// cells are the cells of a table's row, nil if the line is none.
func cells(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	parts := strings.Split(strings.Trim(line, "|"), "|")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(strings.ReplaceAll(part, "`", ""))
	}
	return parts
}
