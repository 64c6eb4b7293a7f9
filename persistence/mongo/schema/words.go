package schema

import (
	"reflect"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// enumOf is the set of values of a struct's field, nil if it takes any.
func enumOf(t reflect.Type, field string) *Enum {
	switch t.Name() + "." + field {
	case "Order.status":
		return &Enum{"OrderStatus", stringsOf(markets.Statuses())}
	case "Order.side", "Event.side":
		return &Enum{"Side", stringsOf(markets.Sides())}
	case "Event.kind", "Notification.kind":
		return &Enum{"EventKind", stringsOf(markets.Kinds())}
	case "Notification.message":
		return &Enum{"Message", stringsOf(markets.Messages())}
	case "Actor.kind":
		return &Enum{"ActorKind", []string{"chain", "head", "market", "orders", "worker", "subject", "observer"}}
	case "Report.state":
		return &Enum{"ActorState", []string{
			persistence.Backfilling, persistence.Following, persistence.Running, persistence.Retrying, persistence.Stopped,
			persistence.FinalityBroken,
		}}
	case "Endpoint.state":
		return &Enum{"EndpointState", slices.Clone(persistence.EndpointStates)}
	case "Node.state":
		return &Enum{"NodeState", []string{
			persistence.Up, persistence.Draining, persistence.Leaving, persistence.Left, persistence.Dead,
		}}
	case "Request.state":
		return &Enum{"RequestState", []string{persistence.RequestPending, persistence.RequestDone, persistence.RequestFailed}}
	}
	return nil
}

func stringsOf[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// description is what a struct's field says, in words that people who never saw our
// code understand. A field that says the same in several structs has one entry.
func description(t reflect.Type, field string) string {
	if text, ok := descriptions()[t.Name()+"."+field]; ok {
		return text
	}
	return descriptions()[field]
}

func descriptions() map[string]string {
	return map[string]string{
		"chain":       "The network: ethereum, bsc, aptos.",
		"market":      "The marketplace on its chain: seaport, tradeport.",
		"stream":      "The stream of the market's events: list, buy.",
		"seq":         "The sequence number within the stream: a block number on EVM chains, the event's number or the ledger version on Aptos.",
		"position":    "Where the event stands in its chain's total order.",
		"transaction": "The transaction's hash.",
		"block":       "The block's hash on EVM chains.",
		"time":        "When it happened, by the chain's clock.",
		"key":         "Its name within its market, and its type if it has one.",
		"token":       "The token concerned.",
		"bundle":      "Every item, the token first, when there is more than one.",
		"currency":    "What the price is in.",
		"priceSort":   "The price as 32 bytes, big-endian, to sort and compare by.",
		"maker":       "Who made the order.",
		"contract":    "The market's contract that the order lives on.",
		"side":        "Whether the order sells (ask) or buys (bid); missing while unknown.",
		"expiresAt":   "When the order ends by itself. Nothing changes in the document then.",
		"from":        "Who gave the token.",
		"to":          "Who received the token.",

		"Order._id":        "chain/market/key.",
		"Order.status":     "Where the order stands in its life.",
		"Order.taker":      "Who took the order, in its last fill.",
		"Order.quantity":   "How many units of the token the order is for; missing while unknown.",
		"Order.filled":     "How many of them have changed hands.",
		"Order.price":      "What is asked or bid for the whole order, in the currency's smallest unit; missing while unknown.",
		"Order.paid":       "What was paid for what is filled, in the currency's smallest unit.",
		"Order.listedAt":   "When it was listed or offered; missing for orders signed off chain.",
		"Order.soldAt":     "When it was filled.",
		"Order.canceledAt": "When it was cancelled or rejected.",
		"Order.first":      "The position of the first event of the order.",
		"Order.last":       "The position of the last event that the document has taken in.",
		"Order.anomalies":  "How many events made no sense in the state in which they came.",

		"Activity._id":      "What is concerned, where it stands and on which branch of the chain.",
		"Activity.concerns": "The key of what the event concerns, where that is no order.",
		"Event.kind":        "What happened.",
		"Event.order":       "The key of the order concerned, if it is one order.",
		"Event.taker":       "Who took the order.",
		"Event.quantity":    "How many units of the token were listed, asked for, or changed hands.",
		"Event.partial":     "Whether a fill may be one of several of its order.",
		"Event.price":       "The whole sum that the buyer pays, fees included, in the currency's smallest unit.",
		"Event.record":      "What the event says of a record.",

		"RecordChange.type":   "The type of the record: gallery, exhibit, lottery.",
		"RecordChange.fields": "The fields that the event sets; others keep their values.",

		"RecordChange.add": "Whole numbers, as decimal strings with or without sign, that the event adds to fields.",

		"Record._id":       "chain/market/type:key.",
		"Record.type":      "What it is: gallery, exhibit, lottery.",
		"Record.fields":    "What the market says of it.",
		"Record.removed":   "Whether it was removed.",
		"Record.createdAt": "When it was made, by the chain's clock.",
		"Record.updatedAt": "When it was last changed, by the chain's clock.",
		"Record.last":      "The position of the last event that the document has taken in.",

		"DeadLetter._id":    "Where the event stands and on which branch of the chain.",
		"DeadLetter.reason": "Why the event could not be decoded.",
		"DeadLetter.raw":    "The stream's raw events of the transaction.",

		"Actor._id":         "The actor's path: ethereum/seaport/list/subject.",
		"Actor.kind":        "What the actor does.",
		"Actor.node":        "The process in which the actor runs.",
		"Actor.documents":   "Whether the actor keeps its stream's documents.",
		"Actor.epoch":       "The ownership of the chain under which the actor runs.",
		"Actor.incarnation": "How often the actor was started.",
		"Actor.pending":     "Where a transition ends that is being committed in portions.",
		"Actor.trail":       "The places to which the actor can be rolled back.",
		"Actor.restarts":    "How often the actor was restarted.",
		"Actor.events":      "How many events are in the actor's part of the log.",
		"Actor.deadLetters": "How many of them could not be decoded.",
		"Actor.updatedAt":   "When the document was last written, by the store's clock.",
		"Actor.commit":      "The commit that moved the actor last.",
		"Report.state":      "What the actor is doing.",
		"Report.head":       "The chain's newest height: a block number, or a ledger version on Aptos.",
		"Report.finalized":  "The newest height that cannot be reorganised.",
		"Report.lag":        "How many heights the actor is behind the head.",
		"Report.lastError":  "What went wrong last.",
		"Report.endpoints":  "How the chain's endpoints are doing, on the document of its head.",

		"Endpoint.host":      "The endpoint's host; the rest of its URL is secret.",
		"Endpoint.state":     "Whether the endpoint answers as it should.",
		"Endpoint.height":    "The newest height seen there: a block number, or a ledger version on Aptos.",
		"Endpoint.rate":      "How many requests a second it is asked at most at present; 0 while no limit is known.",
		"Endpoint.latencyMs": "The moving average of how long it takes to answer, in milliseconds.",
		"Endpoint.requests":  "How many requests it was sent since the chain's owner began.",
		"Endpoint.errors":    "How many of them failed, by the class of the error.",
		"Endpoint.lastError": "Why the last one of them failed.",

		"Place.seq":     "The last sequence number executed: a block number on EVM chains, the event's number or the ledger version on Aptos; -1 before the first.",
		"Place.hash":    "The hash of the block at seq on EVM chains.",
		"Place.through": "On Aptos, the ledger version up to which the stream holds nothing more.",

		"Lease._id":     "The chain.",
		"Lease.node":    "The process that owns the chain; empty when it was given up.",
		"Lease.epoch":   "How often the chain was taken over.",
		"Lease.takenAt": "When the owner took the chain over.",
		"Lease.app":     "The name of the owner's connections to the server.",
		"Lease.former":  "The names of connections of owners before.",
		"Lease.claims":  "How many actors' documents were made, and requests answered, under the lease.",

		"Node._id":          "The process's name, a dot, and what tells its lives apart.",
		"Node.name":         "The process's name, as configured.",
		"Node.address":      "Where processes of versions before listened to each other.",
		"Node.state":        "Whether it takes part: up, draining (its chains are to go elsewhere), leaving (it shuts down), left, dead.",
		"Node.beat":         "Rises with every sign of life.",
		"Node.chains":       "The chains that it can follow.",
		"Node.version":      "The version of the program.",
		"Node.protocol":     "The version of what processes say to each other.",
		"Node.joinedAt":     "When it joined, by the server's clock.",
		"Node.seenAt":       "Its last sign of life, by the server's clock.",
		"Node.endedAt":      "When it left or was declared dead, by the server's clock.",
		"Node.unreachable":  "What processes of versions before could not reach.",
		"Heartbeat.clock":   "Its own clock, at its last sign of life.",
		"NodeChain.name":    "The chain.",
		"NodeChain.network": "The network, which must be the same for all processes.",
		"NodeChain.config":  "A digest of the chain's configuration, which should be.",

		"Request._id":       "Random.",
		"Request.kind":      "What is asked: status, how the chain is.",
		"Request.state":     "Whether it waits for the chain's owner (pending), is answered (done), or nobody has answered in time (failed).",
		"Request.askedBy":   "The process that asks.",
		"Request.askedAt":   "When it was asked, by the server's clock.",
		"Request.overdueAt": "When it fails if nobody has answered, by the server's clock.",
		"Request.node":      "The process that has answered as the chain's owner.",
		"Request.epoch":     "The ownership of the chain under which that was.",
		"Request.answer":    "The answer.",
		"Request.reason":    "Why it has failed.",
		"Request.endedAt":   "When it was answered or has failed, by the server's clock.",
		"Answer.phase":      "How the chain is at its owner: running, or stopping (it is about to be given up).",

		"Notification._id":      "The activity's _id, a slash, and the receiver.",
		"Notification.receiver": "The address of whom it tells.",
		"Notification.message":  "What it tells.",
		"Notification.kind":     "The kind of the event.",
		"Notification.from":     "Who caused it, if the event tells.",
		"Notification.quantity": "How many units of the token.",
		"Notification.order":    "The key of the order concerned, if it is one order.",
		"Notification.activity": "The _id of the activity that it tells of.",
		"Notification.price":    "The whole sum that the buyer pays, fees included, in the currency's smallest unit.",
		"Notification.readAt":   "When the receiver has read it; set by the market's backend, missing until then.",

		"Token.collection":  "The collection's address, or its object on Aptos.",
		"Token.id":          "The token within its collection; without it any token of the collection is meant.",
		"Token.standard":    "ERC-721, ERC-1155, aptos-object or aptos-token-v1.",
		"Token.name":        "The token's name, where the chain tells it.",
		"Item.quantity":     "How many units of the token.",
		"Currency.address":  "The token contract, or the coin type on Aptos; the zero address is the chain's own coin.",
		"Currency.symbol":   "How people call it: ETH, APT.",
		"Currency.decimals": "How many of an amount's digits stand behind the point.",
		"Position.height":   "The block number, or the ledger version on Aptos.",
		"Position.tx":       "The transaction's index in its block; 0 on Aptos.",
		"Position.log":      "The log's index, or the event's index in its transaction on Aptos.",
		"Position.sub":      "Counts the events that one raw event becomes.",
	}
}
