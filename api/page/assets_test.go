package page

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// Third-party files are unchanged copies from the packages in assets/README.md.
func TestThirdPartyAssets(t *testing.T) {
	readme, err := os.ReadFile("assets/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"htmx.min.js":   "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
		"uplot.min.js":  "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	} {
		sum := sha256.Sum256(assets[name].content)
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s has the hash %s, its package has %s", name, got, want)
		}
		if !strings.Contains(string(readme), "`"+name+"`") || !strings.Contains(string(readme), want) {
			t.Errorf("assets/README.md does not have the package and the hash of %s", name)
		}
	}
}

// The page loads nothing from other servers, and has no inline scripts or styles.
func TestNothingFromElsewhere(t *testing.T) {
	for name, a := range assets {
		if own := strings.HasPrefix(name, "page.") || name == "theme.js"; own && strings.Contains(string(a.content), "//") &&
			(strings.Contains(string(a.content), "http://") || strings.Contains(string(a.content), "https://")) {
			t.Errorf("%s has a URL", name)
		}
	}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := templateFiles.ReadFile("templates/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, not := range []string{"<style", " style=", " onclick", " hx-on", "javascript:", "http://", "https://", "<script>", "template.HTML"} {
			if strings.Contains(string(text), not) {
				t.Errorf("%s has %s", file.Name(), not)
			}
		}
	}
}
