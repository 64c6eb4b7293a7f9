// Fuzz runs all native fuzz targets of the module, and reports how often each was executed.
//
//	go run ./internal/fuzz -time 3s                       # each target for 3 seconds
//	go run ./internal/fuzz -time 1h -report fuzz.tsv      # continues what the report says
//	go run ./internal/fuzz -time 1m -run 'seaport|Filter' # some of them
//
// Targets take turns, so that a run that is interrupted has executed all of them. Inputs
// that reach new code are kept in Go's cache; go clean -fuzzcache deletes them. An input
// that fails is written to testdata/fuzz of its package, where go test finds it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// options configure a run.
type options struct {
	time     time.Duration // of each target, including what the report says
	turn     time.Duration // the longest time of a target before the others have theirs
	parallel int           // workers of a target
	report   string        // a file; empty: none
	run      *regexp.Regexp
}

func main() {
	log.SetFlags(0)
	o, err := parse(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, o); err != nil {
		log.Fatal("fuzz: ", err)
	}
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("fuzz", flag.ExitOnError)
	flags.DurationVar(&o.time, "time", 3*time.Second, "how long to fuzz each target, with the time that the report has")
	flags.DurationVar(&o.turn, "turn", 2*time.Minute, "the longest time of a target before the next one has its turn")
	flags.IntVar(&o.parallel, "parallel", 1, "worker processes of a target")
	flags.StringVar(&o.report, "report", "", "a file that records the time and the executions of each target, and from which a later run continues")
	pattern := flags.String("run", "", "regular expression of the targets to run, as package.Target")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.time <= 0 || o.turn <= 0 || o.parallel <= 0 || flags.NArg() > 0 {
		return o, fmt.Errorf("usage: fuzz [-time 3s] [-turn 2m] [-parallel 1] [-report FILE] [-run REGEXP]")
	}
	o.run, err = regexp.Compile(*pattern)
	return o, err
}

// run fuzzes the targets in turns until each has had its time. The error names those that
// failed.
func run(ctx context.Context, o options) error {
	targets, err := find(ctx, o.run)
	if err != nil {
		return err
	}
	r, err := openReport(o.report)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		due := r.due(targets, o.time)
		if len(due) == 0 {
			break
		}
		for _, of := range byPackage(due) {
			if err := fuzzPackage(ctx, of, o, r); err != nil {
				return err
			}
		}
	}
	r.print(os.Stdout, targets)
	if failed := r.failed(targets); len(failed) > 0 {
		return fmt.Errorf("%d of %d targets failed: %v", len(failed), len(targets), failed)
	}
	return ctx.Err()
}
