package documents

import (
	"reflect"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// everywhere declares the fields that mean the same in every document.
var everywhere = lines{
	"chain":       {doc: "The network: ethereum, bsc, aptos."},
	"market":      {doc: "The marketplace on its chain: seaport, tradeport."},
	"stream":      {doc: "The stream of the market's events: list, buy."},
	"seq":         {doc: "The sequence number within the stream: a block number on EVM chains, the event's number or the ledger version on Aptos."},
	"position":    {doc: "The event's position in the total order of its chain."},
	"transaction": {doc: "The transaction's hash.", form: HashText},
	"block":       {doc: "The block's hash on EVM chains.", form: HashText},
	"time":        {doc: "When the event happened, by the chain's clock."},
	"key":         {doc: "The key within the market, with the type of a record.", form: KeyText},
	"order":       {doc: "The key of the order concerned, if it is one order.", form: KeyText},
	"side":        {doc: "Whether the order sells (ask) or buys (bid); missing while unknown.", values: enum("Side", markets.Sides()...)},
	"maker":       {doc: "The address that made the order.", form: AddressText},
	"contract":    {doc: "The market's contract that holds the order.", form: AddressText},
	"nonce":       {doc: "The order's nonce, of which its maker has many; of orders_cancelled, the nonce that is cancelled."},
	"token":       {doc: "The token concerned."},
	"bundle":      {doc: "Every item, the token first, when there is more than one."},
	"price":       {doc: "The total that the buyer pays, fees included, in the currency's smallest unit."},
	"priceSort":   {doc: "The price as 32 bytes, big-endian, to sort and compare by."},
	"currency":    {doc: "The currency of the price."},
	"expiresAt":   {doc: "When the order expires. The document does not change then."},
	"from":        {doc: "The sender of the token.", form: AddressText},
	"to":          {doc: "The recipient of the token.", form: AddressText},
	"startsAt":    {doc: "When the order can first be filled; missing if it always could."},
	"endPrice":    {doc: "The price at expiresAt, if it moves in a straight line from price at startsAt."},
	"prices":      {doc: "The amounts of each currency, if there are several; price is missing then."},
	"fees":        {doc: "The parts of the price that go to others than the seller; of a sale, those that were paid."},
	"royalties":   {doc: "The royalties within the price, where the market tells them from fees."},
	"reservedFor": {doc: "The only address that may take the order.", form: AddressText},
	"zone":        {doc: "The contract that must agree to each fill.", form: AddressText},
	"conduit":     {doc: "The key of the conduit that moves the maker's tokens; missing if the market's contract does.", form: HashText},
	"criteria":    {doc: "The root of the Merkle tree of the token ids that a bid accepts; missing if it accepts any of the collection.", form: HashText},
	"parameters":  {doc: "The parameters of a Seaport order, in the form of seaport-js."},
	"signature":   {doc: "The maker's signature of an order that was signed off chain."},
	"last":        {doc: "The position of the last event applied to the document."},
}

// parts declare the fields of documents within documents, by their Go types.
var parts = map[reflect.Type]lines{
	reflect.TypeFor[markets.Token](): {
		"collection": {doc: "The collection's address, or its object on Aptos.", form: AddressText},
		"id":         {doc: "The token's id within its collection; missing if any token of the collection is meant."},
		"standard":   {doc: "ERC-721, ERC-1155, aptos-object or aptos-token-v1."},
		"name":       {doc: "The token's name, if the chain reports it."},
	},
	reflect.TypeFor[markets.Meaning](): {
		"source":   {doc: "The digest of which raw events are the stream's."},
		"decoding": {doc: "The digest of what the raw events become."},
		"total":    {doc: "Whether each raw event becomes an activity or a dead letter."},
	},
	reflect.TypeFor[persistence.Meaning](): {
		"changed": {doc: "The aspects (source, decoding) in which the definition has changed since; missing if it has not."},
	},
	reflect.TypeFor[persistence.AuditCounts](): {
		"events":    {doc: "The number of events that were compared: activities and dead letters."},
		"agree":     {doc: "The number of events that are the same on the chain and in the log."},
		"missing":   {doc: "The number of events that are on the chain but not in the log."},
		"extra":     {doc: "The number of events that are in the log but not on the chain."},
		"different": {doc: "The number of events of which a field differs."},
	},
	reflect.TypeFor[persistence.AuditStream](): {
		"from":      {doc: "The first height that was compared: a block number, or a ledger version on Aptos."},
		"to":        {doc: "The last height that was compared."},
		"decodable": {doc: "The number of dead letters that can be decoded now."},
		"notAsked":  {doc: "The number of facts that were not compared."},
		"before":    {doc: "A height below all differences: a rewind of the stream to it removes them; missing if there are none."},
		"notes":     {doc: "Explanations of the counts."},
	},
	reflect.TypeFor[persistence.AuditDocuments](): {
		"collection": {doc: "The collection: orders, records or notifications."},
		"compared":   {doc: "The number of documents that were compared with the fold of the log."},
		"missing":    {doc: "The number of documents that the log yields but that do not exist."},
		"extra":      {doc: "The number of documents that the log does not yield."},
		"different":  {doc: "The number of documents of which a field differs."},
	},
	reflect.TypeFor[persistence.AuditMark](): {
		"at":   {doc: "The place up to which the stream was compared."},
		"done": {doc: "Whether the whole stream was compared."},
	},
	reflect.TypeFor[persistence.AuditResult](): {
		"startedAt": {doc: "When the audit started."},
		"endedAt":   {doc: "When the audit ended."},
		"from":      {doc: "The first height that was compared."},
		"to":        {doc: "The last height that was compared."},
		"streams":   {doc: "The result of each stream."},
		"documents": {doc: "The results of comparing documents with the log."},
	},
	reflect.TypeFor[markets.Item](): {
		"quantity": {doc: "The number of units of the token."},
	},
	reflect.TypeFor[markets.Currency](): {
		"address":  {doc: "The token contract, or the coin type on Aptos; the zero address is the chain's own coin.", form: AddressText},
		"symbol":   {doc: "The currency's symbol, as its contract says, which is not verified: ETH, APT; missing if it is not known."},
		"decimals": {doc: "The number of decimal places of an amount; missing beside a symbol it is 0, without one it is not known."},
	},
	reflect.TypeFor[markets.Money](): {
		"amount":   {doc: "The amount, in the currency's smallest unit."},
		"currency": {doc: "The currency of the amount."},
	},
	reflect.TypeFor[markets.Payment](): {
		"receiver": {doc: "The address that receives the amount.", form: AddressText},
	},
	reflect.TypeFor[markets.Parameters](): {
		"offerer":                         {doc: "The address that made the order."},
		"zone":                            {doc: "The contract that must agree to each fill of a restricted order.", form: AddressText},
		"offer":                           {doc: "The items that the offerer gives."},
		"consideration":                   {doc: "The items that the taker gives, each to its recipient."},
		"orderType":                       {doc: "0 full open, 1 partial open, 2 full restricted, 3 partial restricted, 4 contract."},
		"startTime":                       {doc: "When the order starts, in seconds since 1970."},
		"endTime":                         {doc: "When the order ends, in seconds since 1970."},
		"zoneHash":                        {doc: "What the zone is given with each fill."},
		"salt":                            {doc: "A number that makes the order unique."},
		"conduitKey":                      {doc: "The key of the conduit; zero for the market's contract itself."},
		"counter":                         {doc: "The maker's counter for which the order is valid."},
		"totalOriginalConsiderationItems": {doc: "The number of items of the consideration that are the order's own."},
	},
	reflect.TypeFor[markets.OfferedItem](): {
		"itemType":             {doc: "0 coin, 1 ERC-20, 2 ERC-721, 3 ERC-1155, 4 ERC-721 with criteria, 5 ERC-1155 with criteria."},
		"token":                {doc: "The token's contract; the zero address is the chain's own coin."},
		"identifierOrCriteria": {doc: "The token's id, or the root of the Merkle tree of the accepted ids, 0 for any."},
		"startAmount":          {doc: "The amount at the start of the order."},
		"endAmount":            {doc: "The amount at the end of the order."},
	},
	reflect.TypeFor[markets.ConsideredItem](): {
		"recipient": {doc: "The address that receives the item."},
	},
	reflect.TypeFor[markets.Fact](): {
		"state":    {doc: "The order's status in the market's contract."},
		"fillable": {doc: "Whether a stranger can fill the order."},
		"owner":    {doc: "The owner of the one ERC-721 token that a bid is for, when it was first asked about, if the market notifies."},
	},
	reflect.TypeFor[markets.ContractState](): {
		"validated": {doc: "Whether the contract fills the order without a signature."},
		"cancelled": {doc: "Whether the order was cancelled."},
		"filled":    {doc: "The numerator of the fraction filled."},
		"size":      {doc: "The denominator of the fraction filled; 0 before the first fill."},
		"height":    {doc: "The block at whose end the contract was asked, if no node has the state of the fact's own block."},
	},
	reflect.TypeFor[markets.Fillability](): {
		"answer":  {doc: "Whether a stranger can fill what remains of the order, its times aside.", values: enum("Fillable", markets.Answers()...)},
		"reasons": {doc: "Why not.", values: enum("FillableReason", markets.Reasons()...)},
		"since":   {doc: "The position of the first fact in a row that says so."},
		"time":    {doc: "The time of that fact's block."},
	},
	reflect.TypeFor[markets.Position](): {
		"height": {doc: "The block number, or the ledger version on Aptos."},
		"tx":     {doc: "The transaction's index in its block; 0 on Aptos."},
		"log":    {doc: "The log's index, or the event's index in its transaction on Aptos."},
		"sub":    {doc: "The index among the events decoded from one raw event."},
	},
	reflect.TypeFor[markets.Place](): {
		"seq":     {doc: "The last sequence number executed: a block number on EVM chains, the event's number or the ledger version on Aptos; -1 before the first."},
		"hash":    {doc: "The hash of the block at seq on EVM chains.", form: HashText},
		"through": {doc: "On Aptos, the ledger version up to which the stream holds nothing more."},
	},
	reflect.TypeFor[markets.RecordChange](): {
		"type":   {doc: "The type of the record: gallery, exhibit, lottery."},
		"fields": {doc: "The fields that the event sets; others keep their values."},
		"add":    {doc: "Integers, as decimal strings with an optional sign, that the event adds to fields."},
	},
	reflect.TypeFor[persistence.Endpoint](): {
		"host":      {doc: "The endpoint's host; the rest of its URL is secret."},
		"state":     {doc: "The state of the endpoint.", values: enum("EndpointState", persistence.EndpointStates...)},
		"height":    {doc: "The newest height that the endpoint reported: a block number, or a ledger version on Aptos."},
		"rate":      {doc: "The current limit of requests a second; 0 while no limit is known."},
		"latencyMs": {doc: "The moving average of the response time, in milliseconds."},
		"requests":  {doc: "The number of requests sent since the chain's owner started."},
		"errors":    {doc: "The number of failed requests, by the class of the error."},
		"lastError": {doc: "The error of the last failed request."},
	},
	reflect.TypeFor[persistence.Answer](): {
		"phase":     {doc: "The phase of the chain at its owner: running, or stopping (about to be released)."},
		"streams":   {doc: "The streams that a rewind rolls back."},
		"orders":    {doc: "The number of orders and records that undone activities are about."},
		"decoded":   {doc: "The number of dead letters, or of raw events, that were decoded."},
		"remaining": {doc: "The number of dead letters that still cannot be decoded."},
		"chains":    {doc: "The chains that the node owned when its drain began."},
		"notes":     {doc: "Why dead letters remain, of the first ones; what became of streams whose definition had changed."},
	},
	reflect.TypeFor[persistence.RewoundStream](): {
		"from":        {doc: "Where the stream was."},
		"to":          {doc: "Where it goes back to."},
		"activities":  {doc: "The number of activities undone."},
		"deadLetters": {doc: "The number of dead letters removed."},
	},
	reflect.TypeFor[persistence.Progress](): {
		"step":  {doc: "What is being done."},
		"done":  {doc: "How much of it is done."},
		"total": {doc: "How much there is; 0 while unknown."},
	},
	reflect.TypeFor[persistence.HookPlan](): {
		"through": {doc: "The position after the delivery's last event."},
		"choice":  {doc: "A digest of the webhook's choice of events."},
		"gone":    {doc: "Whether the delivery notifies the receiver that events are no longer kept."},
	},
	reflect.TypeFor[persistence.NodeChain](): {
		"name":    {doc: "The chain."},
		"network": {doc: "The network, which must be the same for all processes."},
		"config":  {doc: "A digest of the chain's configuration, which should be the same for all processes."},
	},
}
