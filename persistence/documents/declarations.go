package documents

import (
	"reflect"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// declarations are those of all collections. A field is a member of the Go struct and,
// unless everywhere has it already, a line here.
func declarations() []declaration {
	return []declaration{orders(), activities(), records(), deadLetters(), actors(), leases(), nodes(), requests(), notifications()}
}

func orders() declaration {
	return declaration{
		name:        persistence.Orders,
		document:    reflect.TypeFor[Order](),
		description: "The current state of every listing (ask) and offer (bid).",
		lines: lines{
			"_id":        {doc: "chain/market/key."},
			"status":     {doc: "Where the order stands in its life.", values: enum("OrderStatus", markets.Statuses()...)},
			"taker":      {doc: "Who took the order, in its last fill."},
			"quantity":   {doc: "How many units of the token the order is for; missing while unknown."},
			"filled":     {doc: "How many of them have changed hands."},
			"price":      {doc: "What is asked or bid for the whole order, in the currency's smallest unit; missing while unknown."},
			"paid":       {doc: "What was paid for what is filled, in the currency's smallest unit."},
			"listedAt":   {doc: "When it was listed or offered; missing for orders signed off chain."},
			"soldAt":     {doc: "When it was filled."},
			"canceledAt": {doc: "When it was cancelled or rejected."},
			"first":      {doc: "The position of the first event of the order."},
			"anomalies":  {doc: "How many events made no sense in the state in which they came."},
		},
		indexes: []Index{
			{Name: "maker_id", Keys: keys("maker", "_id")},
			{Name: "token", Keys: keys("token.collection", "token.id")},
			{Name: "floor", Keys: keys("token.collection", "side", "status", "priceSort")},
			{Name: "market_status_price", Keys: keys("market", "status", "priceSort")},
			{Name: "height", Keys: keys("chain", "-last.height")},
		},
	}
}

func activities() declaration {
	return declaration{
		name:        persistence.Activities,
		document:    reflect.TypeFor[Activity](),
		description: "What happened on the markets: the log from which orders and records are folded.",
		lines: lines{
			"_id":      {doc: "What is concerned, where it stands and on which branch of the chain."},
			"concerns": {doc: "The key of what the event concerns, where that is no order."},
			"kind":     {doc: "What happened.", values: eventKind()},
			"taker":    {doc: "Who took the order."},
			"quantity": {doc: "How many units of the token were listed, asked for, or changed hands."},
			"partial":  {doc: "Whether a fill may be one of several of its order."},
			"record":   {doc: "What the event says of a record."},
		},
		indexes: []Index{
			streamPosition(),
			{Name: "order", Keys: keys("order"), Exists: "order"},
			{Name: "concerns", Keys: keys("chain", "market", "concerns"), Exists: "concerns"},
			{Name: "token", Keys: keys("token.collection", "token.id", "-time")},
			{Name: "collection", Keys: keys("token.collection", "kind", "-time")},
			{Name: "from", Keys: keys("from", "-time"), Exists: "from"},
			{Name: "to", Keys: keys("to", "-time"), Exists: "to"},
			{Name: "time", Keys: keys("-time")},
		},
	}
}

func records() declaration {
	return declaration{
		name:        persistence.Records,
		document:    reflect.TypeFor[Record](),
		description: "What markets keep beside their orders: galleries, exhibits, lotteries.",
		lines: lines{
			"_id":       {doc: "chain/market/type:key."},
			"type":      {doc: "What it is: gallery, exhibit, lottery."},
			"fields":    {doc: "What the market says of it."},
			"removed":   {doc: "Whether it was removed."},
			"createdAt": {doc: "When it was made, by the chain's clock."},
			"updatedAt": {doc: "When it was last changed, by the chain's clock."},
		},
		indexes: []Index{{Name: "type", Keys: keys("market", "type", "-updatedAt")}},
	}
}

func deadLetters() declaration {
	return declaration{
		name:        persistence.DeadLetters,
		document:    reflect.TypeFor[DeadLetter](),
		description: "Raw events that could not be decoded, kept until they can be.",
		lines: lines{
			"_id":    {doc: "Where the event stands and on which branch of the chain."},
			"reason": {doc: "Why the event could not be decoded."},
			"raw":    {doc: "The stream's raw events of the transaction."},
		},
		indexes: []Index{streamPosition()},
	}
}

func actors() declaration {
	return declaration{
		name:        persistence.Actors,
		document:    reflect.TypeFor[Actor](),
		description: "Where every actor stands and how it is.",
		lines: lines{
			"_id":         {doc: "The actor's path: ethereum/seaport/list/subject."},
			"kind":        {doc: "What the actor does.", values: enum("ActorKind", "chain", "head", "market", "orders", "worker", "subject", "observer")},
			"node":        {doc: "The process in which the actor runs."},
			"documents":   {doc: "Whether the actor keeps its stream's documents."},
			"epoch":       {doc: "The ownership of the chain under which the actor runs."},
			"incarnation": {doc: "How often the actor was started."},
			"pending":     {doc: "Where a transition ends that is being committed in portions."},
			"trail":       {doc: "The places to which the actor can be rolled back."},
			"state": {doc: "What the actor is doing.", values: enum("ActorState", persistence.Backfilling, persistence.Following,
				persistence.Running, persistence.Retrying, persistence.Stopped, persistence.FinalityBroken)},
			"head":        {doc: "The chain's newest height: a block number, or a ledger version on Aptos."},
			"finalized":   {doc: "The newest height that cannot be reorganised."},
			"lag":         {doc: "How many heights the actor is behind the head."},
			"lastError":   {doc: "What went wrong last."},
			"endpoints":   {doc: "How the chain's endpoints are doing, on the document of its head."},
			"restarts":    {doc: "How often the actor was restarted."},
			"events":      {doc: "How many events are in the actor's part of the log."},
			"deadLetters": {doc: "How many of them could not be decoded."},
			"updatedAt":   {doc: "When the document was last written, by the store's clock."},
			"commit":      {doc: "The commit that moved the actor last."},
		},
		indexes: []Index{
			{Name: "market", Keys: keys("chain", "market")},
			{Name: "lag", Keys: keys("-lag")},
			{Name: "restarts", Keys: keys("-restarts")},
			{Name: "lastError", Keys: keys("lastError"), Exists: "lastError"},
		},
	}
}

func leases() declaration {
	return declaration{
		name:        persistence.Leases,
		document:    reflect.TypeFor[Lease](),
		description: "Who owns which chain.",
		lines: lines{
			"_id":     {doc: "The chain."},
			"node":    {doc: "The process that owns the chain; empty when it was given up."},
			"epoch":   {doc: "How often the chain was taken over."},
			"takenAt": {doc: "When the owner took the chain over."},
			"app":     {doc: "The name of the owner's connections to the server."},
			"former":  {doc: "The names of connections of owners before."},
			"claims":  {doc: "How many actors' documents were made, and requests answered, under the lease."},
		},
	}
}

func nodes() declaration {
	return declaration{
		name:        persistence.Nodes,
		document:    reflect.TypeFor[Node](),
		description: "The processes of the cluster, those that ended within the last hour too.",
		lines: lines{
			"_id":     {doc: "The process's name, a dot, and what tells its lives apart."},
			"name":    {doc: "The process's name, as configured."},
			"address": {doc: "Where processes of earlier versions listened to each other."},
			"state": {doc: "Whether it takes part: up, draining (its chains are to go elsewhere), leaving (it shuts down), left, dead.",
				values: enum("NodeState", persistence.Up, persistence.Draining, persistence.Leaving, persistence.Left, persistence.Dead)},
			"beat":        {doc: "Rises with every sign of life."},
			"chains":      {doc: "The chains that it can follow."},
			"version":     {doc: "The version of the program."},
			"protocol":    {doc: "The version of what processes say to each other."},
			"joinedAt":    {doc: "When it joined, by the server's clock."},
			"seenAt":      {doc: "Its last sign of life, by the server's clock."},
			"endedAt":     {doc: "When it left or was declared dead, by the server's clock."},
			"clock":       {doc: "Its own clock, at its last sign of life."},
			"unreachable": {doc: "The processes that those of earlier versions could not reach."},
		},
		indexes: []Index{{Name: "ended", Keys: keys("endedAt"), Exists: "endedAt", Keep: time.Hour}},
	}
}

func requests() declaration {
	return declaration{
		name:        persistence.Requests,
		document:    reflect.TypeFor[Request](),
		description: "What was asked of the owners of chains, and their answers of the last hour.",
		lines: lines{
			"_id":  {doc: "Random."},
			"kind": {doc: "What is asked: status, how the chain is."},
			"state": {doc: "Whether it waits for the chain's owner (pending), is answered (done), or nobody has answered in time (failed).",
				values: enum("RequestState", persistence.RequestPending, persistence.RequestDone, persistence.RequestFailed)},
			"askedBy":   {doc: "The process that asks."},
			"askedAt":   {doc: "When it was asked, by the server's clock."},
			"overdueAt": {doc: "When it fails if nobody has answered, by the server's clock."},
			"node":      {doc: "The process that has answered as the chain's owner."},
			"epoch":     {doc: "The ownership of the chain under which that was."},
			"answer":    {doc: "The answer."},
			"reason":    {doc: "Why it has failed."},
			"endedAt":   {doc: "When it was answered or has failed, by the server's clock."},
		},
		indexes: []Index{
			{Name: "state", Keys: keys("state", "_id")},
			{Name: "ended", Keys: keys("endedAt"), Exists: "endedAt", Keep: time.Hour},
		},
	}
}

func notifications() declaration {
	return declaration{
		name:        persistence.Notifications,
		document:    reflect.TypeFor[Notification](),
		description: "What the users of the markets are to be told, one document for each receiver and event.",
		lines: lines{
			"_id":      {doc: "The activity's _id, a slash, and the receiver."},
			"receiver": {doc: "The address of whom it tells."},
			"message":  {doc: "What it tells.", values: enum("Message", markets.Messages()...)},
			"activity": {doc: "The _id of the activity that it tells of."},
			"kind":     {doc: "The kind of the event.", values: eventKind()},
			"quantity": {doc: "How many units of the token."},
			"from":     {doc: "Who caused it, if the event tells."},
			"readAt":   {doc: "When the receiver has read it; set by the market's backend, missing until then."},
		},
		indexes: []Index{
			{Name: "receiver", Keys: keys("receiver", "-time")},
			// For {readAt: {$exists: false}}, in order of time.
			{Name: "unread", Keys: keys("receiver", "readAt", "-time")},
			streamPosition(),
		},
	}
}

func eventKind() *Enum { return enum("EventKind", markets.Kinds()...) }

// streamPosition serves whatever goes along a stream: reading it again, and taking
// back what a reorganisation abandoned.
func streamPosition() Index {
	return Index{Name: "stream_position", Keys: keys("chain", "market", "stream", "seq", "position.height", "position.tx", "position.log", "position.sub")}
}
