// Package npmtest installs npm packages for tests that compare with them.
package npmtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/required"
)

// Install returns a folder in the user's cache with what a folder's package-lock.json
// names, installed once for a user. Without npm or its registry the test is skipped for
// want of what.
func Install(t testing.TB, what, pack string) string {
	t.Helper()
	const how = "put node and npm on PATH, and let npm reach its registry"
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			required.Skip(t, what, how)
		}
	}
	folder, err := installed(t.Context(), what, pack)
	if err != nil {
		t.Log(err)
		required.Skip(t, what, how)
	}
	return folder
}

func installed(ctx context.Context, what, pack string) (string, error) {
	lock, err := os.ReadFile(filepath.Join(pack, "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "event-worker-test")
	sum := sha256.Sum256(lock)
	folder := filepath.Join(cache, fmt.Sprintf("%s-%x", what, sum[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(cache, "installing-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh) // gone when all went well
	if err := install(ctx, pack, fresh); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, folder); err != nil {
		if _, missing := os.Stat(folder); missing != nil { // no other test run was faster
			return "", err
		}
	}
	return folder, nil
}

func install(ctx context.Context, pack, folder string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(pack, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}
