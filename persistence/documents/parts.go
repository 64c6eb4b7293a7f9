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
	"transaction": {doc: "The transaction's hash."},
	"block":       {doc: "The block's hash on EVM chains."},
	"time":        {doc: "When the event happened, by the chain's clock."},
	"key":         {doc: "The key within the market, with the type of a record."},
	"order":       {doc: "The key of the order concerned, if it is one order."},
	"side":        {doc: "Whether the order sells (ask) or buys (bid); missing while unknown.", values: enum("Side", markets.Sides()...)},
	"maker":       {doc: "The address that made the order."},
	"contract":    {doc: "The market's contract that holds the order."},
	"token":       {doc: "The token concerned."},
	"bundle":      {doc: "Every item, the token first, when there is more than one."},
	"price":       {doc: "The total that the buyer pays, fees included, in the currency's smallest unit."},
	"priceSort":   {doc: "The price as 32 bytes, big-endian, to sort and compare by."},
	"currency":    {doc: "The currency of the price."},
	"expiresAt":   {doc: "When the order expires. The document does not change then."},
	"from":        {doc: "The sender of the token."},
	"to":          {doc: "The recipient of the token."},
	"last":        {doc: "The position of the last event applied to the document."},
}

// parts declare the fields of documents within documents, by their Go types.
var parts = map[reflect.Type]lines{
	reflect.TypeFor[markets.Token](): {
		"collection": {doc: "The collection's address, or its object on Aptos."},
		"id":         {doc: "The token's id within its collection; missing if any token of the collection is meant."},
		"standard":   {doc: "ERC-721, ERC-1155, aptos-object or aptos-token-v1."},
		"name":       {doc: "The token's name, if the chain reports it."},
	},
	reflect.TypeFor[markets.Item](): {
		"quantity": {doc: "The number of units of the token."},
	},
	reflect.TypeFor[markets.Currency](): {
		"address":  {doc: "The token contract, or the coin type on Aptos; the zero address is the chain's own coin."},
		"symbol":   {doc: "The currency's symbol: ETH, APT."},
		"decimals": {doc: "The number of decimal places of an amount."},
	},
	reflect.TypeFor[markets.Position](): {
		"height": {doc: "The block number, or the ledger version on Aptos."},
		"tx":     {doc: "The transaction's index in its block; 0 on Aptos."},
		"log":    {doc: "The log's index, or the event's index in its transaction on Aptos."},
		"sub":    {doc: "The index among the events decoded from one raw event."},
	},
	reflect.TypeFor[markets.Place](): {
		"seq":     {doc: "The last sequence number executed: a block number on EVM chains, the event's number or the ledger version on Aptos; -1 before the first."},
		"hash":    {doc: "The hash of the block at seq on EVM chains."},
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
		"phase": {doc: "The phase of the chain at its owner: running, or stopping (about to be released)."},
	},
	reflect.TypeFor[persistence.NodeChain](): {
		"name":    {doc: "The chain."},
		"network": {doc: "The network, which must be the same for all processes."},
		"config":  {doc: "A digest of the chain's configuration, which should be the same for all processes."},
	},
}
