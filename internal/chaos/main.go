// Chaos runs a cluster of real processes of the event worker on this machine, before
// chains that grow and are reorganised, while nodes and their MongoDB are killed,
// frozen, cut off and restarted, and then judges what has become of it: documents, the
// history of all commits, and the nodes themselves.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

func main() {
	var o options
	var scale int
	flag.DurationVar(&o.lasts, "for", 2*time.Minute, "how long things go wrong")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "what the course of things follows from")
	flag.IntVar(&o.nodes, "nodes", 4, "how many nodes there are, one that joins and leaves apart")
	flag.IntVar(&o.chains, "chains", 8, "how many chains they follow")
	flag.DurationVar(&o.pace, "pace", time.Second, "how long a chain takes to mine a block, about")
	flag.IntVar(&scale, "scale", 0, "instead of chaos, see how so many quiet chains are placed")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Runs a cluster of real processes while everything goes wrong that can, and says what
has become of it. Ctrl-C ends what goes wrong, not what is said of it. It needs a mongod
on the PATH and a Go toolchain.
Example: go run ./internal/chaos -for 2h -seed 42 -nodes 5 -chains 12

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if o.nodes < 1 || o.chains < 1 || o.pace <= 0 || scale < 0 {
		fmt.Fprintln(os.Stderr, "chaos: there must be a node and a chain at least, and a pace")
		os.Exit(2)
	}
	o.say = true
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	run := func(t testing.TB) { chaos(ctx, t, o) }
	if scale > 0 {
		o.chains = scale
		run = func(t testing.TB) { place(ctx, t, o) }
	}
	if !runCommand(run) {
		os.Exit(1)
	}
}
