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
	"position":    {doc: "Where the event stands in its chain's total order."},
	"transaction": {doc: "The transaction's hash."},
	"block":       {doc: "The block's hash on EVM chains."},
	"time":        {doc: "When it happened, by the chain's clock."},
	"key":         {doc: "Its name within its market, and its type if it has one."},
	"order":       {doc: "The key of the order concerned, if it is one order."},
	"side":        {doc: "Whether the order sells (ask) or buys (bid); missing while unknown.", values: enum("Side", markets.Sides()...)},
	"maker":       {doc: "Who made the order."},
	"contract":    {doc: "The market's contract that the order lives on."},
	"token":       {doc: "The token concerned."},
	"bundle":      {doc: "Every item, the token first, when there is more than one."},
	"price":       {doc: "The whole sum that the buyer pays, fees included, in the currency's smallest unit."},
	"priceSort":   {doc: "The price as 32 bytes, big-endian, to sort and compare by."},
	"currency":    {doc: "What the price is in."},
	"expiresAt":   {doc: "When the order ends by itself. Nothing changes in the document then."},
	"from":        {doc: "Who gave the token."},
	"to":          {doc: "Who received the token."},
	"last":        {doc: "The position of the last event that the document has taken in."},
}

// parts declare the fields of documents within documents, by their Go types.
var parts = map[reflect.Type]lines{
	reflect.TypeFor[markets.Token](): {
		"collection": {doc: "The collection's address, or its object on Aptos."},
		"id":         {doc: "The token within its collection; without it any token of the collection is meant."},
		"standard":   {doc: "ERC-721, ERC-1155, aptos-object or aptos-token-v1."},
		"name":       {doc: "The token's name, where the chain tells it."},
	},
	reflect.TypeFor[markets.Item](): {
		"quantity": {doc: "How many units of the token."},
	},
	reflect.TypeFor[markets.Currency](): {
		"address":  {doc: "The token contract, or the coin type on Aptos; the zero address is the chain's own coin."},
		"symbol":   {doc: "How people call it: ETH, APT."},
		"decimals": {doc: "How many of an amount's digits stand behind the point."},
	},
	reflect.TypeFor[markets.Position](): {
		"height": {doc: "The block number, or the ledger version on Aptos."},
		"tx":     {doc: "The transaction's index in its block; 0 on Aptos."},
		"log":    {doc: "The log's index, or the event's index in its transaction on Aptos."},
		"sub":    {doc: "Counts the events that one raw event becomes."},
	},
	reflect.TypeFor[markets.Place](): {
		"seq":     {doc: "The last sequence number executed: a block number on EVM chains, the event's number or the ledger version on Aptos; -1 before the first."},
		"hash":    {doc: "The hash of the block at seq on EVM chains."},
		"through": {doc: "On Aptos, the ledger version up to which the stream holds nothing more."},
	},
	reflect.TypeFor[markets.RecordChange](): {
		"type":   {doc: "The type of the record: gallery, exhibit, lottery."},
		"fields": {doc: "The fields that the event sets; others keep their values."},
		"add":    {doc: "Whole numbers, as decimal strings with or without sign, that the event adds to fields."},
	},
	reflect.TypeFor[persistence.Endpoint](): {
		"host":      {doc: "The endpoint's host; the rest of its URL is secret."},
		"state":     {doc: "Whether the endpoint answers as it should.", values: enum("EndpointState", persistence.EndpointStates...)},
		"height":    {doc: "The newest height seen there: a block number, or a ledger version on Aptos."},
		"rate":      {doc: "How many requests a second it is asked at most at present; 0 while no limit is known."},
		"latencyMs": {doc: "The moving average of how long it takes to answer, in milliseconds."},
		"requests":  {doc: "How many requests it was sent since the chain's owner began."},
		"errors":    {doc: "How many of them failed, by the class of the error."},
		"lastError": {doc: "Why the last one of them failed."},
	},
	reflect.TypeFor[persistence.Answer](): {
		"phase": {doc: "How the chain is at its owner: running, or stopping (it is about to be given up)."},
	},
	reflect.TypeFor[persistence.NodeChain](): {
		"name":    {doc: "The chain."},
		"network": {doc: "The network, which must be the same for all processes."},
		"config":  {doc: "A digest of the chain's configuration, which should be."},
	},
}
