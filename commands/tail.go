package commands

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
)

// logDirVariable is the option log.dir as a variable of the environment.
const logDirVariable = "EVENT_WORKER_LOG_DIR"

func newTail() *cobra.Command {
	var dir string
	var lines int
	c := &cobra.Command{
		Use:   "tail [FILE]",
		Short: "Print the last lines of a log file",
		Long: `Print the last lines of a log file of "run", such as evm/error.log, which is meant for
containers without a shell. Without a file the names of all of them are printed.

In error.log is what people must act on: an endpoint or all of a chain's that have not
answered for a while, a stalled stream, dead letters, a chain without owner, a database
that does not answer; and when that ended. An empty one is a good sign.

The folder is --log-dir, or that of the variable ` + logDirVariable + `, as in the
containers of docker-compose.yml, or the working directory.`,
		Example: `  event-worker tail -n 10 evm/error.log --log-dir logs
  docker compose exec event-worker-evm event-worker tail -n 10 evm/error.log`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(c.OutOrStdout(), strings.Join(logFiles(dir), "\n"))
				return cli.UnlessClosed(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, args[0]))
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no log file %s in %s: there are %s; name the folder with --log-dir", args[0], dir, cmp.Or(strings.Join(logFiles(dir), ", "), "none"))
			}
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(last(text, lines))
			return cli.UnlessClosed(err)
		},
	}
	c.Flags().StringVar(&dir, "log-dir", cmp.Or(os.Getenv(logDirVariable), "."), "the folder of the log files")
	c.Flags().IntVarP(&lines, "lines", "n", 10, "how many lines")
	return c
}

// last are the last n lines of a text. Log files are bounded.
func last(text []byte, n int) []byte {
	at := len(text)
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(text[:at-1], '\n') + 1
	}
	return text[at:]
}

// logFiles are the log files of a folder, relative to it.
func logFiles(dir string) []string {
	files, err := fs.Glob(os.DirFS(dir), "*/*.log")
	if err != nil {
		return nil
	}
	return slices.Sorted(slices.Values(files))
}
