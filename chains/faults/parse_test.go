package faults

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/yamlfile"
)

func TestParse(t *testing.T) {
	p, err := Parse("mine.yaml", []byte(`
description: a bad day
faults:
  - removed-null
  - profile: batch-cap
  - fault: range-cap
    blocks: 1_000
    from: 0x10
    words: drpc
    methods: [eth_getLogs, eth_newFilter]
  - {fault: balancer, lags: [0, 7], chance: 0.25, after: 1m30s}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Profile{Name: "mine.yaml", Description: "a bad day", Faults: []Fault{
		{"removed-null", map[string]any{}},
		{"batch-cap", map[string]any{"calls": int64(3)}},
		{"range-cap", map[string]any{"blocks": int64(1000), "from": int64(16), "words": "drpc", "methods": []string{"eth_getLogs", "eth_newFilter"}}},
		{"balancer", map[string]any{"lags": []int64{0, 7}, "chance": 0.25, "after": 90 * time.Second}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
}

func TestParseProblems(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "f:1:1: expected one document with faults",
		"description: x":      "f:1:12: expected faults: a list",
		"faults: 7":           "f:1:9: faults: expected a list",
		"faults: [":           "f:1:9: not valid YAML: ",
		"fault: []":           "f:1:1: unknown option \"fault\" (did you mean faults?): known here are description, faults",
		"faults:\n  - statsu": "f:2:5: unknown fault \"statsu\" (did you mean status?): --list prints all",
		"faults:\n  - {fault: status, stats: 500}":           "f:2:21: status has no parameter \"stats\" (did you mean status?): known are status, retryAfter, methods,",
		"faults:\n  - {fault: status, status: -1}":           "f:2:29: status: \"-1\": want a whole number that is not negative",
		"faults:\n  - {fault: status, chance: 1.5}":          "f:2:29: chance: \"1.5\": want a number from 0 to 1",
		"faults:\n  - {fault: status, chance: NaN}":          "f:2:29: chance: \"NaN\": want a number from 0 to 1",
		"faults:\n  - {fault: status, after: 5}":             "f:2:28: after: \"5\": want a duration of at most 24h, such as 500ms, 5s or 1m30s",
		"faults:\n  - {fault: range-cap, words: alchmy}":     "f:2:31: words: unknown value \"alchmy\" (did you mean alchemy?): choose among alchemy,",
		"faults:\n  - {fault: range-cap, words: geth-batch}": "f:2:31: words: unknown value \"geth-batch\"",
		"faults:\n  - {fault: status, methods: eth_getLogs}": "f:2:30: methods: expected a list",
		"faults:\n  - {fault: status, methods: [[a]]}":       "f:2:31: expected a single value",
		"faults:\n  - {fault: status, status: {a: 1}}":       "f:2:29: expected a single value",
		"faults:\n  - {fault: status, fault: hang}":          "f:2:21: fault is set twice",
		"faults:\n  - {status: 500}":                         "f:2:5: expected fault: and a name, or profile: and a name",
		"faults:\n  - {profile: flakey}":                     "f:2:15: unknown profile \"flakey\" (did you mean flaky?)",
		"faults:\n  - {profile: flaky, chance: 1}":           "f:2:22: a profile has no parameter \"chance\"",
		"a: 1\n---\nb: 1":                                    "f:1:1: expected one document with faults",
		"b: *a\nfaults: []":                                  "f:1:1: unknown option \"b\"",
	} {
		_, err := Parse("f", []byte(text))
		var problems Problems
		if !errors.As(err, &problems) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	_, err := Parse("f", []byte("faults:\n  - hagn\n  - {fault: cut, bytes: x}\n  - cut"))
	if want := "f:2:5: unknown fault \"hagn\" (did you mean hang?): --list prints all\nf:3:25: bytes: \"x\": want a whole number that is not negative"; err == nil || err.Error() != want {
		t.Errorf("two problems: %v", err)
	}
	if _, err := Parse("f", []byte("faults:\n"+strings.Repeat("  - hang\n", maxFaults+1))); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("many faults: %v", err)
	}
	for text, want := range map[string]string{
		strings.Repeat("#", yamlfile.MaxFile+1):               "f:1:1: the file is larger than",
		"faults:\n  - " + strings.Repeat("[", 500_000):        "f:2:67: nested more than 64 levels deep",
		"faults:\n  - " + strings.Repeat("{fault: ", 100_000): "f:2:501: nested more than 64 levels deep",
		"faults:\n  - hang\n" + strings.Repeat("\n", 900_000): "f:203:1: more than 200 blank lines",
	} {
		if _, err := Parse("f", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(builtin))
	f.Add("faults: [hang, {fault: cut, bytes: 1}, {profile: flaky}]")
	f.Add("faults:\n  - {fault: range-cap, blocks: 0xff, lags: [1]}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("f", []byte(text))
		if err != nil {
			return
		}
		if _, err := New(p, 1, nil, Options{}); err != nil {
			t.Errorf("New refuses a parsed profile: %v", err)
		}
	})
}

// TestProfiles expects every profile to have a description, and to be usable.
func TestProfiles(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Profiles() {
		if p.Name == "" || p.Description == "" || seen[p.Name] || len(p.Faults) == 0 && p.Name != "none" {
			t.Errorf("profile %+v", p)
		}
		seen[p.Name] = true
		proxy, err := New(p, 1, ethereum(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		proxy.Close()
	}
	if liar, _ := Builtin("liar"); len(liar.Faults) < 10 {
		t.Errorf("liar does not have the faults of odd-fields: %+v", liar)
	}
}

// TestNewRefusesBadFaults passes profiles that were not parsed.
func TestNewRefusesBadFaults(t *testing.T) {
	for want, f := range map[string]Fault{
		"":                                     {"status", map[string]any{"status": 500}},
		`unknown fault "nothing"`:              {Name: "nothing"},
		`fault status has no parameter "many"`: {"status", map[string]any{"many": int64(1)}},
		"fault status: status is a string, want a int64": {"status", map[string]any{"status": "500"}},
		`fault range-cap: words: unknown value "x"`:      {"range-cap", map[string]any{"words": "x"}},
	} {
		_, err := New(&Profile{Name: "p", Faults: []Fault{f}}, 1, nil, Options{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", f, err, want)
		}
	}
}

// TestEveryKindIsTried expects a test of each fault.
func TestEveryKindIsTried(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if file == "parse_test.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, k := range Kinds() {
		tried := regexp.MustCompile(`\{"` + k.Name + `", |fault: "?` + k.Name + `\b|  - ` + k.Name + `"`)
		if !tried.MatchString(all.String()) {
			t.Errorf("%s has no test", k.Name)
		}
	}
}

// TestWords expects every refusal to be rendered without a placeholder left.
func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Refusals() {
		if seen[r.Name] {
			t.Errorf("%s exists twice", r.Name)
		}
		seen[r.Name] = true
		a := r.of(&call{method: getLogs}, facts{max: 10_000, asked: 20_001, span: span{16, 20_016}, work: span{16, 10_015}})
		text := string(a.body)
		if a.err != nil {
			text = a.err.Message
			if a.err.Code != r.Code {
				t.Errorf("%s: code %d", r.Name, a.err.Code)
			}
		}
		if strings.ContainsAny(text, "{}") && a.err != nil || a.status != r.Status && !(a.status == 0 && r.Status == 200) {
			t.Errorf("%s: status %d, %s", r.Name, a.status, text)
		}
	}
	for name, want := range map[string]string{
		"quicknode":      "eth_getLogs is limited to a 10,000 range",
		"merkle":         "eth_getLogs range is too large, max is 10k blocks",
		"infura":         "range 20001 exceeds limit of 10000",
		"infura-results": "query returned more than 10000 results. Try with this block range [0x10, 0x271f].",
		"reth-results":   "query exceeds max results 10000, retry with the range 16-10015",
		"avalanche":      "requested too many blocks from 16 to 20016, maximum is set to 10000",
		"no-method":      "the method eth_getLogs does not exist/is not available",
	} {
		a := refusal(name).of(&call{method: getLogs}, facts{max: 10_000, asked: 20_001, span: span{16, 20_016}, work: span{16, 10_015}})
		if a.err.Message != want {
			t.Errorf("%s: %s", name, a.err.Message)
		}
	}
	if got := strings.Join([]string{commas(5), commas(999), commas(1000), commas(1234567), thousands(500), thousands(2000)}, " "); got != "5 999 1,000 1,234,567 500 2k" {
		t.Errorf("numbers: %s", got)
	}
}
