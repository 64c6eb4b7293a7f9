// Chaos runs a cluster of real event worker processes on this machine, on chains that
// grow and are reorganised, while nodes and their MongoDB are killed, frozen, cut off
// and restarted, and readers follow the feed of any available node. Then it checks the
// result: the documents, the copies of the readers, the history of all commits, and the
// nodes themselves.
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
	flag.DurationVar(&o.lasts, "for", 2*time.Minute, "how long faults are injected")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "the seed of the faults and the chains")
	flag.IntVar(&o.nodes, "nodes", 4, "how many nodes there are, besides one that joins and leaves")
	flag.IntVar(&o.chains, "chains", 8, "how many chains they follow")
	flag.DurationVar(&o.pace, "pace", time.Second, "mean time between two blocks of a chain")
	flag.IntVar(&scale, "scale", 0, "instead of injecting faults, measure the placement of so many quiet chains")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Runs a cluster of real processes while faults of every kind are injected, and checks
the result. Ctrl-C ends the faults, and the checks still run. It needs a mongod on the
PATH and a Go toolchain.
Example: go run ./internal/chaos -for 2h -seed 42 -nodes 5 -chains 12

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if o.nodes < 1 || o.chains < 1 || o.pace <= 0 || scale < 0 {
		fmt.Fprintln(os.Stderr, "chaos: at least one node, one chain and a positive pace are needed")
		os.Exit(2)
	}
	o.say = true
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	run := func(t testing.TB) { chaos(ctx, t, o) }
	if scale > 0 {
		o.chains = scale
		run = func(t testing.TB) { place(ctx, t, o) }
	}
	if !runCommand(run) {
		os.Exit(1)
	}
}
