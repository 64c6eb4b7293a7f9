package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
)

type replayFlags struct {
	listen     string
	pace       time.Duration
	recordings string
}

// NewReplay returns the command replay.
func NewReplay(recordings Recordings) *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay",
		Short: "Serve the recorded chains like real nodes",
		Long: `Serve the recorded mainnet data over HTTP like real nodes, all chains at one address,
each at its own path, until SIGINT or SIGTERM. The chains start with their recorded
history and advance until the recording ends. A restart begins there again: to clients
that have seen more, they are nodes that lag behind.

It prints a configuration for "run" that follows them. With --recordings it serves the
recordings in a folder instead, for example of your own chains: each in a folder with
the name of its chain, in the form that testdata/README.md describes. It then prints
their endpoints.`,
		Example: `  event-worker replay
  event-worker replay --listen 127.0.0.1:8545 --pace 2s`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.pace < time.Millisecond {
				return fmt.Errorf("--pace %s: must be at least 1ms", f.pace)
			}
			return cli.Stopped(c.Context(), serveRecordings(c.Context(), recordings, c.OutOrStdout(), f))
		},
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "the address and port to listen on, 0 for any port")
	c.Flags().StringVar(&f.recordings, "recordings", "", "a folder of recordings to serve instead")
	c.Flags().DurationVar(&f.pace, "pace", 500*time.Millisecond, "how often the recorded chains advance")
	return c
}

func serveRecordings(ctx context.Context, recordings Recordings, out io.Writer, f replayFlags) error {
	cli.LimitMemory()
	own := f.recordings != ""
	if own {
		recordings = Recordings{Files: os.DirFS(f.recordings), Folder: "."}
	}
	names, err := recordings.names(own)
	if err != nil {
		return fmt.Errorf("--recordings %s: %w", f.recordings, err)
	}
	nodes := map[string]*replay.Node{}
	for _, name := range names {
		recording, err := recordings.Open(name)
		if err != nil {
			return err
		}
		nodes[name] = replay.NewNode(recording)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	base := "http://" + cli.Callable(listener.Addr())
	if own {
		fmt.Fprintf(out, "Serving the recordings in %s; the chains advance every %s. Their endpoints:\n", f.recordings, f.pace)
		for _, name := range names {
			fmt.Fprintf(out, "  %s/%s%s\n", base, name, nodes[name].Recording().Base())
		}
	} else {
		fmt.Fprintf(out, "Serving recorded mainnet data; the chains advance every %s. A configuration that follows them:\n\n%s\n", f.pace, Following(nodes, base))
	}

	server := replay.NewServer(ByPath(nodes))
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	var advancing sync.WaitGroup
	defer advancing.Wait()
	defer cancel()
	for name, node := range nodes {
		advancing.Go(func() {
			node.Run(ctx, f.pace)
			if ctx.Err() == nil {
				fmt.Fprintf(out, "The recording of %s ends here, at %s; it has no more events.\n", name, human.Grouped(node.Head()))
			}
		})
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	return nil
}

// ByPath serves each node at the path of its name, and its own readiness at /readyz.
func ByPath(nodes map[string]*replay.Node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	for name, node := range nodes {
		handler := http.StripPrefix("/"+name, node)
		mux.Handle("/"+name, handler)
		mux.Handle("/"+name+"/", handler)
	}
	return mux
}

// Following returns a configuration that follows the nodes.
func Following(nodes map[string]*replay.Node, base string) string {
	var b strings.Builder
	b.WriteString("chains:\n")
	for _, ref := range Markets {
		recording := nodes[ref.Chain].Recording()
		start := ""
		if recording.Kind == replay.EVM {
			start = fmt.Sprintf("start: %d", demoFirstBlock)
		}
		fmt.Fprintf(&b, `  %s:
    kind: %s
    chainId: %d
    endpoint: %s/%[1]s%[5]s
    poll: 1s
    recorded: true
    markets:
      %[6]s: {%[7]s}
`, ref.Chain, recording.Kind, recording.ChainID, base, recording.Base(), ref.Market, start)
	}
	return b.String()
}
