package yamlfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

const testSchema = `{
  "type": "object",
  "required": ["name"],
  "additionalProperties": false,
  "properties": {
    "name": {"title": "what it is called", "$ref": "#/$defs/text"},
    "count": {"type": "integer", "minimum": 1, "maximum": 9},
    "mode": {"enum": ["fast", "slow"]},
    "url": {"$ref": "#/$defs/text", "writeOnly": true},
    "wait": {"type": "string", "format": "wait", "errorMessage": "is not a wait: write it like 5s"},
    "words": {"type": "array", "items": {"$ref": "#/$defs/text"}, "errorMessage": "expected a list like [a, b]"},
    "parts": {
      "type": "object",
      "propertyNames": {"pattern": "^[a-z]+$", "errorMessage": "names have small letters"},
      "additionalProperties": {"type": ["object", "null"], "additionalProperties": false, "properties": {"size": {"type": "number"}, "key": {"$ref": "#/$defs/text", "writeOnly": true}}}
    }
  },
  "$defs": {"text": {"type": ["string", "number", "boolean"]}}
}`

func newTestSchema(t interface{ Fatal(...any) }, text string) *Schema {
	s, err := NewSchema([]byte(text), Options{Check: "see", Formats: map[string]func(string) bool{"wait": func(text string) bool {
		_, err := time.ParseDuration(text)
		return err == nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// check reads a text and returns the lines of its problems.
func check(s *Schema, text string) string {
	f := Parse(s, "f.yaml", []byte(text))
	if f.Readable() {
		f.Check()
	}
	if ps, ok := errors.AsType[Problems](f.Err()); ok {
		return ps.Lines()
	}
	return ""
}

func TestProblems(t *testing.T) {
	s := newTestSchema(t, testSchema)
	for text, want := range map[string]string{
		"name: x\n":              "",
		"name: x\nwords:\n":      "",
		"name: 5\nparts: {a:}\n": "",
		"count: 3\n":             "f.yaml:1:1: name is missing: what it is called\n    1 | count: 3\n      | ^",
		"name: x\ncuont: 3\n":    "f.yaml:2:1: cuont: unknown option (did you mean count?): known here are count, mode, name, parts, url, wait, words\n    2 | cuont: …\n      | ^",
		"name: x\ncount: 12\nmode: fats\nwait: 5\nwords: a\nparts: 7\n": `f.yaml:2:8: count: "12" is not an integer from 1 to 9
    2 | count: 12
      |        ^
f.yaml:3:7: mode: unknown value "fats" (did you mean fast?): choose fast or slow
    3 | mode: fats
      |       ^
f.yaml:4:7: wait: "5" is not a wait: write it like 5s
    4 | wait: 5
      |       ^
f.yaml:5:8: words: expected a list like [a, b]
    5 | words: …
      |        ^
f.yaml:6:8: parts: has a single value where options are expected
    6 | parts: …
      |        ^`,
		"name: x\nname: y\n":               "f.yaml:2:1: name: is already set in line 1\n    2 | name: y\n      | ^",
		"name: x\nparts: {A: {size: x}}\n": "f.yaml:2:9: parts.A: names have small letters\n    2 | parts: {A: {size: x}}\n      |         ^\nf.yaml:2:19: parts.A.size: \"x\" is not valid here\n    2 | parts: {A: {size: x}}\n      |                   ^",
		"name: x\n---\nname: y\n":          "f.yaml:3:1: a second document: put everything into one\n    3 | name: y\n      | ^",
		"name: x\n   count: 3\n":           "f.yaml:1:7: not valid YAML: check the indentation, and put quotes around a text with ': ' in it\n    1 | name: …\n      |       ^",
		"parts:\n  a: {}\n name: x\n":      "f.yaml:3:2: not valid YAML: check the indentation, and put quotes around a text with ': ' in it\n    3 |  name: …\n      |  ^",
		"name: x\n\tcount: 3\n":            "f.yaml:2:1: not valid YAML: a tab: indent with spaces\n    2 |  count: …\n      | ^",
		"name: \"x\ncount: 3\n":            "f.yaml:1:7: not valid YAML: the closing quote is missing\n    1 | name: …\n      |       ^",
		"name: [x\n":                       "f.yaml:1:7: not valid YAML: sequence end token ']' not found\n    1 | name: …\n      |       ^",
		"name: *x\n":                       "f.yaml:1:7: name: nothing is called &x\n    1 | name: …\n      |       ^",
		"name: !!str x\n":                  "f.yaml:1:7: name: a tag such as !!str is not understood: take it out\n    1 | name: …\n      |       ^",
	} {
		got := check(s, text)
		if want != "" && !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
}

// Values of secret and of unknown options are not shown, nor what goes on in the lines
// after them.
func TestSecretsAreNotShown(t *testing.T) {
	s := newTestSchema(t, testSchema)
	for _, text := range []string{
		"url: {a: s3cret}\n", "ulr: s3cret\n", "name: x # s3cret\ncount: 0 # s3cret\n", "url: s3cret\nurl: s3cret\n",
		"url: |\n  s3cret\n  s3cret\ncount: 0\n", "parts: {a: {key: s3cret, size: x}}\n", "parts: {a: {key: \"s3cret\n  s3cret\", size: x}}\n",
		"parts:\n  a: {key: s3cret\n    s3cret, sise: 3}\n", "url: \"s3cret\n", "url: [s3cret\n", "name: x\n  url: s3cret: s3cret\n", "url\ns3cret: x: y\n",
		"\"url\": [s3cret]\n", "? url\n: [s3cret]\n", "url: !!str s3cret\n", "words: &a [s3cret]\nurl: *a\n? [url, s3cret]\n", "url: s3cret\n\tname: s3cret\n", "s3cret\n", "- s3cret\n",
	} {
		if got := check(s, text); got == "" || strings.Contains(got, "s3cret") {
			t.Errorf("%q:\n%s", text, got)
		}
	}
}

// Without secrets in the schema whole lines are shown.
func TestOpenSchema(t *testing.T) {
	s := newTestSchema(t, strings.ReplaceAll(testSchema, `, "writeOnly": true`, ""))
	long := strings.Repeat("ä", 200)
	for text, want := range map[string]string{
		"cuont: 3 # c\n":                   "\n    1 | cuont: 3 # c\n      | ^",
		"count: [ # c\n":                   "\n    1 | count: [ # c\n      |        ^",
		"{name: " + long + ", mode: no}\n": "\n    1 | …" + strings.Repeat("ä", 72) + ", mode: no}\n      | " + strings.Repeat(" ", 81) + "^",
	} {
		if got := check(s, text); !strings.Contains(got, want) {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
}

// What would keep the lexer or the parser busy is refused before.
func TestHostileFilesAreRefused(t *testing.T) {
	s := newTestSchema(t, testSchema)
	aliases := "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		aliases += fmt.Sprintf("b%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	var keys strings.Builder
	for i := range 90_000 {
		fmt.Fprintf(&keys, "a%d: 1\n", i)
	}
	var indented strings.Builder
	for i := range 1000 {
		indented.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, test := range map[string]struct {
		text, want string
	}{
		"brackets":       {strings.Repeat("[", 500_000), "f.yaml:1:65: nested more than 64 levels deep"},
		"braces":         {strings.Repeat("{a: ", 100_000), "f.yaml:1:257: nested more than 64 levels deep"},
		"closed":         {strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested more than 64 levels deep"},
		"closed in text": {strings.Repeat("[']', ", 50_000), "nested more than 64 levels deep"},
		"items":          {strings.Repeat("- ", 20_000), "nested more than 64 levels deep"},
		"keys of keys":   {strings.Repeat("? ", 20_000), "nested more than 64 levels deep"},
		"indented":       {indented.String(), "nested more than 64 levels deep"},
		"options":        {keys.String(), "f.yaml:1001:1: more than 1000 options in one place"},
		"commas":         {"[" + strings.Repeat(",", 900_000), "too many values"},
		"not YAML":       {strings.Repeat("@", 900_000), "not valid YAML"},
		"large":          {strings.Repeat("#\n", MaxFile), "larger than"},
		"blank":          {"name: |\n  x\n" + strings.Repeat("\n", 900_000), "f.yaml:203:1: more than 200 blank lines"},
		"almost blank":   {"name: >\n" + strings.Repeat("  \n", 300_000), "f.yaml:202:1: more than 200 blank lines"},
		"aliases":        {aliases, "aliases (*name) stand for too much"},
		"large aliases":  {"a: &a [" + strings.Repeat("x,", 1000) + "]\n" + lines("b%d: *a\n", 60), "aliases (*name) stand for too much"},
		"itself":         {"a: &a [*a]\n", "aliases (*name) stand for too much, or for themselves"},
	} {
		got := check(s, test.text)
		if !strings.Contains(got, test.want) || len(got) > 1000 {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

// The tokens of a hostile text are not made: only those of the part that is refused.
func TestRefusalsAreCheap(t *testing.T) {
	for _, text := range []string{strings.Repeat("[", MaxFile), strings.Repeat(",", MaxFile), strings.Repeat("@", MaxFile), strings.Repeat("- ", MaxFile/2)} {
		made := testing.AllocsPerRun(1, func() { _, _ = bounded([]byte(text)) })
		if most := 10 * maxTokens; made > float64(most) {
			t.Errorf("%.20q takes %.0f allocations, want at most %d", text, made, most)
		}
	}
}

// Whatever opens it, a text that is nested too deeply is refused.
func TestDeepTextsAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		text.WriteString(rapid.SampledFrom([]string{"", "a: ", "a: 'it''s [' # [\nb: ", "- "}).Draw(t, "start"))
		openers := rapid.SliceOfN(rapid.SampledFrom([]string{"[", "{a: ", "{? ", "[ ", "[&a ", "[!a ", "[a, ", "['[', ", "[#\n", "{\"a\": "}), maxDepth+1, 3*maxDepth)
		if rapid.Bool().Draw(t, "block") {
			openers = rapid.SliceOfN(rapid.SampledFrom([]string{"- ", "? "}), maxDepth+1, 3*maxDepth)
			text.Reset()
		}
		for _, opener := range openers.Draw(t, "openers") {
			text.WriteString(opener)
		}
		if _, problem := Tokenize("f.yaml", []byte(text.String())); problem == nil || !strings.Contains(problem.Text, "nested") {
			t.Fatalf("%q: %v", text.String(), problem)
		}
	})
}

// What people write is within the limits, whatever its texts have in them.
func TestWhatPeopleWriteIsWithinTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) any
		value = func(depth int) any {
			switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
			case depth > 0 && kind == 0:
				list := []any{}
				for range rapid.IntRange(1, 3).Draw(t, "items") {
					list = append(list, value(depth-1))
				}
				return list
			case depth > 0 && kind == 1:
				options := map[string]any{}
				for i := range rapid.IntRange(1, 3).Draw(t, "options") {
					options[fmt.Sprint("a", i)] = value(depth - 1)
				}
				return options
			}
			part := rapid.SampledFrom([]string{"[", "{ ", "- ", "? ", "# {", "'[", "\"{", "\\", "a: [", "\n[", "é["}).Draw(t, "part")
			return "x" + strings.Repeat(part, rapid.SampledFrom([]int{1, 80, 1500}).Draw(t, "times")) + "x"
		}
		style := rapid.SampledFrom([]yaml.EncodeOption{yaml.JSON(), yaml.IndentSequence(true), yaml.UseSingleQuote(true)}).Draw(t, "style")
		text, err := yaml.MarshalWithOptions(map[string]any{"a": value(3)}, style)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, "# "+strings.Repeat("[{", 1500)...)
		if _, problem := Tokenize("f.yaml", text); problem != nil {
			t.Fatalf("%.300q: %v", text, problem)
		}
	})
}

// What people write by hand is not nested too deeply either.
func TestTextsAreNotNested(t *testing.T) {
	s := newTestSchema(t, testSchema)
	for _, text := range []string{
		"name: |\n" + strings.Repeat("  [ { ( not a list\n", 4000),
		"name: '" + strings.Repeat("[", 5000) + "'\n",
		"name: \"" + strings.Repeat("\\n[", 5000) + "\"\n",
		"name: x " + strings.Repeat("[ ", 5000) + "\n",
		"words:\n" + strings.Repeat("  - a\n", 5000),
		"words:\n" + strings.Repeat("- a\n", 5000) + "name: x\n",
	} {
		if got := check(s, text); strings.Contains(got, "nested") || strings.Contains(got, "too many") || strings.Contains(got, "YAML") {
			t.Errorf("%.50q: %s", text, got)
		}
	}
}

func TestOverride(t *testing.T) {
	s := newTestSchema(t, testSchema)
	env := map[string]string{"name": "env", "words": "a, b", "parts.one.size": "x", "parts.two.size": "7", "count": "many"}
	f := Parse(s, "f.yaml", []byte("name: file\nparts:\n  one: {size: 1}\n  two:\n  # more\nmode: no\n"))
	f.Override(func(option string) (string, string) { return "V_" + option, env[option] })
	f.Check()
	root := f.Root()
	if got := fmt.Sprint(root.Child("name").Text(), root.Child("words").Texts(), root.Child("parts").Child("two").Child("size").Text(), len(f.Overrides)); got != "env[a b]75" {
		t.Errorf("%s", got)
	}
	want := "f.yaml:6:7: mode: unknown value \"no\": choose fast or slow\n    6 | mode: no\n      |       ^\nenvironment variable V_count: count: \"many\" is not an integer from 1 to 9\nenvironment variable V_parts.one.size: parts.one.size: \"x\" is not valid here"
	if ps, _ := errors.AsType[Problems](f.Err()); len(ps) != 3 || ps.Lines() != want {
		t.Errorf("%v", f.Err())
	}
}

func TestDecode(t *testing.T) {
	s := newTestSchema(t, `{"type": "object"}`)
	f := Parse(s, "f.yaml", []byte("a: &x 5\nbC: true\nlist: [1, 2]\nwait: 5s\nin: {f: 2.5, other: *x}\n"))
	into := struct {
		A    int
		BC   bool
		List []int64
		Wait time.Duration
		In   struct {
			F float64
			G uint64 `yaml:"other"`
		}
		Kept string
	}{Kept: "as it was"}
	f.Root().Decode(&into)
	if got := fmt.Sprintf("%+v %v", into, f.Err()); got != "{A:5 BC:true List:[1 2] Wait:5s In:{F:2.5 G:5} Kept:as it was} <nil>" {
		t.Error(got)
	}
	var bad struct{ BC int }
	if f.Root().Decode(&bad); f.Err() == nil {
		t.Error("true is read as a number")
	}
}

// Whatever a file has in it, its problems have places in it and do not show its secret.
func TestAnyText(t *testing.T) {
	s := newTestSchema(t, testSchema)
	const sound = "name: x\ncount: 3\nurl: s3cret\nparts:\n  a: {key: s3cret, size: 3}\n  b:\n    key: \"s3cret\"\nwords: [a, b]\n"
	rapid.Check(t, func(t *rapid.T) {
		text := sound
		for range rapid.IntRange(1, 4).Draw(t, "damages") {
			from := rapid.IntRange(0, len(text)).Draw(t, "from")
			to := min(len(text), from+rapid.IntRange(0, 6).Draw(t, "length"))
			with := rapid.SampledFrom([]string{"", " ", "\n", "\t", ":", "- ", "[", "{", "}", "]", ",", "&a ", "*a", "!!x ", "|\n", "\"", "'", "# ", "? ", "---\n", "<<: ", "ä"}).Draw(t, "with")
			damaged := text[:from] + with + text[to:]
			if strings.Contains(damaged, "\nurl: s3cret") && strings.Contains(damaged, "{key: s3cret") && strings.Contains(damaged, "    key: \"s3cret\"") {
				text = damaged // the secrets are still values of their options
			}
		}
		f := Parse(s, "f.yaml", []byte(text))
		if f.Readable() {
			f.Check()
		}
		ps, _ := errors.AsType[Problems](f.Err())
		for _, p := range ps {
			if lines := strings.Count(text, "\n") + 1; p.Line < 1 || p.Column < 1 || p.Line > lines {
				t.Fatalf("%q: %v", text, p)
			}
			if snippet := p.snippet; strings.Contains(snippet, "s3cret") {
				t.Fatalf("%q:\n%v%s", text, p, snippet)
			}
		}
	})
}
