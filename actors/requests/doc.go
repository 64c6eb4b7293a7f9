// Package requests executes what operators ask of chains that this process owns: rewind,
// retry, redecode, pause and resume, while the worker runs.
//
// Guaranteed:
//   - A request is executed by the owner of its chain, under its lease, while the chain's
//     actors are stopped; the lease is kept.
//   - The effect is that of one execution. Every commit is fenced by the owner's epoch (P4).
//     The end of a request is recorded before the chain's actors start again, and a new owner
//     continues a running request before it starts them: nothing that was read after the
//     execution is undone by a second one.
//   - A request fails only for a reason that asking again would not change, or after several
//     attempts during which the store answered. Whatever was done until then is a state that
//     the actors may be in.
//
// A rewind of the chain ethereum to block 850 while node a owns it at epoch 4 and dies halfway:
//
//	a, epoch 4   the request: pending → running, epoch 4; the actors stop
//	a, epoch 4   the transitions to undo are written into the request
//	a, epoch 4   list is rolled back, 900 → 840; a dies before buy is
//	b, epoch 5   b acquires the lease, and finds the request running at epoch 4
//	b, epoch 5   the request: running, epoch 5; list is at 840 already, buy 880 → 840
//	b, epoch 5   the request: done, with list 900 → 840 and buy 880 → 840
//	b, epoch 5   the actors start, and read on from 840
package requests
