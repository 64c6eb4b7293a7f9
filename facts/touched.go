package facts

import (
	"context"
	"maps"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport"
)

// maxFollowed is how many blocks' logs are read for one block at which contracts are asked.
// After a longer gap all open orders are asked about instead.
const maxFollowed = 16

// maxTouched is how many accounts and orders are remembered of logs. After more, too, all open
// orders are asked about.
const maxTouched = 50_000

// The events after which an order may have become fillable, or no longer be. Of Seaport's
// their first word is the order's hash.
var (
	fulfilled = topicOf("OrderFulfilled(bytes32,address,address,address,(uint8,address,uint256,uint256)[],(uint8,address,uint256,uint256,address)[])")
	ofOrders  = topicsOf(
		"OrderCancelled(bytes32,address,address)",
		"OrderValidated(bytes32,address,address)",
		"OrderValidated(bytes32,(address,address,(uint8,address,uint256,uint256,uint256)[],(uint8,address,uint256,uint256,uint256,address)[],uint8,uint256,uint256,bytes32,uint256,bytes32,uint256))",
	)
	// ofAccounts name the accounts concerned in the topics given.
	ofAccounts = map[common.Hash][]int{
		topicOf("Transfer(address,address,uint256)"):                          {1, 2},
		topicOf("TransferSingle(address,address,address,uint256,uint256)"):    {2, 3},
		topicOf("TransferBatch(address,address,address,uint256[],uint256[])"): {2, 3},
		topicOf("Approval(address,address,uint256)"):                          {1},
		topicOf("ApprovalForAll(address,address,bool)"):                       {1},
		topicOf("Deposit(address,uint256)"):                                   {1}, // WETH makes no Transfer of it
		topicOf("Withdrawal(address,uint256)"):                                {1},
		topicOf("CounterIncremented(uint256,address)"):                        {1},
	}
)

func topicOf(signature string) common.Hash { return crypto.Keccak256Hash([]byte(signature)) }

// topicsOf are the topics of events, and that of fills.
func topicsOf(signatures ...string) map[common.Hash]bool {
	all := map[common.Hash]bool{fulfilled: true}
	for _, s := range signatures {
		all[topicOf(s)] = true
	}
	return all
}

// interest is all topics.
func interest() []string {
	var all []string
	for topic := range ofOrders {
		all = append(all, topic.Hex())
	}
	for topic := range ofAccounts {
		all = append(all, topic.Hex())
	}
	return all
}

// movements are what logs tell of: which orders, and which accounts of which contracts.
type movements struct {
	everything bool            // whatever is open: too much moved, or too long ago
	orders     map[string]bool // by key
	accounts   map[account]bool
}

// account is an account of a token's contract.
type account struct{ contract, holder common.Address }

// touched returns what moved in the blocks between two places.
func (r *reader) touched(ctx context.Context, view *chains.View, after, at markets.Place) (movements, error) {
	m := movements{orders: map[string]bool{}, accounts: map[account]bool{}}
	if at.Seq-after.Seq > maxFollowed {
		m.everything = true
		return m, nil
	}
	for height := after.Seq + 1; height <= at.Seq; height++ {
		place, err := r.placeAt(ctx, view, height, at)
		if err != nil {
			return m, err
		}
		logs, err := r.asker.LogsAt(ctx, place, interest())
		if err != nil {
			return m, err
		}
		for i := range logs {
			m.add(&logs[i])
		}
	}
	if len(m.orders)+len(m.accounts) > maxTouched {
		m = movements{true, map[string]bool{}, map[account]bool{}}
	}
	return m, nil
}

// include adds other movements.
func (m *movements) include(other movements) {
	m.everything = m.everything || other.everything
	maps.Copy(m.orders, other.orders)
	maps.Copy(m.accounts, other.accounts)
}

// placeAt is the block of a height up to the place at which contracts are asked.
func (r *reader) placeAt(ctx context.Context, view *chains.View, height int64, at markets.Place) (markets.Place, error) {
	if height == at.Seq {
		return at, nil
	}
	if hash, ok := view.Hash(height); ok {
		return markets.Place{Seq: height, Hash: hash}, nil
	}
	return r.asker.PlaceAt(ctx, height)
}

// add adds what a log tells. Tokens' logs are whatever their contracts say: a false one costs
// a question.
func (m *movements) add(log *markets.Raw) {
	if len(log.Topics) == 0 {
		return
	}
	topic := common.Hash(log.Topics[0])
	if ofOrders[topic] && len(log.Data) >= 32 {
		m.orders[seaport.Key(common.Address(log.Address).Hex(), common.BytesToHash(log.Data[:32]))] = true
	}
	for _, i := range ofAccounts[topic] {
		if i < len(log.Topics) {
			m.accounts[account{log.Address, common.BytesToAddress(log.Topics[i][:])}] = true
		}
	}
}

// holders are the accounts' holders, whatever the contract.
func (m *movements) holders() []string {
	all := map[common.Address]bool{}
	for a := range m.accounts {
		all[a.holder] = true
	}
	names := make([]string, 0, len(all))
	for holder := range all {
		names = append(names, holder.Hex())
	}
	return names
}

// touch says whether what moved is something that the order's maker offers.
func (m *movements) touch(o *markets.Order) bool {
	if m.orders[o.Key] {
		return true
	}
	if o.Parameters == nil {
		return false
	}
	maker := common.HexToAddress(o.Parameters.Offerer)
	for _, item := range o.Parameters.Offer {
		if m.accounts[account{common.HexToAddress(item.Token), maker}] {
			return true
		}
	}
	return m.accounts[account{common.HexToAddress(o.Contract), maker}] // its counter
}
