package documents

import (
	"reflect"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// declarations are those of all collections. A field is a member of the Go struct and,
// unless everywhere has it already, a line here.
func declarations() []declaration {
	return []declaration{orders(), activities(), records(), deadLetters(), actors(), leases(), nodes(), requests(), notifications(), signedOrders(), currencies(), metadata(), audits(), hooks(), deadHooks()}
}

func orders() declaration {
	return declaration{
		name:        persistence.Orders,
		document:    reflect.TypeFor[Order](),
		description: "The current state of every listing (ask) and offer (bid).",
		lines: lines{
			"_id":           {doc: "chain/market/key.", form: KeyText},
			"status":        {doc: "The state of the order.", values: enum("OrderStatus", markets.Statuses()...)},
			"taker":         {doc: "The counterparty of the last fill.", form: AddressText},
			"quantity":      {doc: "The number of units of the token that the order is for; missing while unknown."},
			"filled":        {doc: "The number of units traded so far."},
			"price":         {doc: "The price of the whole order, in the currency's smallest unit; missing while unknown."},
			"unitPrice":     {doc: "The price of one unit, rounded up; missing for bundles and while unknown."},
			"unitPriceSort": {doc: "The unit price as 32 bytes, big-endian, to sort and compare by."},
			"remaining":     {doc: "The number of units that can still be filled; missing while unknown and once the order is closed."},
			"remainingSort": {doc: "The remaining units as 32 bytes, big-endian, to sort and compare by."},
			"endPriceSort":  {doc: "The end price as 32 bytes, big-endian, to sort and compare by."},
			"contractState": {doc: "The order's status in the market's contract, when it was last asked."},
			"fillable":      {doc: "Whether a stranger can fill the order, by the state of the chain; missing while it was never asked."},
			"open":          {doc: "Whether contracts are still asked about the order: it can be filled, or was closed since they were last asked, or was filled to an unknown extent before it was cancelled; missing otherwise."},
			"checked":       {doc: "The position of the last fact about the order; missing if there is none."},
			"filledAt":      {doc: "The time of the last fill."},
			"paid":          {doc: "The sum paid for the filled units, in the currency's smallest unit."},
			"listedAt":      {doc: "When it was listed or offered; missing for orders signed off chain."},
			"soldAt":        {doc: "When it was filled whole."},
			"canceledAt":    {doc: "When it was cancelled or rejected."},
			"first":         {doc: "The position of the first event of the order."},
			"anomalies":     {doc: "The number of events that were not valid in the order's state at the time."},
		},
		indexes: []Index{
			{Name: "maker_id", Keys: keys("maker", "_id")},
			{Name: "maker_nonce", Keys: keys("maker", "nonce", "_id"), Exists: "nonce"},
			{Name: "token", Keys: keys("token.collection", "token.id", "side", "status", "criteria", "fillable.answer", "currency.address", "unitPriceSort", "expiresAt")},
			// What has expired is passed over within the index, from price to price.
			{Name: "floor", Keys: keys("token.collection", "side", "fillable.answer", "currency.address", "unitPriceSort", "expiresAt", "quantity", "endPriceSort"), Open: true},
			{Name: "auctions", Keys: keys("token.collection", "side", "fillable.answer", "currency.address", "expiresAt"), Exists: "endPriceSort", Open: true},
			{Name: "newest", Keys: keys("token.collection", "side", "fillable.answer", "-listedAt", "expiresAt"), Open: true},
			{Name: "maker", Keys: keys("maker", "side", "status", "-listedAt", "expiresAt")},
			{Name: "maker_fillable", Keys: keys("maker", "side", "fillable.answer", "-listedAt"), Exists: "fillable.answer", Open: true},
			{Name: "taker", Keys: keys("taker", "-filledAt"), Exists: "taker"},
			{Name: "reserved", Keys: keys("reservedFor", "-listedAt", "expiresAt"), Exists: "reservedFor", Open: true},
			{Name: "market_status_price", Keys: keys("market", "status", "priceSort")},
			{Name: "height", Keys: keys("chain", "-last.height")},
			// For the reader of facts: which orders were asked about longest ago.
			{Name: "open", Keys: keys("chain", "market", "checked.height", "_id"), Exists: "open"},
		},
	}
}

func activities() declaration {
	return declaration{
		name:        persistence.Activities,
		document:    reflect.TypeFor[Activity](),
		description: "What happened on the markets: the log from which orders and records are folded.",
		lines: lines{
			"_id":      {doc: "The order or record concerned, the event's position, its stream and its block.", form: KeyText},
			"concerns": {doc: "The key of the record concerned, if the event is not about an order.", form: KeyText},
			"kind":     {doc: "The kind of event.", values: eventKind()},
			"taker":    {doc: "The counterparty of the maker.", form: AddressText},
			"quantity": {doc: "The number of units of the token listed, requested or traded."},
			"below":    {doc: "Of orders_cancelled: orders with a smaller nonce are cancelled."},
			"partial":  {doc: "Whether a fill may be one of several of its order."},
			"record":   {doc: "The event's change to a record."},
			"fixed":    {doc: "Whether the order's terms are fixed by its key, so that listing it again keeps its fills."},
			"factory":  {doc: "The factory, in the market's definition, that announced the contract."},
			"fact":     {doc: "What contracts say of the order as of the end of the block."},
			"signed":   {doc: "The _id of the document of signed_orders that the event answers; see docs/signed-orders.md for one that is not a string.", form: KeyText},
			"reason":   {doc: "Why the signed order is refused."},
			"raw":      {doc: "The raw event, where the market's definition asks for it."},
		},
		indexes: []Index{
			streamPosition(),
			{Name: "order", Keys: keys("order", "position"), Exists: "order"},
			{Name: "concerns", Keys: keys("chain", "market", "concerns"), Exists: "concerns"},
			{Name: "token", Keys: keys("token.collection", "token.id", "-time")},
			{Name: "collection", Keys: keys("token.collection", "kind", "-time")},
			{Name: "from", Keys: keys("from", "-time"), Exists: "from"},
			{Name: "to", Keys: keys("to", "-time"), Exists: "to"},
			{Name: "maker", Keys: keys("maker", "-time", "kind"), Exists: "maker"},
			{Name: "transaction", Keys: keys("transaction")},
			// For package factories: the contracts that a stream's log has.
			{Name: "factory", Keys: keys("chain", "market", "factory", "seq"), Exists: "factory"},
			{Name: "time", Keys: keys("chain", "market", "-time", "kind")},
		},
	}
}

func records() declaration {
	return declaration{
		name:        persistence.Records,
		document:    reflect.TypeFor[Record](),
		description: "What markets keep beside their orders: galleries, exhibits, lotteries.",
		lines: lines{
			"_id":       {doc: "chain/market/type:key.", form: KeyText},
			"type":      {doc: "The type of the record: gallery, exhibit, lottery."},
			"fields":    {doc: "The record's fields, as the market reports them."},
			"removed":   {doc: "Whether the record was removed."},
			"createdAt": {doc: "When the record was created, by the chain's clock."},
			"updatedAt": {doc: "When the record was last changed, by the chain's clock."},
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
			"_id":    {doc: "The event's position, its stream and its block.", form: KeyText},
			"reason": {doc: "Why the event could not be decoded."},
			"raw":    {doc: "The stream's raw events of the transaction."},
		},
		indexes: []Index{streamPosition()},
	}
}

func currencies() declaration {
	return declaration{
		name:        persistence.Currencies,
		document:    reflect.TypeFor[KnownCurrency](),
		description: "What chains say of the currencies of events, asked once for each: it is not verified, and anybody may call a token USDC.",
		lines: lines{
			"_id":      {doc: "chain/address.", form: KeyText},
			"address":  {doc: "The token contract; on Aptos the coin type or the fungible asset's object, with addresses in 64 digits.", form: AddressText},
			"symbol":   {doc: "The symbol, its printable characters, 32 at most; missing if it could not be read."},
			"decimals": {doc: "The number of decimal places of an amount, 0 to 77; missing if it could not be read."},
			"name":     {doc: "The name, its printable characters, 32 at most; missing if it could not be read."},
			"reason":   {doc: "Why the symbol or the decimals could not be read."},
			"height":   {doc: "The block or ledger version as of which the chain was asked."},
			"readAt":   {doc: "When the chain was asked."},
		},
	}
}

func metadata() declaration {
	return declaration{
		name:        persistence.MetadataDocs,
		document:    reflect.TypeFor[Metadata](),
		description: "What was found at the metadata URIs of records, where fetching is switched on: people wrote it, and it is not verified.",
		lines: lines{
			"_id":       {doc: "The URI as the record has it; of one of more than 1000 bytes, sha256: and its hash in hex."},
			"state":     {doc: "Whether it was fetched; what failed is tried again.", values: enum("MetadataState", persistence.MetadataFetched, persistence.MetadataFailed)},
			"status":    {doc: "The status of the last answer; missing if there was none."},
			"bytes":     {doc: "The size of the answer, in bytes."},
			"json":      {doc: "The JSON object that was found, as text."},
			"reason":    {doc: "Why the last attempt failed."},
			"attempts":  {doc: "The number of attempts so far."},
			"triedAt":   {doc: "When it was tried last."},
			"fetchedAt": {doc: "When it was fetched."},
			"nextAt":    {doc: "When it is tried again."},
		},
	}
}

func notifications() declaration {
	return declaration{
		name:        persistence.Notifications,
		document:    reflect.TypeFor[Notification](),
		description: "Messages to the users of the markets, one document for each receiver and event.",
		lines: lines{
			"_id":      {doc: "The activity's _id, a slash, and the receiver.", form: KeyText},
			"receiver": {doc: "The address of the receiver.", form: AddressText},
			"message":  {doc: "The message.", values: enum("Message", markets.Messages()...)},
			"activity": {doc: "The _id of the activity.", form: KeyText},
			"kind":     {doc: "The kind of the event.", values: eventKind()},
			"quantity": {doc: "The number of units of the token."},
			"from":     {doc: "The address that caused the event, if known.", form: AddressText},
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

func signedOrders() declaration {
	return declaration{
		name:        persistence.SignedOrders,
		document:    reflect.TypeFor[SignedOrder](),
		description: "Orders that were signed off chain, inserted by a market's backend or by \"event-worker orders import\", and what became of them.",
		lines: lines{
			"_id":        {doc: "Any unique value; of an imported order, a digest of its content.", form: KeyText},
			"parameters": {doc: "The order's parameters, in the form of seaport-js, counter included."},
			"signature":  {doc: "The maker's signature, in hex."},
			"contract":   {doc: "The market's contract that the order is for; missing if the market has only one.", form: AddressText},
			"hash":       {doc: "The order's hash, if the inserter has computed it. Until it is accepted, an order is recognised in the market's contract by it alone.", form: HashText},
			"state": {doc: "The state of the order: pending (if missing, too), accepted or rejected; set by the worker.",
				values: enum("SignedState", persistence.SignedPending, persistence.SignedAccepted, persistence.SignedRejected)},
			"order":     {doc: "The key of the order, once the document is answered.", form: KeyText},
			"reason":    {doc: "Why it was rejected."},
			"position":  {doc: "The position in the chain as of which it was accepted or rejected."},
			"checkedAt": {doc: "The time of that position's block."},
		},
		indexes: []Index{
			{Name: "pending", Keys: keys("chain", "market", "state", "_id")},
			{Name: "order", Keys: keys("order"), Exists: "order"},
			{Name: "hash", Keys: keys("hash"), Exists: "hash"},
		},
		tolerant: true,
	}
}

func eventKind() *Enum { return enum("EventKind", markets.Kinds()...) }

// streamPosition serves whatever goes along a stream: reading it again, and taking
// back what a reorganisation abandoned.
func streamPosition() Index {
	return Index{Name: "stream_position", Keys: keys("chain", "market", "stream", "seq", "position.height", "position.tx", "position.log", "position.sub")}
}
