// Package commands is the command line.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/internal/printable"
)

// Assets are the files that the program carries in itself.
type Assets struct {
	Recordings   fs.FS
	RecordingsIn string // the folder in Recordings with one folder for each chain
	Example      []byte // the configuration with every option explained
}

// Main runs the command that the process was started with and returns its exit
// code. The first SIGINT or SIGTERM ends the command in good order, a second one
// at once.
func Main(assets Assets) int {
	signal.Ignore(syscall.SIGPIPE) // whoever writes gets an error instead
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := newRoot(assets).ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "event-worker: "+oneLine(err))
	return 1
}

func newRoot(assets Assets) *cobra.Command {
	root := &cobra.Command{
		Use:   "event-worker",
		Short: "Follow NFT markets and keep every order's state, exact through crashes and reorganisations",
		Long: `The event worker follows NFT markets on EVM chains and Aptos. It keeps the
current state of every order and the feed of activities behind it in MongoDB or in a
data folder, exact through crashes, restarts and reorganisations.

Try it on recorded mainnet data with "demo", then describe your own chains in a file
("config example" prints one) and "run" it.`,
		Example: `  event-worker demo --once
  event-worker config example > event-worker.yaml
  event-worker run --config event-worker.yaml`,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
	})
	root.AddCommand(
		newDemo(assets),
		newRun(assets),
		newReplay(assets),
		newFaults(),
		newStatus(),
		newDrain(),
		newHealthcheck(),
		newQuery(),
		newRewind(),
		newRetry(),
		newCopy(),
		newMongoDB(),
		newConfig(assets),
		newMarkets(),
		newSchema(),
		newVersion(),
	)
	return root
}

// noArgs refuses arguments, with a hint if one may be a misspelt command.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %s %s?", args[0], c.CommandPath(), near[0])
	}
	return fmt.Errorf("unknown argument %q: see %s --help", args[0], c.CommandPath())
}

// oneLine is an error's text in one line, printable.
func oneLine(err error) string {
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

// self is how the user calls this program, for the examples that it prints.
func self() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(filepath.ToSlash(path), "/go-build") {
		return "go run ."
	}
	return os.Args[0]
}
