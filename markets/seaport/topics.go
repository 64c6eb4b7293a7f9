package seaport

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Seaport's events, from its contracts' ConsiderationEventsAndErrors interface.
// OrderValidated has two forms: that of versions 1.1 to 1.3 says only the order's hash and
// who made it.
const (
	fulfilledSignature = "OrderFulfilled(bytes32,address,address,address,(uint8,address,uint256,uint256)[],(uint8,address,uint256,uint256,address)[])"
	matchedSignature   = "OrdersMatched(bytes32[])"
	cancelledSignature = "OrderCancelled(bytes32,address,address)"
	counterSignature   = "CounterIncremented(uint256,address)"
	announcedSignature = "OrderValidated(bytes32,address,address)"
	validatedSignature = "OrderValidated(bytes32,(address,address,(uint8,address,uint256,uint256,uint256)[],(uint8,address,uint256,uint256,uint256,address)[],uint8,uint256,uint256,bytes32,uint256,bytes32,uint256))"
)

var (
	fulfilledTopic = topic(fulfilledSignature)
	matchedTopic   = topic(matchedSignature)
	cancelledTopic = topic(cancelledSignature)
	counterTopic   = topic(counterSignature)
	announcedTopic = topic(announcedSignature)
	validatedTopic = topic(validatedSignature)
)

// topic is the first topic of an event's logs.
func topic(signature string) common.Hash { return crypto.Keccak256Hash([]byte(signature)) }
