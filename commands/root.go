// Package commands implements the command line.
package commands

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/demo"
	"github.com/imart/event-worker/commands/internal/faults"
	"github.com/imart/event-worker/commands/internal/markets"
)

// Assets are the files that are embedded in the program.
type Assets struct {
	Recordings   fs.FS
	RecordingsIn string // the folder in Recordings with one folder for each chain
	Example      []byte // the example configuration, which explains every option
}

func (a Assets) recordings() demo.Recordings {
	return demo.Recordings{Files: a.Recordings, Folder: a.RecordingsIn}
}

// Main runs the command that the process was started with and returns its exit code. The
// end of the context shuts the command down gracefully.
func Main(ctx context.Context, assets Assets) int {
	signal.Ignore(syscall.SIGPIPE) // writes to a closed pipe return an error instead
	root := newRoot(assets)
	stderr := cli.Guard(os.Stderr)
	root.SetOut(cli.Guard(os.Stdout))
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "event-worker: "+cli.OneLine(err))
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
		Args:          cli.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(cli.FlagError)
	root.AddCommand(
		demo.New(assets.recordings(), demoData),
		newRun(assets),
		newServe(),
		demo.NewReplay(assets.recordings()),
		faults.New(),
		newStatus(),
		newDrain(),
		newHealthcheck(),
		newTail(),
		newQuery(),
		newExplain(),
		newRewind(),
		newVerify(assets),
		newCheck(),
		newRetry(),
		newRedecode(),
		newPause(),
		newResume(),
		newCopy(),
		newOrders(),
		newHooks(),
		newMongoDB(),
		newConfig(assets),
		markets.New(),
		newSchema(),
		newCompletion(),
		newVersion(),
	)
	complete(root)
	return root
}
