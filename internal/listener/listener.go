// Package listener opens the listeners of the process's HTTP servers.
package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
)

// Address configures where a server listens.
type Address struct {
	Server     string // the name of the server in messages: "API"
	Option     string // the option that configures the address: "api.listen"
	Configured string // host:port; empty if none
	Default    string // host:port without configuration; if it is in use, any free loopback port
}

// Open listens at the configured address. Without one it listens at the default address, or
// warns and uses any free loopback port if the default is in use.
func Open(ctx context.Context, a Address, log *slog.Logger) (net.Listener, error) {
	var lc net.ListenConfig
	if a.Configured != "" {
		opened, err := lc.Listen(ctx, "tcp", a.Configured)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: free that address, or set %s to another one", a.Server, err, a.Option)
		}
		return opened, nil
	}
	opened, inUse := lc.Listen(ctx, "tcp", a.Default)
	if inUse == nil {
		return opened, nil
	}
	opened, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Server, errors.Join(inUse, err))
	}
	log.Warn("the default address is in use: set "+a.Option+" to choose another one", "server", a.Server, "address", opened.Addr().String(), "reason", inUse)
	return opened, nil
}
