package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// terms are the files of the repository that archives and images contain with the program.
var terms = []string{"LICENSE", "NOTICE", thirdParty}

// documents are the files of the repository that every archive contains beside the program.
var documents = append([]string{"README.md", "event-worker.example.yaml"}, terms...)

// archive writes a .tar.gz with one folder that contains the program and the documents.
func (c commit) archive(binary, folder, file string) error {
	var files tarball
	files.folder(folder, 0)
	for _, name := range slices.Sorted(slices.Values(append([]string{"event-worker"}, documents...))) {
		path, mode := filepath.Join(c.repository, name), int64(0o644)
		if name == "event-worker" {
			path, mode = binary, 0o755
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files.file(folder+"/"+name, mode, content)
	}
	packed, err := files.pack(c)
	if err != nil {
		return err
	}
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression) // without time and name in its header
	if err != nil {
		return err
	}
	if _, err := w.Write(packed); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, compressed.Bytes(), 0o644)
}

// tarball is the content of a tar archive, in order.
type tarball []entry

type entry struct {
	header  tar.Header
	content []byte
}

func (t *tarball) folder(name string, owner int) {
	*t = append(*t, entry{tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, Uid: owner, Gid: owner}, nil})
}

func (t *tarball) file(name string, mode int64, content []byte) {
	*t = append(*t, entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content})
}

// pack returns the archive. All times are that of the commit.
func (t tarball) pack(c commit) ([]byte, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, e := range t {
		e.header.ModTime, e.header.Format = c.time, tar.FormatUSTAR
		if err := w.WriteHeader(&e.header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return packed.Bytes(), err
}

// sums is the name of the file with the checksums of all other files.
const sums = "SHA256SUMS"

// writeSums writes the checksums of a folder's files, for sha256sum --check.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, sums), []byte(text.String()), 0o644)
}

// makeEmpty makes an empty folder. It removes the files of an earlier release, and refuses
// a folder with any other file.
func makeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != sums && !strings.HasPrefix(e.Name(), "event-worker_v") {
			return fmt.Errorf("%s contains %s, which is not part of a release: choose another folder", dir, e.Name())
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
