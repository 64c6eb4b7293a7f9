package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences under which the program may contain code of others.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0", "MIT", "public domain"}

// judged are licences that licensecheck does not recognise, by the hashes of their texts.
var judged = map[string]string{
	"8438c9c89b849131ead81d5435cb97fcf052df5b0b286dda8a2d4c29e6cb3fd0": "public domain", // SQLite's
}

// incidental are files beside a component's licence that name licences of what is not
// linked, such as test data. Their texts are included.
var incidental = regexp.MustCompile(`(?i)^(notice|license-3rd-party|license-logo)`)

// named are the files in which components state their terms.
var named = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|unlicense)|\.licen[sc]e$`)

// recognised is the part of a text, in percent, that must be that of known licences.
const recognised = 75

// text is a file in which a component states its terms.
type text struct {
	file     string // in the component's folder
	content  []byte
	licences []string
}

// texts returns the terms of a component. It fails if one of its licences is unknown or not
// allowed, or if it has none.
func (c *component) texts() (all []text, licences []string, err error) {
	for dir := range c.dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			if e.IsDir() || !named.MatchString(e.Name()) {
				continue
			}
			t, err := c.read(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, nil, err
			}
			all, licences = append(all, t), append(licences, t.licences...)
		}
	}
	slices.SortFunc(all, func(a, b text) int { return strings.Compare(a.file, b.file) })
	slices.Sort(licences)
	licences = slices.Compact(licences)
	// The LGPL-3.0 is a supplement of the GPL-3.0, whose text is beside it.
	if at, ok := slices.BinarySearch(licences, "GPL-3.0"); ok && slices.Contains(licences, "LGPL-3.0") {
		licences = slices.Delete(licences, at, at+1)
	}
	if len(licences) == 0 {
		return nil, nil, fmt.Errorf("%s has no licence", c.name)
	}
	for _, l := range licences {
		if !slices.Contains(allowed, l) {
			return nil, nil, fmt.Errorf("%s has the licence %s, which is not allowed: allowed are %s", c.name, l, strings.Join(allowed, ", "))
		}
	}
	return all, licences, nil
}

// read reads a file with terms of a component.
func (c *component) read(path string) (text, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return text{}, err
	}
	file, err := filepath.Rel(c.root, path)
	t := text{file: file, content: bytes.TrimSpace(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))}
	if err != nil || incidental.MatchString(filepath.Base(path)) {
		return t, err
	}
	if l := judged[fmt.Sprintf("%x", sha256.Sum256(content))]; l != "" {
		t.licences = []string{l}
		return t, nil
	}
	scanned := licensecheck.Scan(content)
	if scanned.Percent < recognised {
		return t, fmt.Errorf("%s: the licence in %s is not recognised, sha256 %x", c.name, file, sha256.Sum256(content))
	}
	for _, m := range scanned.Match {
		t.licences = append(t.licences, m.ID)
	}
	return t, nil
}
