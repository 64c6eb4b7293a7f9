package documents

import (
	"reflect"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// everywhere says what fields are that say the same in every document.
var everywhere = lines{
	"chain":       {says: "The network: ethereum, bsc, aptos."},
	"market":      {says: "The marketplace on its chain: seaport, tradeport."},
	"stream":      {says: "The stream of the market's events: list, buy."},
	"seq":         {says: "The sequence number within the stream: a block number on EVM chains, the event's number or the ledger version on Aptos."},
	"position":    {says: "Where the event stands in its chain's total order."},
	"transaction": {says: "The transaction's hash."},
	"block":       {says: "The block's hash on EVM chains."},
	"time":        {says: "When it happened, by the chain's clock."},
	"key":         {says: "Its name within its market, and its type if it has one."},
	"order":       {says: "The key of the order concerned, if it is one order."},
	"side":        {says: "Whether the order sells (ask) or buys (bid); missing while unknown.", values: enum("Side", markets.Sides()...)},
	"maker":       {says: "Who made the order."},
	"contract":    {says: "The market's contract that the order lives on."},
	"token":       {says: "The token concerned."},
	"bundle":      {says: "Every item, the token first, when there is more than one."},
	"price":       {says: "The whole sum that the buyer pays, fees included, in the currency's smallest unit."},
	"priceSort":   {says: "The price as 32 bytes, big-endian, to sort and compare by."},
	"currency":    {says: "What the price is in."},
	"expiresAt":   {says: "When the order ends by itself. Nothing changes in the document then."},
	"from":        {says: "Who gave the token."},
	"to":          {says: "Who received the token."},
	"last":        {says: "The position of the last event that the document has taken in."},
}

// parts say what the fields of documents within others are, by their Go types.
var parts = map[reflect.Type]lines{
	reflect.TypeFor[markets.Token](): {
		"collection": {says: "The collection's address, or its object on Aptos."},
		"id":         {says: "The token within its collection; without it any token of the collection is meant."},
		"standard":   {says: "ERC-721, ERC-1155, aptos-object or aptos-token-v1."},
		"name":       {says: "The token's name, where the chain tells it."},
	},
	reflect.TypeFor[markets.Item](): {
		"quantity": {says: "How many units of the token."},
	},
	reflect.TypeFor[markets.Currency](): {
		"address":  {says: "The token contract, or the coin type on Aptos; the zero address is the chain's own coin."},
		"symbol":   {says: "How people call it: ETH, APT."},
		"decimals": {says: "How many of an amount's digits stand behind the point."},
	},
	reflect.TypeFor[markets.Position](): {
		"height": {says: "The block number, or the ledger version on Aptos."},
		"tx":     {says: "The transaction's index in its block; 0 on Aptos."},
		"log":    {says: "The log's index, or the event's index in its transaction on Aptos."},
		"sub":    {says: "Counts the events that one raw event becomes."},
	},
	reflect.TypeFor[markets.Place](): {
		"seq":     {says: "The last sequence number executed: a block number on EVM chains, the event's number or the ledger version on Aptos; -1 before the first."},
		"hash":    {says: "The hash of the block at seq on EVM chains."},
		"through": {says: "On Aptos, the ledger version up to which the stream holds nothing more."},
	},
	reflect.TypeFor[markets.RecordChange](): {
		"type":   {says: "The type of the record: gallery, exhibit, lottery."},
		"fields": {says: "The fields that the event sets; others keep their values."},
		"add":    {says: "Whole numbers, as decimal strings with or without sign, that the event adds to fields."},
	},
	reflect.TypeFor[persistence.Endpoint](): {
		"host":      {says: "The endpoint's host; the rest of its URL is secret."},
		"state":     {says: "Whether the endpoint answers as it should.", values: enum("EndpointState", persistence.EndpointStates...)},
		"height":    {says: "The newest height seen there: a block number, or a ledger version on Aptos."},
		"rate":      {says: "How many requests a second it is asked at most at present; 0 while no limit is known."},
		"latencyMs": {says: "The moving average of how long it takes to answer, in milliseconds."},
		"requests":  {says: "How many requests it was sent since the chain's owner began."},
		"errors":    {says: "How many of them failed, by the class of the error."},
		"lastError": {says: "Why the last one of them failed."},
	},
	reflect.TypeFor[persistence.NodeChain](): {
		"name":    {says: "The chain."},
		"network": {says: "The network, which must be the same for all processes."},
		"config":  {says: "A digest of the chain's configuration, which should be."},
	},
}
