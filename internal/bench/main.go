// Bench compares the whole pipeline with its limits, in one run and on one machine: the
// same events are only fetched and decoded, their documents only written, and both done
// by the actors. Absolute figures mean little; the ratios do.
//
// Each measurement is a separate process, so that its memory can be measured, and so is
// the recorded node that serves the events.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/internal/secretfile"
)

// options configure all processes.
type options struct {
	listings, sales int // of all chains together
	chains          int
	runs            int
	profile         string // where to write the CPU profile of a measurement
	node            string // URL of the recorded node
	endpoint        bool   // measure a chain's backfill and following from an endpoint
	blocks          int64  // of the sparse chain
	of              endpointNode
	streams         int    // that follow the head
	requests        int    // per second to the API while the pipeline runs; 0: none
	mongodb         string // URI of the MongoDB to write to; empty means the embedded store
}

// result is the result of one measurement.
type result struct {
	Events int
	Took   time.Duration
	Memory int64         // peak, bytes; set by the parent
	Asked  asked         // of an endpoint
	Load   load          // of the API
	CPU    time.Duration // of this process during the measurement
	// MongoDB is the CPU time of the MongoDB server during the measurement; 0 without one.
	MongoDB time.Duration
	// Durable is the time from the signal of a new block until all of its documents were
	// stored: the 50th and the 99th percentile.
	Durable [2]time.Duration
}

func (r result) rate() float64 { return float64(r.Events) / r.Took.Seconds() }

// measurements are the measurements by the name of their process.
var measurements = map[string]func(context.Context, options) (result, error){
	"fetch":    fetchAlone,
	"write":    writeAlone,
	"raw1":     func(ctx context.Context, o options) (result, error) { return rawWrite(ctx, o, 1) },
	"raw4":     func(ctx context.Context, o options) (result, error) { return rawWrite(ctx, o, 4) },
	"pipeline": pipeline,
	"served":   pipelineServed,
	"backfill": backfill,
	"follow":   follow,
}

func main() {
	log.SetFlags(0)
	var o options
	flag.IntVar(&o.listings, "listings", 80_000, "how many orders are listed")
	flag.IntVar(&o.sales, "sales", 40_000, "how many of them are bought")
	flag.IntVar(&o.chains, "chains", 1, "how many chains the events are spread over, each with its own market")
	flag.IntVar(&o.runs, "runs", 3, "how often each measurement is repeated; medians are printed")
	flag.StringVar(&o.profile, "profile", "", "write the pipeline's CPU profile to this file")
	flag.BoolVar(&o.endpoint, "endpoint", false, "measure instead the cost of a slow endpoint with limits")
	flag.Int64Var(&o.blocks, "blocks", 2_280_000, "how many blocks the sparse chain of -endpoint has")
	flag.IntVar(&o.requests, "api", 0, "measure instead the cost of this many requests per second to the API")
	flag.StringVar(&o.node, "node", "", "for the program's own processes")
	o.of.flags()
	flag.IntVar(&o.streams, "streams", 1, "for the program's own processes")
	var err error // the URI is no flag: flags are visible in the process list
	if o.mongodb, err = secretfile.Variable("MONGODB_URI", os.Getenv); err != nil {
		log.Fatal("bench: ", err)
	}
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Measures the pipeline against its limits: on the embedded store, or on MongoDB if
MONGODB_URI is set, or MONGODB_URI_FILE to a file with the URI, in databases that it
creates and removes.
Example: go run ./internal/bench -runs 5

With -endpoint it measures, on the embedded store, a chain behind an endpoint that takes
100 ms to answer and caps the range of eth_getLogs: a long chain with few events against
the time of its windows, eight in flight; a short one with many against the same without
latency; and the requests for a new block by 1 and by 50 streams.

With -api N it measures how much N requests per second to the API (orders by a filter, an
order by its _id, the newest activities) slow down the pipeline, in pairs of runs, and the
CPU time of the process in each run. If the clients or MongoDB share the pipeline's
processors, the wall time includes their work, too.
Example: go run ./internal/bench -api 200 -runs 5 -listings 20000 -sales 10000

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if o.chains < 1 || o.runs < 1 || o.sales < 0 || o.listings < o.chains {
		log.Fatal("bench: at least one chain, one run and one listing for each chain are needed")
	}
	o.listings, o.sales = o.listings/o.chains*o.chains, o.sales/o.chains*o.chains
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, flag.Arg(0)); err != nil {
		log.Fatal("bench: ", err)
	}
}

