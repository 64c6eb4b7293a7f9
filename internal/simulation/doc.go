// Package simulation runs a whole cluster in one process, in simulated time, under one
// scheduler: three workers, the chains that they follow through unreliable nodes, the server
// that keeps their documents, and the receiver of a webhook. Everything random follows from a
// seed.
//
// What runs is the program: its actors, its coordinators, its executors of requests, its EVM
// chains with their pools of endpoints, its deliverers of webhooks, and a store that passes the
// conformance suite. Only what is between them is simulated: the network, the clock, the
// server's registry of nodes.
//
//	             ┌──────────── scheduler: one step at a time ────────────┐
//	chains ── faults ── transport ── worker 1..3 ── line ── server (store, registry)
//	        receiver ───────┘
//
// Goroutines run in a bubble of testing/synctest. Wherever one would wait for the outside
// world, or an actor for its turn, it becomes a step: with a name, and the time at which it
// is due, which the scheduler draws when the step arrives. Once all goroutines wait, the
// scheduler lets the step go on that is due first; if none is due yet, time passes. So one
// step runs at a time, their order is a function of the seed, and hours pass in seconds.
//
// Faults are steps, too: blocks and reorganisations; nodes that lag, lie and refuse; workers
// that are killed, frozen, cut off and restarted; a server that is away, answers late, loses
// its answers, jumps in time, or comes back with what it had earlier, as after a disk that
// has lied. An operator rewinds chains, pauses streams, and drains workers.
//
// At rest the documents are those that the canonical chains make, at the server and at the
// receiver. At every step the server accepts no commit of an earlier owner or incarnation, and
// the receiver gets no event in two deliveries.
//
// Not simulated: the driver and the protocol of MongoDB, which internal/chaos runs; Aptos;
// clocks of workers that run apart; the memory of a process.
package simulation
