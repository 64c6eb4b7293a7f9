package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	tarballs "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// repository returns a repository with one commit, of the files that archives contain.
func repository(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range documents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "--quiet")
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "--quiet", "--message", "all", "--date", "2026-01-31T12:00:00+02:00")
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	c := exec.Command("git", append([]string{"-C", dir}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_COMMITTER_DATE=2026-01-31T12:00:00+02:00")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestRefuses(t *testing.T) {
	dir := repository(t)
	for version, want := range map[string]string{
		"":       "the version is missing: make release VERSION=v1.2.3",
		"1.2.3":  `"1.2.3" is not a version`,
		"v1.2":   `"v1.2" is not a version`,
		"latest": `"latest" is not a version`,
	} {
		if _, err := commitOf(dir, version); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", version, err)
		}
	}
	c, err := commitOf(dir, "v1.2.3-rc.1")
	if err != nil || len(c.hash) != 40 || c.time != time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC) {
		t.Errorf("%+v, %v", c, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := commitOf(dir, "v1.2.3"); err == nil || !strings.Contains(err.Error(), "has uncommitted changes") || !strings.Contains(err.Error(), "?? new") {
		t.Errorf("with changes: %v", err)
	}
	if err := release(dir, "v1.2.3", t.TempDir(), []platform{{"linux", "amd64"}}); err == nil {
		t.Error("a repository with changes was released")
	}
}

func TestChoose(t *testing.T) {
	for only, want := range map[string]string{
		"":                         "[darwin_amd64 darwin_arm64 linux_amd64 linux_arm64] <nil>",
		"linux_arm64,darwin_amd64": "[linux_arm64 darwin_amd64] <nil>",
		"linux_amd64,linux_arm":    `[] unknown platform "linux_arm": choose from [darwin_amd64 darwin_arm64 linux_amd64 linux_arm64]`,
	} {
		chosen, err := choose(only)
		if got := fmt.Sprint(chosen, " ", err); got != want {
			t.Errorf("%q: %s, want %s", only, got, want)
		}
	}
}

// Archives and images do not depend on paths, file times, file modes, or the present time.
func TestReproducible(t *testing.T) {
	made := func(mode os.FileMode, at time.Time) (archive, image []byte) {
		c := commit{repository: repository(t), version: "v1.2.3", hash: "hash", time: time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)}
		dir := t.TempDir()
		binary := filepath.Join(dir, "event-worker")
		if err := os.WriteFile(binary, bytes.Repeat([]byte("program "), 10_000), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(binary, at, at); err != nil {
			t.Fatal(err)
		}
		if err := c.archive(binary, "event-worker_v1.2.3_linux_amd64", filepath.Join(dir, "archive")); err != nil {
			t.Fatal(err)
		}
		if err := c.image(platform{"linux", "amd64"}, binary, filepath.Join(dir, "image")); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, filepath.Join(dir, "image"))
		return read(t, filepath.Join(dir, "archive")), read(t, filepath.Join(dir, "image"))
	}
	archive, image := made(0o755, time.Unix(1, 0))
	archive2, image2 := made(0o600, time.Unix(2_000_000_000, 0))
	if !bytes.Equal(archive, archive2) {
		t.Error("the archives differ")
	}
	if !bytes.Equal(image, image2) {
		t.Error("the images differ")
	}
}

// wellFormed validates an image as a registry would, and checks its configuration.
func wellFormed(t *testing.T, file string) {
	t.Helper()
	image, err := tarballs.ImageFromPath(file, nil)
	if err == nil {
		err = validate.Image(image)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range terms {
		if !inImage(t, image, "usr/share/doc/event-worker/"+name) {
			t.Errorf("the image lacks %s", name)
		}
	}
	c, err := image.ConfigFile()
	if err != nil || c.Config.User != "65532:65532" || c.Architecture != "amd64" || len(c.History) != 2 || c.Config.Labels["org.opencontainers.image.revision"] != "hash" {
		t.Errorf("%+v, %v", c, err)
	}
}

func inImage(t *testing.T, image v1.Image, file string) bool {
	t.Helper()
	content := mutate.Extract(image)
	defer content.Close()
	files := tar.NewReader(content)
	for {
		header, err := files.Next()
		if err == io.EOF {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == file {
			return true
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A folder with files that are not part of a release is not changed.
func TestMakeEmpty(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	for range 2 {
		if err := makeEmpty(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{sums, "event-worker_v1.2.3_linux_amd64.tar.gz"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "diary"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makeEmpty(dir); err == nil || !strings.Contains(err.Error(), "contains diary, which is not part of a release") {
		t.Errorf("error %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestAuthorities(t *testing.T) {
	pool, n := x509.NewCertPool(), 0
	rest := authorities()
	for block, after := pem.Decode(rest); block != nil; block, after = pem.Decode(after) {
		n++
	}
	if !pool.AppendCertsFromPEM(rest) || n < 50 {
		t.Errorf("%d certificates", n)
	}
}
