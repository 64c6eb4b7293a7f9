package api

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/imart/event-worker/internal/secretfile"
)

// maxToken bounds a token, in bytes: it must fit into a header.
const maxToken = 4096

// newToken returns a function that returns the current token; empty if none is configured.
func newToken(token, file string, log *slog.Logger) (func() string, error) {
	if file == "" {
		if token == "" {
			return func() string { return "" }, nil
		}
		if err := CheckToken(token); err != nil {
			return nil, fmt.Errorf("api.token %w", err)
		}
		return func() string { return token }, nil
	}
	r, err := reload("the file of api.tokenFile", []string{file}, func() (string, error) { return readToken(file) }, log)
	if err != nil {
		return nil, err
	}
	return r.get, nil
}

// readToken reads a token from a file, without the white space around it.
func readToken(file string) (string, error) {
	text, err := secretfile.Read(file)
	if err != nil {
		return "", fmt.Errorf("api.tokenFile: %w: put a token into the file, such as the output of openssl rand -hex 32", err)
	}
	token := strings.TrimSpace(text)
	if err := CheckToken(token); err != nil {
		return "", fmt.Errorf("api.tokenFile: the content of %s %w", file, err)
	}
	return token, nil
}

// CheckToken returns an error unless a token fits into a header: 1 to 4096 printable ASCII
// characters without spaces. Its text follows the name of the option, as in "api.token is
// empty".
func CheckToken(token string) error {
	switch {
	case token == "":
		return errors.New("is empty: put a token there, such as the output of openssl rand -hex 32")
	case len(token) > maxToken:
		return fmt.Errorf("is longer than %d bytes", maxToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("is not a token: it may contain letters, digits and punctuation, but no spaces")
	}
	return nil
}
