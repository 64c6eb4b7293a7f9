// Package cluster makes one cluster of all processes on one database: they find each
// other there, share the chains out among them, and take over the chains of nodes that
// die. Nodes need the database and nothing else: none listens to another.
//
// A Coordinator runs in each process. It makes heartbeats, reads the other nodes'
// heartbeats and the chains' leases, plans which node ought to own which chain, and does
// its own part: it acquires free chains that are planned for it, and hands over chains that
// are planned for others. No node is special.
//
// # Guarantees
//
//   - A chain's owner is decided by its lease alone, whose epoch rises with every
//     acquisition. Nobody acts on an epoch before it is stamped into the documents of all
//     of the chain's actors, and from then on no commit of an earlier owner lands.
//   - No clock is compared with another machine's. A node is dead when its heartbeats have
//     not moved for a time during which this process was looking.
//   - Nodes that read the same make the same plan: loads as even as they can be, and as few
//     moves as possible.
//   - Left alone, every chain that some node can follow soon has one owner, and then
//     nothing moves.
//   - What wakes a node, a change stream, only spares it waiting: without it everything
//     happens at the next poll.
//   - A request is answered by the owner of its chain, under its lease, at most once. One
//     without an answer fails after a bound, with a reason.
//
// # A take-over
//
// Two nodes, a and b, with a poll of 0.5 s and a ttl of 3 s. The chain's lease is a's.
//
//	seconds   lease       actors' epoch
//	   0.0    a, epoch 4  4    a is paused; the count of its heartbeats stays at 917
//	   0.4    a, epoch 4  4    b reads 917, and again every 0.5 s
//	   3.4    a, epoch 4  4    917 has not moved for 3 s of b's own looking: b declares a dead,
//	                           on condition that the count is still 917
//	   3.4    a, epoch 4  4    b plans the chain for itself, and ends the transactions that a
//	                           has left open
//	   3.4    b, epoch 5  4    b raises the lease, on condition that it is still a's at epoch 4
//	   3.4    b, epoch 5  5    b stamps the epoch into the actors' documents; then it starts them
//	  20.0    b, epoch 5  5    a goes on: its next commit is conditional on epoch 4 and matches
//	                           nothing, its next heartbeat finds it declared dead; it stops its
//	                           chains and joins again as another node
//
// A node that leaves releases its leases instead, and the others acquire them within
// milliseconds: the release wakes them.
package cluster
