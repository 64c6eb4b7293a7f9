package documents

import (
	"fmt"
	"strings"
)

// Help describes collections and their fields for a terminal: names on the left, texts
// on the right.
func Help(collections []Collection) string {
	const width, column = 88, 16
	indent := strings.Repeat(" ", column)
	var b strings.Builder
	for _, c := range collections {
		fields := strings.Join(outlines(c.Shown(), plain), ", ")
		lines := append(wrap(c.Description, width-column), wrap(fields, width-column)...)
		text := strings.Join(lines, "\n"+indent)
		fmt.Fprintf(&b, "  %-*s%s\n", column-2, c.Name, text)
	}
	return b.String()
}

// Table is a Markdown table of collections and their fields.
func Table(collections []Collection) string {
	var b strings.Builder
	b.WriteString("| collection | what is in it | fields |\n| --- | --- | --- |\n")
	for _, c := range collections {
		fields := strings.Join(outlines(c.Shown(), code), ", ")
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Description, fields)
	}
	return b.String()
}

func plain(name string) string { return name }

func code(name string) string { return "`" + name + "`" }

// outlines are one short form per field: name {fields of a document}, name [list] or
// name (values of an enum). write formats the outer names.
func outlines(fields []Field, write func(name string) string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, write(f.Name)+f.form())
	}
	return out
}

// form is the part of an outline behind the name.
func (f Field) form() string {
	form := ""
	if f.Type == Object {
		form = "{" + strings.Join(outlines(f.Fields, plain), ", ") + "}"
	}
	if f.List {
		form = "[" + form + "]"
	}
	if f.Enum != nil {
		form += "(" + strings.Join(f.Enum.Values, ", ") + ")"
	}
	if form != "" {
		form = " " + form
	}
	return form
}

// wrap breaks a text into lines of at most width columns, where it has spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
