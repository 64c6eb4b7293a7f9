// Package actors is the event worker: it follows markets on any EVM chain and on Aptos with
// actors. Supervisors spawn one subject actor for each chain and event stream, which reads
// the stream, and one observer actor for each projection of it, which keeps the log of
// activities or the documents of orders.
//
//	node
//	└─ chain                  supervises; owns the chain at an epoch
//	   ├─ head                follows head, finality and reorganisations
//	   └─ market              supervises
//	      ├─ orders           the one writer of the market's documents
//	      └─ worker           supervises; one for each stream
//	         ├─ subject       reads the stream and sends its observers transitions
//	         ├─ activity      the observer that keeps the log
//	         └─ order-…       the observer that keeps the documents
//
// # The life of one log, from node to document
//
// The stream ethereum/seaport/buy is followed with a credit of 2. Block 103a has the log of
// a sale; it is abandoned later:
//
//	100 ─ 101 ─ 102 ─ 103a
//	             └─── 103b ─ 104b
//
// Both observers are at block 100 and have subscribed as #1. The head publishes its view:
// 100 is final, and the branch is 101, 102, 103a. The subject reads ahead of its observers,
// here a block a page, the logs by block hash. Its decoder makes a market event of the log.
//
//	subject sends              activity       order-buy    why
//	log: 100→101, 101→102      at 100         at 100       two batches are the log's credit
//	                           acks 101
//	log: 102→103a              at 101         at 100       the log has credit again
//	documents: 100→101         at 101         at 100       and has executed 101: log first
//	                           acks 102, 103a              the sale is in activities
//	documents: 101→102→103a    at 103a        acks 103a    and folded into its order
//
// order-buy has no transaction of its own: it asks the market's orders, which commit the
// order, order-buy's document (102 → 103a) and their own (the 7th commit → the 8th) in one
// transaction.
//
// Now the head publishes a view with 103b and 104b. For both cursors 103a is off the branch:
// they are draining while batches are under way, then lost, and returning once the newest
// place of their trail 100, 101, 102, 103a that is on the branch is known: 102.
//
//	documents: 103a→102        at 103a        acks 102     the order is folded without the sale
//	log: 103a→102              acks 102       at 102       the log goes back last
//	log: 102→103b, 103b→104b   at 102         at 102       and forward first again
//
// A process that dies between the two rollbacks starts with its log at 103a and its documents
// at 102, and goes on from there: only the log is rolled back. An observer that dies after
// its commit and before its ack subscribes as #2 with the place that its document says; an
// ack of #1 that is still under way tells the subject nothing.
//
// # Guarantees
//
// When the chain rests, the log, the documents and the dead letters are what its canonical
// branch makes, whatever was reorganised, killed, slow or taken over. That rests on six rules:
//
//   - P1, transitions (observer.executeNext, cursor.acknowledge): an observer executes a
//     transition only if it is exactly at its start, by number and by hash; it acknowledges
//     one that ends at its place again, and answers any other by subscribing with its place.
//     What belongs to another subscription is dropped.
//   - P2, reading (head, cursor.state, window.onBranch): above finality logs are read by block
//     hash. The head publishes whole views and not changes. The subject compares each
//     observer's place with the view: on the branch it gets the next batch, off it a
//     rollback to the common ancestor, however deep. At most Tuning.Credit batches of an
//     observer are unacknowledged.
//   - P3, restart (subject.Start): a subject that was started asks its observers for their
//     places, and acks that come before tell it nothing. Its own document is a report and
//     never an input.
//   - P4, commit (package projection, persistence.Store.Commit, package supervision): the
//     change and the observer's document are one transaction, conditional on the epoch,
//     incarnation, number, hash and ledger version of that document. Documents are claimed
//     first.
//   - P5, log first (subject.mayFollow, subject.documentsBackTo): documents get a batch after
//     the log has executed it, and are rolled back before the log. Documents that are out of
//     step fold what is in the log, and not a batch that is read and decoded anew
//     (subject.sendBatch).
//   - P6, one writer (orders, projection.Writer): all commits to a market's documents pass
//     through its orders and count on their document. Orders may therefore be cached; after a
//     commit of unknown outcome the cache is dropped.
//
// Each rule has tests that fail without it; mutants_test.go begins with the list.
package actors
