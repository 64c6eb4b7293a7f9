// Package cli has what commands share: arguments, errors, texts and the terminal.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/internal/printable"
)

// NoArgs refuses arguments, with a hint if one may be a misspelt command.
func NoArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %s %s?", args[0], c.CommandPath(), near[0])
	}
	return fmt.Errorf("unknown argument %q: see %s --help", args[0], c.CommandPath())
}

// One wants exactly one argument.
func One(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("expected one argument, %s: see %s --help", what, c.CommandPath())
		}
		return nil
	}
}

// OneLine is an error's text in one line, printable.
func OneLine(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return printable.Text(strings.Join(lines, "; "))
}

// UnlessClosed returns nil for the error of a reader that closed our output, such as head.
func UnlessClosed(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// Self is how the user calls this program, for the examples that it prints.
func Self() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(filepath.ToSlash(path), "/go-build") {
		return "go run ."
	}
	return os.Args[0]
}

// Callable is a listener's address as others would call it.
func Callable(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr)
	host, err := os.Hostname()
	if err != nil || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// Exists reports whether there is a file or folder.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
