// Package seaportabi makes the logs of Seaport's contracts, with go-ethereum's
// encoder: it shares nothing with the decoder of package seaport. It is for made-up
// chains and for tests.
package seaportabi

import (
	"bytes"
	"fmt"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
)

// The items of Seaport's orders, as its ConsiderationStructs.sol declares them.
type (
	SpentItem struct {
		ItemType   uint8
		Token      common.Address
		Identifier *big.Int
		Amount     *big.Int
	}
	ReceivedItem struct {
		ItemType   uint8
		Token      common.Address
		Identifier *big.Int
		Amount     *big.Int
		Recipient  common.Address
	}
	OfferItem struct {
		ItemType             uint8
		Token                common.Address
		IdentifierOrCriteria *big.Int
		StartAmount          *big.Int
		EndAmount            *big.Int
	}
	ConsiderationItem struct {
		ItemType             uint8
		Token                common.Address
		IdentifierOrCriteria *big.Int
		StartAmount          *big.Int
		EndAmount            *big.Int
		Recipient            common.Address
	}
	OrderParameters struct {
		Offerer                         common.Address
		Zone                            common.Address
		Offer                           []OfferItem
		Consideration                   []ConsiderationItem
		OrderType                       uint8
		StartTime                       *big.Int
		EndTime                         *big.Int
		ZoneHash                        [32]byte
		Salt                            *big.Int
		ConduitKey                      [32]byte
		TotalOriginalConsiderationItems *big.Int
	}
)

// Offered is an item of an order's offer.
func Offered(kind uint8, token common.Address, id, start, end *big.Int) OfferItem {
	return OfferItem{kind, token, id, start, end}
}

// Asked is an item of an order's consideration.
func Asked(kind uint8, token common.Address, id, start, end *big.Int, to common.Address) ConsiderationItem {
	return ConsiderationItem{kind, token, id, start, end, to}
}

// Spent is an item that an order's offerer gave.
func Spent(kind uint8, token common.Address, id, amount *big.Int) SpentItem {
	return SpentItem{kind, token, id, amount}
}

// Received is an item that somebody received for it.
func Received(kind uint8, token common.Address, id, amount *big.Int, by common.Address) ReceivedItem {
	return ReceivedItem{kind, token, id, amount, by}
}

// The kinds of items.
const (
	Ether   = 0
	ERC721  = 2
	ERC1155 = 3
)

// Topic is the first topic of an event's logs. It panics if there is no such event.
func Topic(event string) common.Hash { return find(event).ID }

// Data is the data of an event's log with the values of its parameters that are not
// indexed. It panics if they are not the event's.
func Data(event string, values ...any) []byte {
	data, err := find(event).Inputs.NonIndexed().Pack(values...)
	if err != nil {
		panic(fmt.Errorf("seaport's %s: %w", event, err))
	}
	return data
}

// Topics are an event's first topic and the addresses that are indexed.
func Topics(event string, indexed ...common.Address) []common.Hash {
	topics := []common.Hash{Topic(event)}
	for _, a := range indexed {
		topics = append(topics, common.BytesToHash(a[:]))
	}
	return topics
}

func find(event string) abi.Event {
	e, ok := parsed().Events[event]
	if !ok {
		panic("seaport has no event " + event)
	}
	return e
}

var parsed = sync.OnceValue(func() abi.ABI {
	a, err := abi.JSON(bytes.NewReader([]byte(declarations)))
	if err != nil {
		panic(err) // a constant of this package is wrong
	}
	return a
})

// declarations are the events as Seaport 1.6 declares them
// (ConsiderationEventsAndErrors.sol).
const declarations = `[
{"type":"event","name":"OrderFulfilled","inputs":[
 {"name":"orderHash","type":"bytes32"},{"name":"offerer","type":"address","indexed":true},{"name":"zone","type":"address","indexed":true},{"name":"recipient","type":"address"},
 {"name":"offer","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifier","type":"uint256"},{"name":"amount","type":"uint256"}]},
 {"name":"consideration","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifier","type":"uint256"},{"name":"amount","type":"uint256"},{"name":"recipient","type":"address"}]}]},
{"type":"event","name":"OrderValidated","inputs":[
 {"name":"orderHash","type":"bytes32"},
 {"name":"orderParameters","type":"tuple","components":[
  {"name":"offerer","type":"address"},{"name":"zone","type":"address"},
  {"name":"offer","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifierOrCriteria","type":"uint256"},{"name":"startAmount","type":"uint256"},{"name":"endAmount","type":"uint256"}]},
  {"name":"consideration","type":"tuple[]","components":[{"name":"itemType","type":"uint8"},{"name":"token","type":"address"},{"name":"identifierOrCriteria","type":"uint256"},{"name":"startAmount","type":"uint256"},{"name":"endAmount","type":"uint256"},{"name":"recipient","type":"address"}]},
  {"name":"orderType","type":"uint8"},{"name":"startTime","type":"uint256"},{"name":"endTime","type":"uint256"},{"name":"zoneHash","type":"bytes32"},{"name":"salt","type":"uint256"},{"name":"conduitKey","type":"bytes32"},{"name":"totalOriginalConsiderationItems","type":"uint256"}]}]},
{"type":"event","name":"OrdersMatched","inputs":[{"name":"orderHashes","type":"bytes32[]"}]},
{"type":"event","name":"OrderCancelled","inputs":[{"name":"orderHash","type":"bytes32"},{"name":"offerer","type":"address","indexed":true},{"name":"zone","type":"address","indexed":true}]},
{"type":"event","name":"CounterIncremented","inputs":[{"name":"newCounter","type":"uint256"},{"name":"offerer","type":"address","indexed":true}]}
]`
