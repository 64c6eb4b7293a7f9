package devnet

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets/seaport/seaportabi"
)

// traders generate the Seaport trades of one chain.
type traders struct {
	orders uint64        // created so far
	recent []Transaction // the newest, which may be mined again
}

const (
	makers = 12
	// alive is how many of the newest orders are still traded.
	alive = 30
	// remembered is how many transactions may be mined again.
	remembered = 60
)

// seaports are two of Seaport's contracts: a cancellation on one does not affect the
// other.
var seaports = []common.Address{
	common.HexToAddress("0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"), // 1.5
	common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395"), // 1.6
}

// transactions returns the transactions of a block: none to four.
func (m *traders) transactions(r *rand.Rand) []Transaction {
	var all []Transaction
	for range max(0, r.IntN(6)-1) {
		all = append(all, m.trade(r))
	}
	m.recent = append(m.recent, all...)
	m.recent = m.recent[max(0, len(m.recent)-remembered):]
	return all
}

// again returns new transactions and some that may have been abandoned, at other
// positions.
func (m *traders) again(r *rand.Rand) []Transaction {
	var all []Transaction
	for _, t := range m.recent {
		if r.IntN(remembered/4) == 0 {
			all = append(all, t)
		}
	}
	return append(all, m.transactions(r)...)
}

// trade returns one transaction. A few are invalid: orders that were never listed are
// bought, sold ones cancelled, and some logs cannot be decoded.
func (m *traders) trade(r *rand.Rand) Transaction {
	t := Transaction{Salt: r.Uint64()}
	switch n := r.IntN(20); {
	case n < 8 || m.orders == 0:
		m.orders++
		t.Logs = append(t.Logs, listing(m.orders))
	case n < 9:
		t.Logs = append(t.Logs, listing(m.order(r)))
	case n < 13:
		t.Logs = append(t.Logs, sale(m.order(r), 1+r.Uint64N(3)))
	case n < 14: // for example, an offer matched with a listing
		a, b := m.order(r), m.order(r)
		t.Logs = append(t.Logs, sale(a, 1), sale(b, 1), match(a, b))
	case n < 17:
		t.Logs = append(t.Logs, cancel(m.order(r)))
	case n < 19:
		t.Logs = append(t.Logs, counter(r.Uint64N(makers), seaports[r.IntN(len(seaports))]))
	default:
		broken := listing(m.order(r))
		broken.Data = broken.Data[:len(broken.Data)/2]
		t.Logs = append(t.Logs, broken)
	}
	return t
}

// order returns the number of a recent or future order.
func (m *traders) order(r *rand.Rand) uint64 {
	return max(1, m.orders+2-min(r.Uint64N(alive), m.orders+1))
}

// An order's properties follow from its number.

func orderHash(order uint64) common.Hash {
	return crypto.Keccak256Hash(binary.BigEndian.AppendUint64([]byte("order"), order))
}

func maker(n uint64) common.Address { return common.BigToAddress(new(big.Int).SetUint64(0xa0000 + n)) }
func taker(n uint64) common.Address { return common.BigToAddress(new(big.Int).SetUint64(0xb0000 + n)) }

func contractOf(order uint64) common.Address { return seaports[order/3%2] }

// Collection is the collection of all traded tokens.
var Collection = common.HexToAddress("0xC011ec7100000000000000000000000000000001")

// token returns an order's item and its quantity.
func token(order uint64) (kind uint8, id, quantity *big.Int) {
	id = new(big.Int).SetUint64(order)
	if order%3 == 0 {
		return seaportabi.ERC1155, id, big.NewInt(3)
	}
	return seaportabi.ERC721, id, big.NewInt(1)
}

func price(order uint64) *big.Int {
	return new(big.Int).Mul(new(big.Int).SetUint64(1+order%1000), big.NewInt(1e15)) // wei
}

func listing(order uint64) Log {
	kind, id, quantity := token(order)
	by := maker(order % makers)
	return Log{contractOf(order), seaportabi.Topics("OrderValidated"), seaportabi.Data("OrderValidated", orderHash(order), seaportabi.OrderParameters{
		Offerer: by,
		Offer:   []seaportabi.OfferItem{seaportabi.Offered(kind, Collection, id, quantity, quantity)},
		Consideration: []seaportabi.ConsiderationItem{
			seaportabi.Asked(seaportabi.Ether, common.Address{}, new(big.Int), price(order), price(order), by),
		},
		StartTime: big.NewInt(genesisTime), EndTime: big.NewInt(4_000_000_000), Salt: id, TotalOriginalConsiderationItems: big.NewInt(1),
	})}
}

// sale fills an order, partially if its token is ERC-1155.
func sale(order, quantity uint64) Log {
	kind, id, all := token(order)
	amount := new(big.Int).SetUint64(quantity)
	if amount.Cmp(all) > 0 {
		amount = all
	}
	paid := new(big.Int).Div(new(big.Int).Mul(price(order), amount), all)
	by := maker(order % makers)
	return Log{contractOf(order), seaportabi.Topics("OrderFulfilled", by, common.Address{}), seaportabi.Data("OrderFulfilled",
		orderHash(order), taker(order%makers),
		[]seaportabi.SpentItem{seaportabi.Spent(kind, Collection, id, amount)},
		[]seaportabi.ReceivedItem{seaportabi.Received(seaportabi.Ether, common.Address{}, new(big.Int), paid, by)},
	)}
}

func match(orders ...uint64) Log {
	hashes := make([][32]byte, len(orders))
	for i, order := range orders {
		hashes[i] = orderHash(order)
	}
	return Log{contractOf(orders[0]), seaportabi.Topics("OrdersMatched"), seaportabi.Data("OrdersMatched", hashes)}
}

func cancel(order uint64) Log {
	return Log{contractOf(order), seaportabi.Topics("OrderCancelled", maker(order%makers), common.Address{}), seaportabi.Data("OrderCancelled", orderHash(order))}
}

// counter cancels all earlier orders of a maker on a contract.
func counter(by uint64, contract common.Address) Log {
	return Log{contract, seaportabi.Topics("CounterIncremented", maker(by)), seaportabi.Data("CounterIncremented", big.NewInt(1))}
}
