package main

import (
	"context"
	"fmt"
	"time"
)

// The measured workload, and the required results.
const (
	latency       = 100 * time.Millisecond
	inFlight      = 8 // concurrent windows, evm.Config's default
	sparseCap     = 2000
	denseCap      = 10
	followed      = 200 // new blocks
	manyStreams   = 50
	sparseWanted  = 1.5
	denseWanted   = 1.3
	memoryWanted  = 300 << 20
	settledBlocks = 200 // before the new ones
)

// compareEndpoint measures chains behind endpoints, and prints medians; of memory the
// maximum.
func compareEndpoint(ctx context.Context, o options) error {
	o.chains, o.mongodb = 1, ""
	o.listings, o.sales = max(o.listings, 1), min(o.sales, o.listings)
	for _, measure := range []func(context.Context, options) (int64, error){compareSparse, compareDense, compareStreams} {
		memory, err := measure(ctx, o)
		if err != nil {
			return err
		}
		fmt.Printf("  %-34s %s\n", "peak memory", judged(fmt.Sprintf("%d MB", memory>>20), "≤ 300 MB", memory <= memoryWanted))
	}
	return nil
}

func judged(figure, wanted string, met bool) string {
	if met {
		return fmt.Sprintf("%-10s (wanted: %s)", figure, wanted)
	}
	return fmt.Sprintf("%-10s (wanted: %s, MISSED)", figure, wanted)
}

func ratio(a, b time.Duration, wanted float64) string {
	r := a.Seconds() / b.Seconds()
	return judged(fmt.Sprintf("%.2f", r), fmt.Sprintf("≤ %.1f", wanted), r <= wanted)
}

// compareSparse compares the backfill of a long chain with few events with the time of
// its windows.
func compareSparse(ctx context.Context, o options) (int64, error) {
	o.of = endpointNode{latency: latency, most: sparseCap, sparse: o.blocks, stretch: sparseCap}
	events := int(o.of.sparse / o.of.stretch)
	o.sales = events / 2
	o.listings = events - o.sales
	r, err := medianOf(ctx, o, "backfill")
	if err != nil {
		return 0, err
	}
	windows := (o.blocks + sparseCap - 1) / sparseCap
	limit := time.Duration(windows) * latency / inFlight
	fmt.Printf("sparse: %d blocks, %d events, cap %d blocks, %v a request; medians of %d runs\n", o.blocks, events, sparseCap, latency, o.runs)
	fmt.Printf("  %-34s %.1f s\n", "backfill", r.Took.Seconds())
	fmt.Printf("  %-34s %s\n", fmt.Sprintf("of %d windows ÷ %d × %v", windows, inFlight, latency), ratio(r.Took, limit, sparseWanted))
	fmt.Printf("  %-34s %d\n", "eth_getLogs", r.Asked.logs())
	fmt.Printf("  %-34s %s\n", "headers", judged(fmt.Sprint(r.Asked.headers()), "≤ windows", r.Asked.headers() <= windows))
	return r.Memory, nil
}

// compareDense compares a short chain with many events with the same chain without
// latency.
func compareDense(ctx context.Context, o options) (int64, error) {
	o.of = endpointNode{most: denseCap}
	near, err := medianOf(ctx, o, "backfill")
	if err != nil {
		return 0, err
	}
	o.of.latency = latency
	far, err := medianOf(ctx, o, "backfill")
	if err != nil {
		return 0, err
	}
	fmt.Printf("dense: %d events, cap %d blocks; medians of %d runs\n", o.listings+o.sales, denseCap, o.runs)
	fmt.Printf("  %-34s %.1f s, %d eth_getLogs, %d headers\n", "without latency", near.Took.Seconds(), near.Asked.logs(), near.Asked.headers())
	fmt.Printf("  %-34s %.1f s, %d eth_getLogs, %d headers\n", fmt.Sprintf("%v a request", latency), far.Took.Seconds(), far.Asked.logs(), far.Asked.headers())
	fmt.Printf("  %-34s %s\n", "ratio", ratio(far.Took, near.Took, denseWanted))
	return max(near.Memory, far.Memory), nil
}

// compareStreams counts the requests for new blocks of one stream and of many.
func compareStreams(ctx context.Context, o options) (int64, error) {
	o.of = endpointNode{most: sparseCap, sparse: settledBlocks + followed, stretch: 1, steps: followed}
	o.runs = 1 // the counts do not vary
	fmt.Printf("following: %d new blocks, each with an event\n", followed)
	var each [2]result
	for i, streams := range []int{1, manyStreams} {
		o.streams = streams
		r, err := medianOf(ctx, o, "follow")
		if err != nil {
			return 0, err
		}
		each[i] = r
		fmt.Printf("  %-34s %.2f requests, %.2f eth_getLogs, %.2f headers\n", fmt.Sprintf("a block with %d streams", streams),
			perBlock(r.Asked.Requests), perBlock(r.Asked.logs()), perBlock(r.Asked.headers()))
	}
	for i, streams := range []int{1, manyStreams} {
		fmt.Printf("  %-34s median %v, p99 %s\n", fmt.Sprintf("from signal to store, %d streams", streams), each[i].Durable[0].Round(100*time.Microsecond),
			judged(each[i].Durable[1].Round(100*time.Microsecond).String(), "≤ 50ms", each[i].Durable[1] <= 50*time.Millisecond))
	}
	one, many := each[0].Asked.Requests, each[1].Asked.Requests
	fmt.Printf("  %-34s %s\n", "more requests", judged(fmt.Sprint(many-one), "0", many <= one))
	return max(each[0].Memory, each[1].Memory), nil
}

func perBlock(n int64) float64 { return float64(n) / followed }

// medianOf repeats a measurement with a new node each time. The memory is the maximum.
func medianOf(ctx context.Context, o options, name string) (result, error) {
	var all []result
	var memory int64
	for range o.runs {
		r, err := withNode(ctx, o, name)
		if err != nil {
			return result{}, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, r)
		memory = max(memory, r.Memory)
	}
	r := median(all)
	r.Memory = memory
	return r, nil
}

func withNode(ctx context.Context, o options, name string) (result, error) {
	node, err := startNode(ctx, o, "endpoint-node")
	if err != nil {
		return result{}, err
	}
	defer node.stop()
	o.node = node.url
	return inProcess(ctx, o, name)
}

// backfill runs the pipeline against an endpoint that counts requests.
func backfill(ctx context.Context, o options) (result, error) {
	r, err := pipeline(ctx, o)
	if err != nil {
		return result{}, err
	}
	r.Asked, err = askedOf(ctx, o.node)
	return r, err
}