func run(ctx context.Context, o options, process string) error {
	switch {
	case process == "" && o.endpoint:
		return compareEndpoint(ctx, o)
	case process == "" && o.requests > 0:
		return compareServed(ctx, o)
	case process == "":
		return compare(ctx, o)
	case process == "load":
		return sendLoad(ctx, o)
	case process == "node":
		return serve(ctx, o)
	case process == "endpoint-node":
		return o.of.serve(ctx, o)
	case measurements[process] != nil:
		return measure(ctx, o, measurements[process])
	}
	return fmt.Errorf("unknown process %q", process)
}

// compare runs all measurements in turn and prints their medians.
func compare(ctx context.Context, o options) error {
	node, err := startNode(ctx, o, "node")
	if err != nil {
		return err
	}
	defer node.stop()
	o.node = node.url
	limits := embeddedLimits
	if o.mongodb != "" {
		limits = mongoLimits
	}
	all := map[string][]result{}
	for range o.runs {
		for _, name := range append([]string{"fetch"}, append(limits, "pipeline")...) {
			r, err := inProcess(ctx, o, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], r)
		}
	}
	report(o, limits, all)
	return nil
}

// The upper bounds of the stores: the same documents, written without reads.
var (
	embeddedLimits = []string{"write"}
	mongoLimits    = []string{"raw1", "raw4"}
)

func (o options) chainNames() []string {
	names := make([]string, o.chains)
	for i := range names {
		names[i] = fmt.Sprint("chain-", i+1)
	}
	return names
}

// names are the display names of the measurements.
var names = map[string]string{
	"fetch": "fetch and decode alone",
	"write": "write alone",
	"raw1":  "bulk writes, 1 writer",
	"raw4":  "bulk writes, 4 writers",
}

func report(o options, limits []string, all map[string][]result) {
	fmt.Printf("%d events: %d listed, %d of them bought; chains: %d; medians of %d runs\n", o.listings+o.sales, o.listings, o.sales, o.chains, o.runs)
	whole := median(all["pipeline"])
	for _, name := range append([]string{"fetch"}, limits...) {
		rate := median(all[name]).rate()
		fmt.Printf("  %-23s %8.0f events/s, the whole pipeline has %3.0f %% of it\n", names[name], rate, 100*whole.rate()/rate)
	}
	fmt.Printf("  %-23s %8.0f events/s, peak memory %d MB\n", "the whole pipeline", whole.rate(), whole.Memory>>20)
}

func median(rs []result) result {
	slices.SortFunc(rs, func(a, b result) int { return int(a.Took - b.Took) })
	return rs[len(rs)/2]
}

// nodeProcess is the recorded node.
type nodeProcess struct {
	url  string
	stop func()
}

func startNode(ctx context.Context, o options, process string) (nodeProcess, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := command(ctx, o, process)
	out, err := cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nodeProcess{}, err
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return nodeProcess{}, err
	}
	stop := func() {
		cancel()
		_ = cmd.Wait() // the process was told to end
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nodeProcess{}, fmt.Errorf("the recorded node did not start: %w", err)
	}
	return nodeProcess{strings.TrimSpace(url), stop}, nil
}

// inProcess runs a measurement in a separate process.
func inProcess(ctx context.Context, o options, name string) (result, error) {
	if name != "pipeline" && name != "served" && name != "backfill" {
		o.profile = ""
	}
	cmd := command(ctx, o, name)
	out, err := cmd.Output()
	if err != nil {
		return result{}, err
	}
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		return result{}, err
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss << 10 // kilobytes on Linux
	}
	return r, nil
}

func command(ctx context.Context, o options, process string) *exec.Cmd {
	args := []string{"-listings", fmt.Sprint(o.listings), "-sales", fmt.Sprint(o.sales), "-chains", fmt.Sprint(o.chains),
		"-node", o.node, "-profile", o.profile, "-streams", fmt.Sprint(o.streams), "-api", fmt.Sprint(o.requests)}
	cmd := exec.CommandContext(ctx, os.Args[0], append(append(args, o.of.args()...), process)...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}

// serve is the recorded node's process: it prints its address. All chains have the same
// blocks.
func serve(ctx context.Context, o options) error {
	node, err := replay.Serve(ctx, "127.0.0.1:0", replay.Synthetic(o.listings/o.chains, o.sales/o.chains))
	if err != nil {
		return err
	}
	defer node.Close()
	node.Finish()
	fmt.Println(node.URL())
	<-ctx.Done()
	return nil
}

// cpu returns the CPU time of this process so far, without its clients and MongoDB.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails only for invalid arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure is a measurement's process.
func measure(ctx context.Context, o options, m func(context.Context, options) (result, error)) error {
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(io.Writer(f)); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r, err := m(ctx, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
