package histories

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// chainID is the made-up chain's.
const chainID = 7331

// shopMarket is the market on the chain. Only the transfers in a sale's transaction tell
// what was sold.
const shopMarket = `market: shop
kind: evm
chains:
  test:
    chainId: 7331
    start: 1
    contracts:
      shop: ["0x0000000000000000000000000000000000005101", "0x0000000000000000000000000000000000005102", "0x0000000000000000000000000000000000005103"]
abi: |
  event Listed(uint256 indexed id, address seller, uint256 price)
  event Sold(uint256 indexed id, uint256 price)
  event Cancelled(uint256 indexed id)
streams:
  list:
    event: Listed
    becomes: {kind: listed, order: text(id), maker: seller, price: price, currency: coin}
  buy:
    event: Sold
    transfers: true
    becomes:
      kind: bought
      order: text(id)
      maker: last(moved).from
      taker: last(moved).to
      bundle: moved
      price: price
      currency: coin
      fees: {receiver: sender, amount: value}
  delist:
    event: Cancelled
    becomes: {kind: delisted, order: text(id)}
`

// market returns the shop's market.
func market() (markets.Market, error) {
	d, err := definition.Parse(definition.Source{File: "shop.yaml", Text: []byte(shopMarket)})
	if err != nil {
		return markets.Market{}, err
	}
	return d.On(definition.Site{ChainID: chainID})
}

var (
	counters  = []common.Address{common.HexToAddress("0x5101"), common.HexToAddress("0x5102"), common.HexToAddress("0x5103")}
	things    = common.HexToAddress("0xe721")
	listed    = crypto.Keccak256Hash([]byte("Listed(uint256,address,uint256)"))
	sold      = crypto.Keccak256Hash([]byte("Sold(uint256,uint256)"))
	cancelled = crypto.Keccak256Hash([]byte("Cancelled(uint256)"))
	transfer  = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
)

// shop is what is for sale on a branch, and the newest number assigned.
type shop struct {
	open map[uint64]bool
	last uint64
}

// shopOf returns the shop's state after a branch's blocks.
func shopOf(branch []*devnet.Block) shop {
	s := shop{open: map[uint64]bool{}}
	for _, b := range branch {
		for _, l := range b.Logs {
			id := l.Topics[1].Big().Uint64()
			switch l.Topics[0] {
			case listed:
				s.open[id], s.last = true, max(s.last, id)
			case sold, cancelled:
				delete(s.open, id)
			}
		}
	}
	return s
}

// trade returns a block's transactions.
func (s *shop) trade(random *rand.Rand) (all []devnet.Transaction) {
	if random.IntN(3) == 0 {
		return nil
	}
	for range 1 + random.IntN(4) {
		t := devnet.Transaction{Salt: random.Uint64()}
		for range 1 + random.IntN(2) {
			t.Logs = append(t.Logs, s.deal(random)...)
		}
		all = append(all, t)
	}
	return all
}

// deal returns the logs of one random action.
func (s *shop) deal(random *rand.Rand) []devnet.Log {
	counter := counters[random.IntN(len(counters))]
	someone := func() []byte { return common.LeftPadBytes([]byte{1 + byte(random.IntN(5))}, 32) }
	price := common.LeftPadBytes([]byte{byte(random.IntN(200)), 1}, 32)
	ids := slices.Sorted(maps.Keys(s.open))
	kind := random.IntN(10)
	switch {
	case kind == 9: // a log that belongs to no market
		return []devnet.Log{moved(someone(), someone(), numbered(random.Uint64N(50)))}
	case kind < 4 || len(ids) == 0:
		s.last++
		s.open[s.last] = true
		return []devnet.Log{{Contract: counter, Topics: []common.Hash{listed, numbered(s.last)}, Data: slices.Concat(someone(), price)}}
	}
	id := ids[random.IntN(len(ids))]
	delete(s.open, id)
	if kind < 6 {
		return []devnet.Log{{Contract: counter, Topics: []common.Hash{cancelled, numbered(id)}, Data: []byte{}}}
	}
	return []devnet.Log{
		moved(someone(), someone(), numbered(id)),
		{Contract: counter, Topics: []common.Hash{sold, numbered(id)}, Data: price},
	}
}

func moved(from, to []byte, id common.Hash) devnet.Log {
	return devnet.Log{Contract: things, Topics: []common.Hash{transfer, common.Hash(from), common.Hash(to), id}, Data: []byte{}}
}

func numbered(id uint64) (h common.Hash) {
	binary.BigEndian.PutUint64(h[24:], id)
	return h
}

// events returns the events of a stream in a branch's blocks.
func events(s markets.Stream, branch []*devnet.Block) []markets.Event {
	decoded, _ := s.DecodeAll(devnet.RawsOf(s.Source, branch))
	return decoded
}
