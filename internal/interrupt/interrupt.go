// Package interrupt receives the signals that end the program. It does so while the
// program's packages are initialised, before main: until then a signal kills the process.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// received is initialised as soon as os/signal is, before the packages that take long.
var received = notify()

func notify() chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c
}

// Context returns a context that the process' first SIGINT or SIGTERM cancels. A second one
// kills the process. Call it once.
func Context() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-received
		signal.Stop(received)
		cancel()
	}()
	return ctx
}
