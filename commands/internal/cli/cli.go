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
	"github.com/spf13/pflag"

	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/internal/spelling"
)

// NoArgs refuses arguments, with a hint if one may be a misspelt command.
func NoArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	what := "argument"
	if c.HasAvailableSubCommands() {
		what = "command"
	}
	if near := nearCommand(c, args[0]); near != "" {
		return fmt.Errorf("unknown %s %q: did you mean %s?", what, args[0], near)
	}
	return fmt.Errorf("unknown %s %q: see %s --help", what, args[0], c.CommandPath())
}

// nearCommand is the path of the command below c that a word was probably meant for, or else
// of one below these; empty if none is near.
func nearCommand(c *cobra.Command, word string) string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if near := spelling.Nearest(word, names); near != "" {
		return c.CommandPath() + " " + near
	}
	for _, sub := range c.Commands() { // event-worker check
		for _, deeper := range sub.Commands() {
			if deeper.Name() == word && deeper.IsAvailableCommand() {
				return deeper.CommandPath()
			}
		}
	}
	return ""
}

// FlagError adds to an error of a command's flags what was probably meant: a misspelt command
// before them, another flag, or a flag of another command.
func FlagError(c *cobra.Command, err error) error {
	if args := c.Flags().Args(); c.HasAvailableSubCommands() && len(args) > 0 {
		return NoArgs(c, args)
	}
	hint := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		hint = nearFlag(c, unknown.GetSpecifiedName())
	}
	return fmt.Errorf("%w%s: see %s --help", err, hint, c.CommandPath())
}

// nearFlag asks for the flag that was probably meant; empty if none is near.
func nearFlag(c *cobra.Command, name string) string {
	if near := spelling.Nearest(name, flagsOf(c)); near != "" {
		return fmt.Sprintf(" (did you mean --%s?)", near)
	}
	for _, sub := range c.Commands() {
		if near := spelling.Nearest(name, flagsOf(sub)); near != "" && sub.IsAvailableCommand() {
			return fmt.Sprintf(" (a flag comes after its command: %s COMMAND --%s)", c.CommandPath(), near)
		}
	}
	return ""
}

func flagsOf(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
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

// Named adds the name of the command that failed to an error: "hooks list: …". A nil error
// stays nil.
func Named(c *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" "), err)
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
