package facts

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/signature"
)

const testChainID = 31337

// The contracts and accounts of a fakeChain.
var (
	seaportAt    = common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395")
	controllerAt = common.HexToAddress("0x00000000F9490004C11Cef243f5400493c00Ad63")
	nftAt        = common.HexToAddress("0x7210000000000000000000000000000000000721")
	unitsAt      = common.HexToAddress("0x1155000000000000000000000000000000001155")
	moneyAt      = common.HexToAddress("0x2020000000000000000000000000000000000020")
	alice, bob   = makerOf(1), makerOf(2)
	aliceKey, _  = crypto.ToECDSA(common.LeftPadBytes([]byte{1}, 32))
)

func makerOf(key byte) common.Address {
	k, err := crypto.ToECDSA(common.LeftPadBytes([]byte{key}, 32))
	if err != nil {
		panic(err)
	}
	return crypto.PubkeyToAddress(k.PublicKey)
}

// orderStatus is what the fake Seaport says of an order.
type orderStatus struct {
	validated, cancelled bool
	filled, size         uint64
}

// ledger is the state of the fake contracts at the end of a block.
type ledger struct {
	orders   map[common.Hash]orderStatus
	counters map[common.Address]uint64
	owners   map[uint64]common.Address      // of nftAt's tokens
	balances map[common.Address]uint64      // of moneyAt, and of every token of unitsAt
	allowed  map[common.Address]bool        // Seaport may move the account's tokens and money
	answers  map[function]chains.CallResult // instead of a contract's own
}

func (l ledger) clone() ledger {
	return ledger{
		maps.Clone(l.orders), maps.Clone(l.counters), maps.Clone(l.owners), maps.Clone(l.balances),
		maps.Clone(l.allowed), maps.Clone(l.answers),
	}
}

// function is a function of a contract; all of the contract's if the selector is 0.
type function struct {
	contract common.Address
	selector uint32
}

// fakeBlock is a block, on whatever branch, with the market's events that its other streams
// have.
type fakeBlock struct {
	markets.Place
	parent *fakeBlock
	ledger
	logs   []markets.Raw
	events []markets.Event // of listings and trades
}

// fakeChain is a chain whose contracts say what the test wants. It counts what is asked.
type fakeChain struct {
	chains.Chain
	head  *fakeBlock
	mined int
	asked []chains.ContractCall
	err   func() error // of the next question
	// behind is the head of an endpoint on another branch, which answers instead; nil if
	// all are on the chain.
	behind *fakeBlock
}

func newFakeChain() *fakeChain {
	genesis := &fakeBlock{Place: markets.Place{Seq: 0, Hash: hashOf("genesis")}, ledger: ledger{
		orders: map[common.Hash]orderStatus{}, counters: map[common.Address]uint64{}, owners: map[uint64]common.Address{},
		balances: map[common.Address]uint64{alice: 100, bob: 100}, allowed: map[common.Address]bool{alice: true, bob: true},
		answers: map[function]chains.CallResult{},
	}}
	for id := range uint64(8) {
		genesis.owners[id] = []common.Address{alice, bob}[id%2]
	}
	return &fakeChain{head: genesis}
}

func hashOf(text string) string { return crypto.Keccak256Hash([]byte(text)).Hex() }

// mine makes a block on top of the head, of what do does.
func (c *fakeChain) mine(do ...func(*fakeBlock)) *fakeBlock {
	b := &fakeBlock{parent: c.head, ledger: c.head.clone()}
	b.Place = markets.Place{Seq: c.head.Seq + 1, Hash: hashOf(fmt.Sprint("block ", c.mined))}
	for _, d := range do {
		d(b)
	}
	for i := range b.events {
		e := &b.events[i]
		e.Position, e.Seq, e.Block, e.Time = markets.Position{Height: b.Seq, Transaction: int32(i)}, b.Seq, b.Hash, timeAt(b.Seq)
	}
	c.head = b
	c.mined++
	return b
}

// reorganise abandons the newest blocks.
func (c *fakeChain) reorganise(depth int) {
	for ; depth > 0 && c.head.parent != nil; depth-- {
		c.head = c.head.parent
	}
}

func (c *fakeChain) at(height int64) *fakeBlock {
	b := c.head
	for b.Seq > height {
		b = b.parent
	}
	return b
}

// view is the chain as seen with 20 confirmations.
func (c *fakeChain) view() *chains.View {
	final := max(c.head.Seq-20, 0)
	var hashes []string
	for height := final; height <= c.head.Seq; height++ {
		hashes = append(hashes, c.at(height).Hash)
	}
	return chains.NewView(final, hashes)
}

