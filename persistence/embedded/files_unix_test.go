//go:build unix

package embedded

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// permissions returns those of every file in a folder, and of the folder as ".".
func permissions(t *testing.T, dir string) map[string]os.FileMode {
	t.Helper()
	found := map[string]os.FileMode{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = info.Mode().Perm()
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	found["."] = info.Mode().Perm()
	return found
}

// Only the owner has access to the files, with any umask and also to those of an earlier
// version.
func TestFilesArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	putOrder(t, s, "a")
	check := func(files ...string) {
		t.Helper()
		found := permissions(t, dir)
		for _, name := range files {
			if found[name] != private {
				t.Errorf("%s: %v", name, found[name])
			}
		}
	}
	check(fileName, fileName+"-wal", fileName+"-shm", fileName+"-mark", lockName)
	if found := permissions(t, dir)["."]; found != privateFolder {
		t.Errorf("the folder: %v", found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{fileName, fileName + "-mark", lockName} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	putOrder(t, open(t, dir), "b")
	check(fileName, fileName+"-wal", fileName+"-shm", fileName+"-mark", lockName)
}
