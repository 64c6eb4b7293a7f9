package api

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/imart/event-worker/internal/secretfile"
)

// maxToken bounds a token, in bytes: headers have little room.
const maxToken = 4096

// newToken returns what returns the token that clients need now; empty if they need none.
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

// readToken reads a file with a token, and white space around it.
func readToken(file string) (string, error) {
	text, err := secretfile.Read(file)
	if err != nil {
		return "", fmt.Errorf("api.tokenFile: %w: put a token into the file, such as what openssl rand -hex 32 prints", err)
	}
	token := strings.TrimSpace(text)
	if err := CheckToken(token); err != nil {
		return "", fmt.Errorf("api.tokenFile: the content of %s %w", file, err)
	}
	return token, nil
}

// CheckToken says what is wrong with a token: a header must be able to carry it.
func CheckToken(token string) error {
	switch {
	case token == "":
		return errors.New("is empty: put a token there, such as what openssl rand -hex 32 prints")
	case len(token) > maxToken:
		return fmt.Errorf("is longer than %d bytes", maxToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("is not a token: it may have letters, digits and punctuation, and no spaces")
	}
	return nil
}
