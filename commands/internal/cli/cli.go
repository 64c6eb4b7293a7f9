// Package cli contains what commands share: arguments, errors, texts and the terminal.
package cli

import (
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

// NoArgs refuses arguments. The error suggests a command if the first argument resembles
// one.
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

// nearCommand returns the path of the command below c that resembles a word, or else of a
// command one level deeper with that name; empty if there is none.
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
	for _, sub := range c.Commands() { // "event-worker check" for "event-worker config check"
		for _, deeper := range sub.Commands() {
			if deeper.Name() == word && deeper.IsAvailableCommand() {
				return deeper.CommandPath()
			}
		}
	}
	return ""
}

// FlagError adds a suggestion to an error of a command's flags: the command that a word
// before them resembles, a similar flag, or the subcommand that has the flag.
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

// nearFlag suggests the flag that a name resembles; empty if there is none.
func nearFlag(c *cobra.Command, name string) string {
	if near := spelling.Nearest(name, flagsOf(c)); near != "" {
		return fmt.Sprintf(" (did you mean --%s?)", near)
	}
	for _, sub := range c.Commands() {
		if near := spelling.Nearest(name, flagsOf(sub)); near != "" && sub.IsAvailableCommand() {
			return fmt.Sprintf(" (put it after the command: %s COMMAND --%s)", c.CommandPath(), near)
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

// One requires exactly one argument.
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

// OneLine formats an error as a single printable line.
func OneLine(err error) string {
	if interrupted(err) {
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

// UnlessClosed returns nil if the error says that the reader of the output, such as head,
// has closed it.
func UnlessClosed(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// Self returns the command with which the user started this program, for printed examples.
func Self() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(filepath.ToSlash(path), "/go-build") {
		return "go run ."
	}
	return os.Args[0]
}

// Callable returns a listener's address as other machines can reach it.
func Callable(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr)
	host, err := os.Hostname()
	if err != nil || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// Exists reports whether a file or folder exists.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
