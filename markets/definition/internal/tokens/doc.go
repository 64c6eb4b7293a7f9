// Package tokens finds out which tokens an event is about from the rest of its
// transaction, where the event itself does not tell: on EVM chains from the transfers in
// its receipt logs, on Aptos from the token objects among the resources that it wrote.
//
// Of a transaction with two sales
//
//	log 0  Transfer  punk 7, alice → bob
//	log 1  Transfer  5 WETH, bob → alice
//	log 2  Sold      moved: punk 7    paid: 5 WETH
//	log 3  Transfer  punk 8, alice → carol
//	log 4  Sold      moved: punk 8    paid: nothing
//
// each has the transfers between the sale before it and itself; another Window, between other
// events, before or after it, or all of the transaction.
package tokens
