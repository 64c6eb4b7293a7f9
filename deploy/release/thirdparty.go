package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// thirdParty is the file of the repository with the terms of all components. Archives and
// images contain it.
const thirdParty = "THIRD-PARTY-LICENSES.txt"

const preface = `The program event-worker contains code of others, under their terms. This file lists the
components of its releases, the licences of each, and the numbers of their texts below. The
file NOTICE has more. "make licences" writes this file.
`

// separator is between two texts.
var separator = strings.Repeat("=", 80)

// licencesOf returns what the file thirdParty must contain.
func licencesOf(repository string) ([]byte, error) {
	components, err := componentsOf(repository)
	if err != nil {
		return nil, err
	}
	var list, texts bytes.Buffer
	numbers := map[string]int{} // of texts; many components have the same
	for _, c := range components {
		all, licences, err := c.texts()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&list, "\n%s\n    %s", strings.TrimSpace(c.name+" "+c.version), strings.Join(licences, ", "))
		for _, t := range all {
			number, known := numbers[string(t.content)]
			if !known {
				number = len(numbers) + 1
				numbers[string(t.content)] = number
				fmt.Fprintf(&texts, "\n%s\n[%d]\n\n%s\n", separator, number, t.content)
			}
			fmt.Fprintf(&list, "; %s [%d]", t.file, number)
		}
		list.WriteByte('\n')
	}
	return []byte(preface + list.String() + texts.String()), nil
}

// checkLicences checks that the file thirdParty of a repository is current.
func checkLicences(repository string) error {
	want, err := licencesOf(repository)
	if err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(repository, thirdParty))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New(thirdParty + " is out of date: run make licences, and read what it changes")
	}
	return nil
}

// writeLicences writes the file thirdParty of a repository.
func writeLicences(repository string) error {
	text, err := licencesOf(repository)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(repository, thirdParty), text, 0o644)
}
