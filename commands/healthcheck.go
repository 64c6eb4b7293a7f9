package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/monitor"
)

// healthTimeout bounds the wait for the process's answer.
const healthTimeout = 5 * time.Second

func newHealthcheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the event worker on this machine whether it is ready",
		Long: `Ask the event worker on this machine whether it is ready: exit code 0 if it is, else 1
with the reason. It is meant for health checks of containers without a shell.

The address is monitor.listen of the configuration, or the variable
EVENT_WORKER_MONITOR_LISTEN, which needs no configuration, or ` + config.DefaultMonitor + `. An
unspecified host, such as 0.0.0.0, is reached at the loopback address.`,
		Example: `  event-worker healthcheck
  event-worker healthcheck --config event-worker.yaml
  EVENT_WORKER_MONITOR_LISTEN=:9464 event-worker healthcheck`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			listen, err := monitorListen(file, c.Flags().Changed("config"))
			if err != nil {
				return err
			}
			addr, err := reachable(listen)
			if err != nil {
				return err
			}
			if err := askReady(c.Context(), addr); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), monitor.ReadyText)
			return cli.UnlessClosed(err)
		},
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "the configuration file")
	return c
}

// monitorListen returns monitor.listen, or the default address if it is not configured.
func monitorListen(file string, named bool) (string, error) {
	if !named && !cli.Exists(file) {
		file = ""
	}
	listen, err := config.MonitorListen(file, os.Environ())
	return cmp.Or(listen, config.DefaultMonitor), err
}

// reachable returns the address at which a listener can be reached from its own machine.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", fmt.Errorf("monitor.listen %s means any free port: set a fixed one", listen)
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// askReady asks the process at an address whether it is ready. The error says why it
// is not.
func askReady(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+monitor.ReadyPath, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w: is event-worker run running, with the same monitor.listen?", err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	text := strings.TrimSpace(string(said))
	switch {
	case response.StatusCode == http.StatusOK && text == monitor.ReadyText:
		return nil
	case response.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("not ready: %s", text)
	}
	return fmt.Errorf("%s is not an event worker: it answered %s", addr, response.Status)
}