func timeAt(height int64) time.Time { return time.Unix(1_700_000_000+12*height, 0).UTC() }

func (c *fakeChain) TimeAt(_ context.Context, at markets.Place) (time.Time, error) {
	return timeAt(at.Seq), nil
}

func (c *fakeChain) PlaceAt(_ context.Context, height int64) (markets.Place, error) {
	return c.at(height).Place, nil
}

// block is that of a place, if it is on the chain.
func (c *fakeChain) block(at markets.Place) (*fakeBlock, error) {
	if c.err != nil {
		if err := c.err(); err != nil {
			return nil, err
		}
	}
	b := c.head
	if c.behind != nil {
		b = c.behind
	}
	for b.Seq > at.Seq {
		b = b.parent
	}
	if b.Hash != at.Hash {
		return nil, fmt.Errorf("%w: block %d", chains.ErrReorganised, at.Seq)
	}
	return b, nil
}

func (c *fakeChain) LogsAt(_ context.Context, at markets.Place, topics []string) ([]markets.Raw, error) {
	b, err := c.block(at)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(b.logs), func(r markets.Raw) bool {
		return !slices.Contains(topics, common.Hash(r.Topics[0]).Hex())
	}), nil
}

func (c *fakeChain) Call(_ context.Context, at markets.Place, calls []chains.ContractCall) ([]chains.CallResult, error) {
	b, err := c.block(at)
	if err != nil {
		return nil, err
	}
	c.asked = append(c.asked, calls...)
	results := make([]chains.CallResult, len(calls))
	for i, call := range calls {
		results[i] = b.answer(call)
	}
	return results, nil
}

// answer is what the contracts say.
func (b *fakeBlock) answer(call chains.ContractCall) chains.CallResult {
	for _, selector := range []uint32{0, binary.BigEndian.Uint32(call.Data)} {
		if r, set := b.answers[function{call.To, selector}]; set {
			return r
		}
	}
	argument := func(i int) []byte { return call.Data[4+32*i : 36+32*i] }
	account := func(i int) common.Address { return common.BytesToAddress(argument(i)) }
	number := func(i int) uint64 { return new(uint256.Int).SetBytes(argument(i)).Uint64() }
	switch selector := binary.BigEndian.Uint32(call.Data); {
	case call.To == seaportAt && selector == 0x46423aa7: // getOrderStatus
		s := b.orders[common.BytesToHash(argument(0))]
		return words(bit(s.validated), bit(s.cancelled), s.filled, s.size)
	case call.To == seaportAt && selector == 0xf07ec373: // getCounter
		return words(b.counters[account(0)])
	case call.To == seaportAt && selector == 0xf47b7740: // information
		separator := signature.Domain{Version: "1.6", ChainID: testChainID, Contract: seaportAt}.Separator()
		data := slices.Concat(words(96).Data, separator[:], common.LeftPadBytes(controllerAt[:], 32), words(3).Data, common.RightPadBytes([]byte("1.6"), 32))
		return chains.CallResult{Data: data}
	case call.To == controllerAt && selector == 0x6e9bfd9f: // getConduit
		return words(0xc0d01, 1)
	case call.To == nftAt && selector == 0x6352211e: // ownerOf
		owner, exists := b.owners[number(0)]
		if !exists {
			return chains.CallResult{Err: chains.ErrReverted}
		}
		return chains.CallResult{Data: common.LeftPadBytes(owner[:], 32)}
	case call.To == nftAt && selector == 0x081812fc: // getApproved
		return words(0)
	case call.To == unitsAt && selector == 0x00fdd58e, call.To == moneyAt && selector == 0x70a08231: // balanceOf
		return words(b.balances[account(0)])
	case call.To == moneyAt && selector == 0xdd62ed3e: // allowance
		return words(1e9 * bit(b.allowed[account(0)]))
	case selector == 0xe985e9c5 && (call.To == nftAt || call.To == unitsAt): // isApprovedForAll
		return words(bit(b.allowed[account(0)]))
	}
	return chains.CallResult{} // no code
}

func bit(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

func words(numbers ...uint64) (r chains.CallResult) {
	for _, n := range numbers {
		word := uint256.NewInt(n).Bytes32()
		r.Data = append(r.Data, word[:]...)
	}
	return r
}

// log adds a log to a block, of a topic and accounts.
func (b *fakeBlock) log(contract common.Address, signature string, accounts ...common.Address) {
	topics := [][32]byte{topicOf(signature)}
	for _, a := range accounts {
		topics = append(topics, [32]byte(common.LeftPadBytes(a[:], 32)))
	}
	b.logs = append(b.logs, markets.Raw{Address: contract, Topics: topics, Data: make([]byte, 64)})
}
