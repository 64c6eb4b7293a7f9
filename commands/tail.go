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
		Long: `Print the last lines of a log file of "run", such as evm/error.log. The command is meant
for containers without a shell. Without an argument it lists the log files.

error.log contains problems that need attention, and when they ended: an endpoint, or
all endpoints of a chain, that have not answered for some time, a stalled stream, dead
letters, a chain without an owner, a database that does not answer. It is best empty.

The folder is that of --log-dir, or of the variable ` + logDirVariable + `, as in the
containers of docker-compose.yml, or else the working directory.`,
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
				return fmt.Errorf("%s contains no log file %s: its log files are %s; name another folder with --log-dir", dir, args[0], cmp.Or(strings.Join(logFiles(dir), ", "), "none"))
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

// last returns the last n lines of a text.
func last(text []byte, n int) []byte {
	at := len(text)
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(text[:at-1], '\n') + 1
	}
	return text[at:]
}

// logFiles returns the log files in a folder, relative to it.
func logFiles(dir string) []string {
	files, err := fs.Glob(os.DirFS(dir), "*/*.log")
	if err != nil {
		return nil
	}
	return slices.Sorted(slices.Values(files))
}
