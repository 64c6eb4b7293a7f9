package documents

import (
	"reflect"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// declarations are the collections. A field is a member of its Go struct and, unless
// everywhere says it already, a line here.
func declarations() []declaration {
	return []declaration{orders(), activities(), records(), deadLetters(), actors(), leases(), nodes(), notifications()}
}

func orders() declaration {
	return declaration{
		name:        persistence.Orders,
		document:    reflect.TypeFor[Order](),
		description: "The current state of every listing (ask) and offer (bid).",
		lines: lines{
			"_id":        {says: "chain/market/key."},
			"status":     {says: "Where the order stands in its life.", values: enum("OrderStatus", markets.Statuses()...)},
			"taker":      {says: "Who took the order, in its last fill."},
			"quantity":   {says: "How many units of the token the order is for; missing while unknown."},
			"filled":     {says: "How many of them have changed hands."},
			"price":      {says: "What is asked or bid for the whole order, in the currency's smallest unit; missing while unknown."},
			"paid":       {says: "What was paid for what is filled, in the currency's smallest unit."},
			"listedAt":   {says: "When it was listed or offered; missing for orders signed off chain."},
			"soldAt":     {says: "When it was filled."},
			"canceledAt": {says: "When it was cancelled or rejected."},
			"first":      {says: "The position of the first event of the order."},
			"anomalies":  {says: "How many events made no sense in the state in which they came."},
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
			"_id":      {says: "What is concerned, where it stands and on which branch of the chain."},
			"concerns": {says: "The key of what the event concerns, where that is no order."},
			"kind":     {says: "What happened.", values: eventKind()},
			"taker":    {says: "Who took the order."},
			"quantity": {says: "How many units of the token were listed, asked for, or changed hands."},
			"partial":  {says: "Whether a fill may be one of several of its order."},
			"record":   {says: "What the event says of a record."},
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
			"_id":       {says: "chain/market/type:key."},
			"type":      {says: "What it is: gallery, exhibit, lottery."},
			"fields":    {says: "What the market says of it."},
			"removed":   {says: "Whether it was removed."},
			"createdAt": {says: "When it was made, by the chain's clock."},
			"updatedAt": {says: "When it was last changed, by the chain's clock."},
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
			"_id":    {says: "Where the event stands and on which branch of the chain."},
			"reason": {says: "Why the event could not be decoded."},
			"raw":    {says: "The stream's raw events of the transaction."},
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
			"_id":         {says: "The actor's path: ethereum/seaport/list/subject."},
			"kind":        {says: "What the actor does.", values: enum("ActorKind", "chain", "head", "market", "orders", "worker", "subject", "observer")},
			"node":        {says: "The process in which the actor runs."},
			"documents":   {says: "Whether the actor keeps its stream's documents."},
			"epoch":       {says: "The ownership of the chain under which the actor runs."},
			"incarnation": {says: "How often the actor was started."},
			"pending":     {says: "Where a transition ends that is being committed in portions."},
			"trail":       {says: "The places to which the actor can be rolled back."},
			"state": {says: "What the actor is doing.", values: enum("ActorState", persistence.Backfilling, persistence.Following,
				persistence.Running, persistence.Retrying, persistence.Stopped, persistence.FinalityBroken)},
			"head":        {says: "The chain's newest height: a block number, or a ledger version on Aptos."},
			"finalized":   {says: "The newest height that cannot be reorganised."},
			"lag":         {says: "How many heights the actor is behind the head."},
			"lastError":   {says: "What went wrong last."},
			"endpoints":   {says: "How the chain's endpoints are doing, on the document of its head."},
			"restarts":    {says: "How often the actor was restarted."},
			"events":      {says: "How many events are in the actor's part of the log."},
			"deadLetters": {says: "How many of them could not be decoded."},
			"updatedAt":   {says: "When the document was last written, by the store's clock."},
			"commit":      {says: "The commit that moved the actor last."},
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
			"_id":     {says: "The chain."},
			"node":    {says: "The process that owns the chain; empty when it was given up."},
			"epoch":   {says: "How often the chain was taken over."},
			"takenAt": {says: "When the owner took the chain over."},
			"app":     {says: "The name of the owner's connections to the server."},
			"former":  {says: "The names of connections of owners before."},
			"claims":  {says: "How many actors' documents were made under the lease."},
		},
	}
}

func nodes() declaration {
	return declaration{
		name:        persistence.Nodes,
		document:    reflect.TypeFor[Node](),
		description: "The processes of the cluster, those that ended within the last hour too.",
		lines: lines{
			"_id":     {says: "The process's name, a dot, and what tells its lives apart."},
			"name":    {says: "The process's name, as configured."},
			"address": {says: "Where the other processes reach it."},
			"state": {says: "Whether it takes part: up, draining (its chains are to go elsewhere), leaving (it shuts down), left, dead.",
				values: enum("NodeState", persistence.Up, persistence.Draining, persistence.Leaving, persistence.Left, persistence.Dead)},
			"beat":        {says: "Rises with every sign of life."},
			"chains":      {says: "The chains that it can follow."},
			"version":     {says: "The version of the program."},
			"protocol":    {says: "The version of what processes say to each other."},
			"joinedAt":    {says: "When it joined, by the server's clock."},
			"seenAt":      {says: "Its last sign of life, by the server's clock."},
			"endedAt":     {says: "When it left or was declared dead, by the server's clock."},
			"clock":       {says: "Its own clock, at its last sign of life."},
			"unreachable": {says: "The processes that it cannot reach."},
		},
		indexes: []Index{{Name: "ended", Keys: keys("endedAt"), Exists: "endedAt", Keep: time.Hour}},
	}
}

func notifications() declaration {
	return declaration{
		name:        persistence.Notifications,
		document:    reflect.TypeFor[Notification](),
		description: "What the users of the markets are to be told, one document for each receiver and event.",
		lines: lines{
			"_id":      {says: "The activity's _id, a slash, and the receiver."},
			"receiver": {says: "The address of whom it tells."},
			"message":  {says: "What it tells.", values: enum("Message", markets.Messages()...)},
			"activity": {says: "The _id of the activity that it tells of."},
			"kind":     {says: "The kind of the event.", values: eventKind()},
			"quantity": {says: "How many units of the token."},
			"from":     {says: "Who caused it, if the event tells."},
			"readAt":   {says: "When the receiver has read it; set by the market's backend, missing until then."},
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
