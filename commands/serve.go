package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/api/resource"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/logs"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/worker"
)

// serveFlags are the flags of serve. Both the folder and the configuration may be named:
// the folder contains the data, the configuration sets the address and the access.
type serveFlags struct {
	dataFlags
	listen, tokenFile string
}

func newServe() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the page, API and feed of existing data, without following chains",
		Long: `Serve the page, the API and its feed of existing data until SIGINT or SIGTERM. No chain
is followed: a worker may write to the same data meanwhile, and "serve" may run on any
number of machines that reach the database. A running worker serves the same by itself
(option api).

The option api of the configuration sets the address and the access; without a
configuration, ` + config.DefaultAPI + ` serves this machine only. Without a token anyone who can
reach the address may read, and changes are refused. Requests such as retry and rewind
are executed by the worker that runs on the data; without one they are refused.

` + dataHelp,
		Example: `  event-worker serve --data event-worker-demo
  event-worker serve --config event-worker.yaml --listen 0.0.0.0:9465 --token-file token
  curl http://127.0.0.1:9465/orders?limit=1`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Named(c, cli.Stopped(c.Context(), f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())))
		},
	}
	f.addBoth(c)
	c.Flags().StringVar(&f.listen, "listen", "", "the address to listen on, host:port, instead of the configured one")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "a file with the token that clients must send, instead of the configured one")
	return c
}

func (f *serveFlags) run(ctx context.Context, out, stderr io.Writer) (err error) {
	cli.LimitMemory()
	cfg, err := f.api()
	if err != nil {
		return err
	}
	log, _, err := logs.New(stderr, config.Log{Format: config.Formats[0]}, nil)
	if err != nil {
		return err
	}
	data, at, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	server, err := worker.ServeAPI(ctx, cfg, data, worker.Access{Ask: f.ask}, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if _, err := fmt.Fprintf(out, "Serving %s at %s until Ctrl-C.\n", at, server.URL()); err != nil {
		return cli.UnlessClosed(err)
	}
	<-ctx.Done()
	return nil
}

// api reads the option api, with the overrides of the flags.
func (f *serveFlags) api() (config.API, error) {
	file := f.config
	if file == "" && cli.Exists(defaultConfig) {
		file = defaultConfig
	}
	cfg, err := config.APIOf(file, os.Environ())
	if err != nil {
		return cfg, err
	}
	cfg.Listen = cmp.Or(f.listen, cfg.Listen)
	if f.tokenFile != "" {
		cfg.Token, cfg.TokenFile = "", f.tokenFile
	}
	return cfg, nil
}

// ask sends a request to the worker that runs on the data.
func (f *serveFlags) ask(ctx context.Context, r persistence.Request) error {
	a, err := f.openAsker(ctx)
	if err != nil {
		return err
	}
	if a == nil {
		return resource.ErrNobody
	}
	err = a.queue.Ask(ctx, []persistence.Request{r}, persistence.AskWithin)
	return errors.Join(err, a.close())
}
