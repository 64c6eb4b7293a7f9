package histories

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

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
func shopOf(branch []*block) shop {
	s := shop{open: map[uint64]bool{}}
	for _, b := range branch {
		for _, l := range b.logs {
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

// trade returns the logs of a block's transactions.
func (s *shop) trade(random *rand.Rand) (logs []*types.Log) {
	if random.IntN(3) == 0 {
		return nil
	}
	for i := range 1 + random.IntN(4) {
		var hash common.Hash
		binary.BigEndian.PutUint64(hash[:], random.Uint64())
		for range 1 + random.IntN(2) {
			for _, l := range s.deal(random) {
				l.TxHash, l.TxIndex = hash, uint(i)
				logs = append(logs, l)
			}
		}
	}
	return logs
}

// deal returns the logs of one random action.
func (s *shop) deal(random *rand.Rand) []*types.Log {
	counter := counters[random.IntN(len(counters))]
	someone := func() []byte { return common.LeftPadBytes([]byte{1 + byte(random.IntN(5))}, 32) }
	price := common.LeftPadBytes([]byte{byte(random.IntN(200)), 1}, 32)
	if s.open == nil {
		s.open = map[uint64]bool{}
	}
	ids := slices.Sorted(maps.Keys(s.open))
	kind := random.IntN(10)
	switch {
	case kind == 9: // a log that belongs to no market
		return []*types.Log{moved(someone(), someone(), numbered(random.Uint64N(50)))}
	case kind < 4 || len(ids) == 0:
		s.last++
		s.open[s.last] = true
		return []*types.Log{{Address: counter, Topics: []common.Hash{listed, numbered(s.last)}, Data: slices.Concat(someone(), price)}}
	}
	id := ids[random.IntN(len(ids))]
	delete(s.open, id)
	if kind < 6 {
		return []*types.Log{{Address: counter, Topics: []common.Hash{cancelled, numbered(id)}, Data: []byte{}}}
	}
	return []*types.Log{
		moved(someone(), someone(), numbered(id)),
		{Address: counter, Topics: []common.Hash{sold, numbered(id)}, Data: price},
	}
}

func moved(from, to []byte, id common.Hash) *types.Log {
	return &types.Log{Address: things, Topics: []common.Hash{transfer, common.Hash(from), common.Hash(to), id}, Data: []byte{}}
}

func numbered(id uint64) (h common.Hash) {
	binary.BigEndian.PutUint64(h[24:], id)
	return h
}

// events returns the events of a stream in a branch's blocks.
func events(s markets.Stream, branch []*block) []markets.Event {
	var raws []markets.Raw
	for _, b := range branch[min(1, len(branch)):] {
		around := map[common.Hash][]markets.Log{}
		for _, l := range b.logs {
			around[l.TxHash] = append(around[l.TxHash], markets.Log{Index: int32(l.Index), Address: l.Address, Topics: topics(l), Data: l.Data})
		}
		for _, l := range b.logs {
			raw := markets.Raw{
				Position: markets.Position{Height: b.number(), Transaction: int32(l.TxIndex), Log: int32(l.Index)},
				Seq:      b.number(), Block: b.hash.Hex(), Transaction: l.TxHash.Hex(), Time: time.Unix(int64(b.header.Time), 0).UTC(),
				Address: l.Address, Topics: topics(l), Data: l.Data,
			}
			if s.Source.ReceiptLogs {
				raw.ReceiptLogs = around[l.TxHash]
			}
			if s.Source.Envelope {
				raw.Envelope = envelopeOf(l.TxHash)
			}
			if s.Source.Matches(&raw) {
				raws = append(raws, raw)
			}
		}
	}
	decoded, _ := s.DecodeAll(raws)
	return decoded
}

// envelopeOf returns the envelope of a transaction, which its hash determines.
func envelopeOf(transaction common.Hash) *markets.Envelope {
	return &markets.Envelope{Sender: [20]byte(transaction[:20]), Value: markets.AmountOf(uint256.NewInt(uint64(transaction[0])))}
}

func topics(l *types.Log) [][32]byte {
	all := make([][32]byte, len(l.Topics))
	for i, topic := range l.Topics {
		all[i] = topic
	}
	return all
}
