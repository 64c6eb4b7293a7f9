package secretfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func write(t interface {
	Helper()
	Fatal(...any)
}, dir, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Read returns the text without the line breaks that follow it.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[ -~]([ -~\n]{0,100}[ -~])?`).Draw(t, "secret")
		end := rapid.SampledFrom([]string{"", "\n", "\r\n", "\n\n"}).Draw(t, "end")
		if got, err := Read(write(t, dir, secret+end)); err != nil || got != secret {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	largest := strings.Repeat("s", maxSize)
	if got, err := Read(write(t, dir, largest)); err != nil || got != largest {
		t.Errorf("the largest file: %v", err)
	}
	for text, want := range map[string]string{"": "is empty", "\r\n": "is empty", largest + "s": "is larger than 64 KiB"} {
		path := write(t, dir, text)
		if _, err := Read(path); err == nil || !strings.HasPrefix(err.Error(), path+" "+want) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "missing")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}

func TestVariable(t *testing.T) {
	path := write(t, t.TempDir(), "from the file\n")
	for _, test := range []struct {
		env                map[string]string
		want, source, fail string
	}{
		{nil, "", "KEY", ""},
		{map[string]string{"KEY": "value"}, "value", "KEY", ""},
		{map[string]string{"KEY": "value", "KEY_FILE": ""}, "value", "KEY", ""},
		{map[string]string{"KEY_FILE": path}, "from the file", "KEY_FILE", ""},
		{map[string]string{"KEY": "", "KEY_FILE": path}, "from the file", "KEY_FILE", ""},
		{map[string]string{"KEY": "value", "KEY_FILE": path}, "", "KEY", "KEY and KEY_FILE are both set: unset one of them"},
		{map[string]string{"KEY_FILE": "/nowhere/file"}, "", "KEY_FILE", "KEY_FILE: open /nowhere/file: no such file or directory"},
	} {
		getenv := func(name string) string { return test.env[name] }
		got, err := Variable("KEY", getenv)
		if got != test.want || (err == nil) != (test.fail == "") || err != nil && err.Error() != test.fail {
			t.Errorf("%v: %q, %v", test.env, got, err)
		}
		if got := Source("KEY", getenv); got != test.source {
			t.Errorf("%v: from %s, want %s", test.env, got, test.source)
		}
	}
}
