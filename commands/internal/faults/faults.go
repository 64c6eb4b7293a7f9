// Package faults implements the command faults, a proxy that adds the faults of real nodes.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
)

type flags struct {
	upstream  string
	websocket string
	other     string
	listen    string
	profile   string
	seed      uint64
	poll      time.Duration
	list      bool
}

// New returns the command faults.
func New() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:   "faults",
		Short: "Put a proxy in front of a node that adds faults of real nodes and providers",
		Long: `Serve a node's JSON-RPC (HTTP and WebSocket) or Aptos REST API with faults that real
nodes and providers have been reported to show: refused ranges, omitted logs, nodes that
lag behind a load balancer, rate limits, endless answers, other chains. Test your own
setup against them before mainnet does.

--profile is the name of a profile (--list prints them all) or a file of your own:

  description: my provider on a bad day
  faults:
    - profile: flaky                                  # all faults of another profile
    - {fault: range-cap, blocks: 500, words: alchemy} # refused in a provider's words
    - {fault: logs-missing, chance: 0.1, first: 1}    # one call of ten, the first time
    - {fault: status, status: 503, after: 1m, lasts: 10s}

What happens to a call depends on --seed, the fault, the call and how often the same
call came before, not on other callers; only rate limits and after: depend on the clock.
Use the printed address as an endpoint of your configuration; GET /_faults there returns
counters. Only the hosts of URLs are ever shown.`,
		Example: `  event-worker faults --list
  event-worker faults --upstream https://eth.example.com/v2/$KEY --profile provider
  event-worker faults --upstream http://127.0.0.1:8545 --listen 127.0.0.1:9545 --profile liar --seed 7
  event-worker faults --upstream https://fullnode.mainnet.aptoslabs.com/v1 --profile aptos-provider
  event-worker faults --upstream http://127.0.0.1:8545 --profile bad-day.yaml`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.list {
				return listFaults(c.OutOrStdout())
			}
			return cli.Stopped(c.Context(), serveFaults(c.Context(), c.OutOrStdout(), f))
		},
	}
	c.Flags().StringVar(&f.upstream, "upstream", "", "URL of the node")
	c.Flags().StringVar(&f.websocket, "websocket", "", "ws:// or wss:// URL to get new heads from; without it the node is polled")
	c.Flags().StringVar(&f.other, "other", "", "URL of a node of another chain, for the fault other-chain")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "the address and port to listen on, 0 for any port")
	c.Flags().StringVar(&f.profile, "profile", "flaky", "a profile's name, or a file (its name has a dot or a slash)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "the seed that chance depends on")
	c.Flags().DurationVar(&f.poll, "poll", 500*time.Millisecond, "how often the node is polled for new heads while clients subscribe to them")
	c.Flags().BoolVar(&f.list, "list", false, "print all profiles and faults, and exit")
	return c
}

// listFaults prints all profiles, faults, parameters and refusals.
func listFaults(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROFILE\tDESCRIPTION")
	for _, p := range faults.Profiles() {
		fmt.Fprintf(t, "%s\t%s\n", p.Name, p.Description)
	}
	fmt.Fprintln(t, "\nFAULT\tEFFECT")
	for _, k := range faults.Kinds() {
		fmt.Fprintf(t, "%s\t%s\n", k.Name, k.Does)
		for _, p := range k.Params {
			fmt.Fprintf(t, "\t  %s: %s\n", p, p.Means)
		}
	}
	fmt.Fprintln(t, "\nEVERY FAULT HAS\t")
	for _, p := range faults.Common() {
		fmt.Fprintf(t, "%s\t%s\n", p, p.Means)
	}
	fmt.Fprintln(t, "\nREFUSAL\tCAUSE, HTTP STATUS, CODE, TEXT")
	for _, r := range faults.Refusals() {
		fmt.Fprintf(t, "%s\t%s, %d, %d, %q\n", r.Name, r.Cause, max(r.Status, http.StatusOK), r.Code, r.Words)
	}
	return t.Flush()
}

// faultsProfile finds a profile by its name, or reads it from a file.
func faultsProfile(name string) (*faults.Profile, error) {
	if p, ok := faults.Builtin(name); ok {
		return p, nil
	}
	if !strings.ContainsAny(name, `./\`) {
		return nil, fmt.Errorf("--profile: unknown profile %q%s: --list prints all", name, spelling.DidYouMean(name, faults.ProfileNames()))
	}
	content, err := yamlfile.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	return faults.Parse(name, content)
}

// remoteNode is the node at a URL that an option gives.
func remoteNode(option, rawURL string) (http.Handler, string, error) {
	if rawURL == "" {
		return nil, "", fmt.Errorf("%s: give the URL of a node, such as http://127.0.0.1:8545", option)
	}
	handler, err := faults.Remote(rawURL)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", option, err)
	}
	parsed, err := url.Parse(rawURL)
	if err != nil {
		return nil, "", fmt.Errorf("%s: not a URL", option) // which is secret
	}
	return handler, parsed.Host, nil
}

func newProxy(f flags) (proxy *faults.Proxy, host string, err error) {
	upstream, host, err := remoteNode("--upstream", f.upstream)
	if err != nil {
		return nil, "", err
	}
	p, err := faultsProfile(f.profile)
	if err != nil {
		return nil, "", err
	}
	const callsAtOnce = 16
	options := faults.Options{Parallel: callsAtOnce, Heads: f.poll, WebSocket: f.websocket}
	if f.poll < time.Millisecond {
		return nil, "", fmt.Errorf("--poll %s: must be at least 1ms", f.poll)
	}
	if f.websocket != "" && !strings.HasPrefix(f.websocket, "ws://") && !strings.HasPrefix(f.websocket, "wss://") {
		return nil, "", errors.New("--websocket: want ws://host… or wss://host…")
	}
	if f.other != "" {
		if options.Other, _, err = remoteNode("--other", f.other); err != nil {
			return nil, "", err
		}
	}
	proxy, err = faults.New(p, f.seed, upstream, options)
	return proxy, host, err
}

func serveFaults(ctx context.Context, out io.Writer, f flags) error {
	cli.LimitMemory()
	proxy, host, err := newProxy(f)
	if err != nil {
		return err
	}
	defer proxy.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	fmt.Fprintf(out, "Serving %s with the faults of %s, seed %d, at http://%s (counters: %s)\n", host, f.profile, f.seed, cli.Callable(listener.Addr()), faults.CountersPath)
	server := replay.NewServer(proxy)
	stop := context.AfterFunc(ctx, func() {
		_ = server.Close()
		proxy.Close()
	})
	defer stop()
	err = server.Serve(listener)
	fmt.Fprintln(out, proxy.Counters())
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	return nil
}
