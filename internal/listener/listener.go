// Package listener opens the listeners of the process's HTTP servers.
package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
)

// Address is where a server listens.
type Address struct {
	Server     string // what it serves, for people: "the API"
	Option     string // configures the address: "api.listen"
	Configured string // host:port; empty if none
	Default    string // host:port without configuration, or any free loopback port if that one is in use
}

// Open listens at the configured address, or else at the default or any free port.
func Open(ctx context.Context, a Address, log *slog.Logger) (net.Listener, error) {
	var lc net.ListenConfig
	if a.Configured != "" {
		opened, err := lc.Listen(ctx, "tcp", a.Configured)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: free that address, or set %s to another one", a.Server, err, a.Option)
		}
		return opened, nil
	}
	opened, taken := lc.Listen(ctx, "tcp", a.Default)
	if taken == nil {
		return opened, nil
	}
	opened, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Server, errors.Join(taken, err))
	}
	log.Warn("the usual address is in use: set "+a.Option+" to choose another one", "server", a.Server, "address", opened.Addr().String(), "reason", taken)
	return opened, nil
}
