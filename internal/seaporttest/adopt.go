package seaporttest

import (
	"encoding/json"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// adopt marks the orders that the blocks since the last call have validated, and adds those
// that came to be that way: an order of an earlier counter, validated by its maker, is
// another order under the present one.
func (w *World) adopt() {
	w.t.Helper()
	if w.scanned == 0 { // still in Start
		return
	}
	var logs []types.Log
	w.call(&logs, "eth_getLogs", map[string]any{
		"fromBlock": hexutil.Uint64(w.scanned + 1), "address": w.Seaport,
		"topics": []common.Hash{w.seaport.Events["OrderValidated"].ID},
	})
	for _, log := range logs {
		values, err := w.seaport.Unpack("OrderValidated", log.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		hash := common.Hash(values[0].([32]byte))
		salt := abi.ConvertType(values[1], new(orderParameters)).(*orderParameters).Salt
		w.validated(hash, salt, log.BlockNumber).Validated = true
	}
	w.scanned = uint64(w.Head().Number)
}

// validated returns the order of a hash, made of another with the same salt if it is new.
func (w *World) validated(hash common.Hash, salt *big.Int, block uint64) *Order {
	w.t.Helper()
	var same *Order
	for _, o := range w.Orders {
		if o.Hash == hash {
			return o
		}
		if number(o.Parameters.Salt).Cmp(salt) == 0 {
			same = o
		}
	}
	for _, n := range []uint64{block - 1, block} { // the counter may have risen within the block
		counter := w.read(w.seaport, w.Seaport, hexutil.Uint64(n), "getCounter", same.Parameters.Offerer)[0].(*big.Int)
		o := w.recount(same, counter)
		if o.Hash = w.hash(o); o.Hash == hash {
			w.Orders = append(w.Orders, o)
			return o
		}
	}
	w.t.Fatalf("block %d validates an unknown order %s", block, hash)
	return nil
}

// recount returns an unsigned copy of an order under another counter.
func (w *World) recount(o *Order, counter *big.Int) *Order {
	w.t.Helper()
	other := *o
	other.Signature, other.Validated = nil, false
	other.Parameters.Counter = counter.String()
	var parameters map[string]json.RawMessage
	w.must(json.Unmarshal(o.parameters, &parameters))
	var err error
	parameters["counter"], err = json.Marshal(counter.String())
	w.must(err)
	other.parameters, err = json.Marshal(parameters)
	w.must(err)
	return &other
}

// hash asks Seaport for the hash of an order.
func (w *World) hash(o *Order) common.Hash {
	w.t.Helper()
	p := o.advanced(1).Parameters
	components := orderComponents{
		p.Offerer, p.Zone, p.Offer, p.Consideration, p.OrderType, p.StartTime, p.EndTime,
		p.ZoneHash, p.Salt, p.ConduitKey, number(o.Parameters.Counter),
	}
	return common.Hash(w.read(w.seaport, w.Seaport, "latest", "getOrderHash", components)[0].([32]byte))
}
