// Chaos runs a cluster of real event worker processes on this machine, on chains that
// grow and are reorganised, while nodes and their MongoDB are killed, frozen, cut off
// and restarted, and clients read the API and the feed of any available node. Then it
// checks the result: the documents, what the clients have read, the history of all
// commits, and the nodes themselves.
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

const usage = `Runs a cluster of real processes while faults of every kind are injected, and checks the
result. It needs a mongod on the PATH and a Go toolchain.

  go run ./internal/chaos -for 10m -seed 42 -nodes 5 -chains 12
  go build -o chaos ./internal/chaos && nohup ./chaos -for 8h -keep /var/tmp/chaos &

Checked at the end of every round: the documents equal those of a model that knows only the
canonical chains; no commit breaks the rules of ownership; what clients have read of the API
is linearizable, and what readers of the feed have received is the sequence of the commits
(both judged by porcupine); no process has died, or has grown above the limit.

A run that takes longer than -round is a series of rounds. Each has new chains, an empty
database, new processes and the next seed, so disk space and memory are bounded by one round.
A failed round does not end the series. In rounds of five minutes or more the first node is not
killed or stopped, only frozen and cut off, so that its memory, goroutines and open files are
measured over the whole round; -round 1h measures a longer life.

The folder -keep has report.txt, which is written every minute, at the end, and after Ctrl-C
or SIGTERM: seeds, faults, checks, failures, and how to repeat them. For each of the first ten
failed rounds it has a folder with the log, and with pages that show illegal histories. Ctrl-C
ends the faults; the checks of the round still run. The exit code is 1 if any check failed.

A seed determines the chains and the sequence of faults. Their timing, and the reactions of
the processes, differ from run to run: repeat a failed round several times.

`

func main() {
	var o options
	var scale int
	s := series{}
	flag.DurationVar(&o.lasts, "for", 2*time.Minute, "how long faults are injected, in all rounds")
	flag.DurationVar(&s.round, "round", 20*time.Minute, "how long faults are injected in one round")
	flag.StringVar(&s.folder, "keep", "", "the folder for the report and for the evidence of failed rounds; default: a temporary folder")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "the seed of the faults and the chains of the first round")
	flag.IntVar(&o.nodes, "nodes", 4, "how many nodes there are, besides one that joins and leaves")
	flag.IntVar(&o.chains, "chains", 8, "how many chains they follow")
	flag.DurationVar(&o.pace, "pace", time.Second, "mean time between two blocks of a chain")
	flag.IntVar(&scale, "scale", 0, "instead of injecting faults, measure the placement of so many quiet chains")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if o.nodes < 1 || o.chains < 1 || o.pace <= 0 || o.lasts <= 0 || s.round <= 0 || scale < 0 {
		exit(2, "at least one node, one chain, and positive durations are needed")
	}
	o.say = true
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	if scale > 0 {
		o.chains = scale
		measurePlacement(ctx, o)
		return
	}
	var err error
	if s.folder, err = folder(s.folder); err != nil {
		exit(1, err)
	}
	s.options = o
	ok, err := s.run(ctx)
	_ = os.Remove(s.path("event-worker"))
	switch {
	case err != nil:
		exit(1, err)
	case !ok:
		os.Exit(1)
	}
}

func exit(code int, reason any) {
	fmt.Fprintln(os.Stderr, "chaos:", reason)
	os.Exit(code)
}

// folder creates a folder, a temporary one if it has no name.
func folder(name string) (string, error) {
	if name == "" {
		return os.MkdirTemp("", "event-worker-chaos-")
	}
	return name, os.MkdirAll(name, 0o700)
}

// measurePlacement runs place as a command.
func measurePlacement(ctx context.Context, o options) {
	work, err := folder("")
	if err != nil {
		exit(1, err)
	}
	failures := runCommand(os.Stdout, work, func(t testing.TB) { place(ctx, t, o) })
	_ = os.RemoveAll(work)
	if len(failures) > 0 {
		os.Exit(1)
	}
}
