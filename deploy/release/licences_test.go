package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The committed licences are those of what is linked now, and all of them are allowed.
func TestLicencesAreCurrent(t *testing.T) {
	if err := checkLicences("../.."); err != nil {
		t.Error(err)
	}
}

func TestTermsOfComponents(t *testing.T) {
	mit, gpl, lgpl := licence(t, "The MIT License"), licence(t, "GNU GENERAL PUBLIC LICENSE"), licence(t, "GNU LESSER GENERAL PUBLIC LICENSE")
	type files map[string]string
	for name, c := range map[string]struct {
		files files
		want  string // the licences, or part of the error
	}{
		"allowed":             {files{"LICENSE": mit}, "MIT"},
		"named otherwise":     {files{"license.md": mit}, "MIT"},
		"beside a script":     {files{"script.LICENSE": mit}, "MIT"},
		"a notice":            {files{"LICENSE": mit, "NOTICE": "Copyright somebody"}, "MIT"},
		"a used folder":       {files{"LICENSE": mit, "used/LICENSE": gpl}, "GPL-3.0, which is not allowed"},
		"an unused folder":    {files{"LICENSE": mit, "unused/LICENSE": gpl}, "MIT"},
		"none":                {files{"README": mit}, "has no licence"},
		"a notice alone":      {files{"NOTICE": mit}, "has no licence"},
		"own terms":           {files{"LICENSE": "You must not use this in production."}, "the licence in LICENSE is not recognised"},
		"own terms beside it": {files{"LICENSE": mit, "used/LICENSE": "Ask us first."}, "the licence in used/LICENSE is not recognised"},
		"GPL":                 {files{"COPYING": gpl}, "GPL-3.0, which is not allowed"},
		"LGPL":                {files{"COPYING": gpl, "COPYING.LESSER": lgpl}, "LGPL-3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, content := range c.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			dirs := map[string]bool{root: true}
			if used := filepath.Join(root, "used"); exists(used) {
				dirs[used] = true
			}
			component := component{name: "example.com/c", root: root, dirs: dirs}
			all, licences, err := component.texts()
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
				return
			}
			if got := strings.Join(licences, ", "); got != c.want {
				t.Errorf("licences %s, want %s", got, c.want)
			}
			if _, notice := c.files["NOTICE"]; notice && len(all) != 2 {
				t.Errorf("%d texts: the notice is missing", len(all))
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// licence is the text of the repository's third-party licences that begins with a title.
func licence(t *testing.T, title string) string {
	t.Helper()
	for part := range strings.SplitSeq(string(read(t, filepath.Join("../..", thirdParty))), "\n"+separator+"\n") {
		_, text, _ := strings.Cut(part, "]\n\n")
		if strings.HasPrefix(strings.TrimSpace(text), title) {
			return text
		}
	}
	t.Fatalf("%s has no text %q", thirdParty, title)
	return ""
}
