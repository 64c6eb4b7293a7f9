package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// The definitions that the pages show are sound, and so is the file that the example
// makes.
func TestDefinitionsOfThePages(t *testing.T) {
	for _, page := range []string{"definitions.md", "new-market.md", "cryptopunks.yaml"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, block := range yamlOf(page, string(text)) {
			if !strings.HasPrefix(block, "market:") {
				continue
			}
			found++
			if _, err := definition.Parse(definition.Source{File: page, Text: []byte(strings.ReplaceAll(block, "  - abi/market.json\n", ""))}); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		if found != 1 {
			t.Errorf("%s shows %d definitions", page, found)
		}
	}
}

// yamlOf is a page's blocks of YAML, or the file itself.
func yamlOf(page, text string) (blocks []string) {
	if strings.HasSuffix(page, ".yaml") {
		return []string{text}
	}
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			if block, ok := strings.CutPrefix(part, "yaml\n"); ok {
				blocks = append(blocks, block)
			}
		}
	}
	return blocks
}

// The page's tables name every kind of market event.
func TestDefinitionsPageNamesAllKinds(t *testing.T) {
	text, err := os.ReadFile("definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range markets.Kinds() {
		if !strings.Contains(string(text), string(k)) {
			t.Errorf("definitions.md does not name %s", k)
		}
	}
}
