// Package secretfile reads secrets from files, as Docker, Kubernetes and systemd mount them.
package secretfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSize bounds the size of a file, in bytes. A list of endpoints is far shorter.
const maxSize = 64 << 10

// Suffix is the suffix of a variable that names a file with the value of another variable.
const Suffix = "_FILE"

// Read returns the text of a file without trailing line breaks. An empty file is an error.
// The error names the file and does not contain its text.
func Read(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSize {
		return "", fmt.Errorf("%s is larger than %d KiB: is it the file with the secret?", path, maxSize>>10)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret, nil
}

// Variable returns the value of an environment variable, or else the text of the file that the
// variable NAME_FILE names; empty if neither is set. An empty variable counts as not set.
// Setting both is an error.
func Variable(name string, getenv func(string) string) (string, error) {
	value, file := getenv(name), getenv(name+Suffix)
	switch {
	case value != "" && file != "":
		return "", errors.New(name + " and " + name + Suffix + " are both set: unset one of them")
	case file != "":
		secret, err := Read(file)
		if err != nil {
			return "", fmt.Errorf("%s%s: %w", name, Suffix, err)
		}
		return secret, nil
	}
	return value, nil
}

// Source returns the name of the variable that Variable reads: NAME or NAME_FILE.
func Source(name string, getenv func(string) string) string {
	if getenv(name) == "" && getenv(name+Suffix) != "" {
		return name + Suffix
	}
	return name
}
