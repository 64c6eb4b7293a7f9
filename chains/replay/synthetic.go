package replay

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets/seaport/seaportabi"
)

// What Synthetic's chain is like.
const (
	SyntheticChainID = 31337
	syntheticStart   = 1_700_000_000 // Unix time of block 0, seconds
	ordersPerBlock   = 200
)

// syntheticSeaport is Seaport 1.6.
var syntheticSeaport = common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395")

// Synthetic is an EVM chain for measuring: as many Seaport 1.6 listings
// (OrderValidated) of one ERC-721 token each, for Ether with a fee of 2.5 %, and
// then the fulfilment of some of them, spread evenly; 200 to a block, each in a
// transaction of its own. There is at least one listing, and no more sales than
// listings. The same arguments give the same chain; its logs are made when they
// are asked for, and carry their block's time, as newer nodes' do.
func Synthetic(listings, sales int) *Recording {
	c := newSynthetic()
	listed, sold := newListedTemplate(), newSoldTemplate()
	listings = max(listings, 1)
	for first := 0; first < listings; first += ordersPerBlock {
		c.mine(c.next(), listed, first, min(ordersPerBlock, listings-first), func(i int) uint64 { return uint64(i) })
	}
	sales = min(sales, listings)
	for first := 0; first < sales; first += ordersPerBlock {
		c.mine(c.next(), sold, first, min(ordersPerBlock, sales-first), func(i int) uint64 { return uint64(i) * uint64(listings) / uint64(sales) })
	}
	return c.recording(c.next() - 1 + c.finalityDepth)
}

// Sparse is such a chain with one event in each stretch of blocks, anywhere in it: the
// listing of an order and, in the next stretch, its sale. Its head stands some steps
// below the end, a block each.
func Sparse(blocks, stretch, steps int64) *Recording {
	c := newSynthetic()
	listed, sold := newListedTemplate(), newSoldTemplate()
	for i := range blocks / stretch {
		template := listed
		if i%2 == 1 {
			template = sold
		}
		within := scramble(6, uint64(i)).Big().Uint64() % uint64(stretch)
		c.mine(i*stretch+int64(within)+1, template, int(i), 1, func(i int) uint64 { return uint64(i / 2) })
	}
	r := c.recording(blocks - steps)
	for range steps {
		r.heads = append(r.heads, r.heads[len(r.heads)-1]+1)
	}
	return r
}

func newSynthetic() *blockchain {
	return &blockchain{
		id:            SyntheticChainID,
		blockSeconds:  12,
		safeDepth:     32,
		finalityDepth: 64,
		hashes:        map[int64]common.Hash{},
		heights:       map[common.Hash]int64{},
	}
}

func (c *blockchain) recording(head int64) *Recording {
	return &Recording{Kind: EVM, ChainID: c.id, Limits: Limits{Blocks: 10_000, Logs: 10_000}, evm: c, heads: []int64{head}}
}

// next is the number of the block that follows those that were mined without gaps.
func (c *blockchain) next() int64 { return int64(len(c.blocks)) + 1 }

// mine appends a block with the logs of some orders.
func (c *blockchain) mine(number int64, t *logTemplate, first, count int, order func(int) uint64) {
	hash := c.madeUp(number)
	time := syntheticStart + number*c.blockSeconds
	l := &syntheticLogs{template: t, block: number, hash: hash, time: time, first: first, length: count, order: order}
	c.blocks = append(c.blocks, newBlock(number, hash, time, l))
}

// syntheticLogs are the logs of one block, all made from one template.
type syntheticLogs struct {
	template *logTemplate
	block    int64
	hash     common.Hash
	time     int64 // Unix, seconds
	first    int   // the number of the block's first event among those of its kind
	length   int
	order    func(int) uint64 // the order that an event is about
}

func (l *syntheticLogs) count() int { return l.length }

func (l *syntheticLogs) at(i int) logFacts {
	words := l.words(i)
	facts := logFacts{address: syntheticSeaport, transaction: words[wordTransaction], index: uint64(i)}
	facts.topics[0] = l.template.topic
	facts.topicCount = 1
	if l.template.indexed {
		facts.topics[1] = words[wordMaker] // its zone, the third topic, is zero
		facts.topicCount = 3
	}
	return facts
}

func (l *syntheticLogs) appendJSON(dst []byte, i int) []byte {
	words := l.words(i)
	start := len(dst)
	dst = append(dst, l.template.json...)
	for _, slot := range l.template.slots {
		hex.Encode(dst[start+slot.offset:], words[slot.word][:])
	}
	dst = append(dst, `,"blockNumber":"0x`...)
	dst = strconv.AppendInt(dst, l.block, 16)
	dst = append(dst, `","blockTimestamp":"0x`...)
	dst = strconv.AppendInt(dst, l.time, 16)
	dst = append(dst, `","transactionIndex":"0x`...)
	dst = strconv.AppendInt(dst, int64(i), 16)
	dst = append(dst, `","logIndex":"0x`...)
	dst = strconv.AppendInt(dst, int64(i), 16)
	return append(dst, `","removed":false}`...)
}

// The words that change from log to log.
const (
	wordOrder = iota
	wordMaker
	wordTaker
	wordToken // the token's id
	wordProceeds
	wordFee
	wordSalt
	wordTransaction
	wordBlock
	wordCount
)

// words are those of one log: of its order, its transaction and its block.
func (l *syntheticLogs) words(i int) (w [wordCount]common.Hash) {
	order := l.order(l.first + i)
	price := (1 + order%1000) * 1_000_000_000_000_000 // wei
	fee := price / 40
	w[wordOrder] = scramble(1, order)
	w[wordMaker] = account(2, order%5000)
	w[wordTaker] = account(3, order%7000)
	w[wordToken] = number256(order)
	w[wordProceeds] = number256(price - fee)
	w[wordFee] = number256(fee)
	w[wordSalt] = scramble(4, order)
	w[wordTransaction] = scramble(uint64(5+l.block), uint64(i))
	w[wordBlock] = l.hash
	return w
}

func number256(n uint64) (h common.Hash) {
	binary.BigEndian.PutUint64(h[24:], n)
	return h
}

func account(seed, n uint64) common.Hash {
	h := scramble(seed, n)
	clear(h[:12])
	return h
}

// scramble spreads two numbers over a word; different ones over different words.
// (The mixing is the finalizer of splitmix64, a bijection.)
func scramble(seed, n uint64) (h common.Hash) {
	x := n
	for i := range 4 {
		x += 0x9e3779b97f4a7c15 * (seed + 1)
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		x = z ^ z>>31
		binary.BigEndian.PutUint64(h[8*i:], x)
	}
	return h
}

// logTemplate is the JSON of a log, up to its numbers, with the places of the
// words that change.
type logTemplate struct {
	topic   common.Hash
	indexed bool // maker and zone are topics
	json    []byte
	slots   []slot
}

type slot struct{ offset, word int }

// marker stands in a template for a word that changes. It is small enough for an
// address and unlike anything else in an encoded event.
func marker(word int) common.Hash {
	h := crypto.Keccak256Hash([]byte{byte(word)})
	clear(h[:12])
	return h
}

func markedAddress(word int) common.Address { return common.BytesToAddress(marker(word).Bytes()) }
func markedNumber(word int) *big.Int        { return marker(word).Big() }

// newTemplate builds a template from an event's data, encoded with markers.
func newTemplate(topic common.Hash, indexed bool, data []byte) *logTemplate {
	var out bytes.Buffer
	out.WriteString(`{"address":"` + string(bytes.ToLower([]byte(syntheticSeaport.Hex()))) + `","topics":["` + topic.Hex())
	if indexed {
		out.WriteString(`","` + marker(wordMaker).Hex() + `","` + common.Hash{}.Hex())
	}
	out.WriteString(`"],"data":"0x` + hex.EncodeToString(data))
	out.WriteString(`","transactionHash":"` + marker(wordTransaction).Hex())
	out.WriteString(`","blockHash":"` + marker(wordBlock).Hex() + `"`)
	t := &logTemplate{topic: topic, indexed: indexed, json: out.Bytes()}
	for word := range wordCount {
		mark := []byte(hex.EncodeToString(marker(word).Bytes()))
		for from := 0; ; {
			at := bytes.Index(t.json[from:], mark)
			if at < 0 {
				break
			}
			t.slots = append(t.slots, slot{from + at, word})
			from += at + len(mark)
		}
	}
	return t
}

// Made-up parties of all synthetic orders.
var (
	syntheticCollection = common.HexToAddress("0xC011ec7100000000000000000000000000000001")
	syntheticTreasury   = common.HexToAddress("0xFee0000000000000000000000000000000000001")
)

func newListedTemplate() *logTemplate {
	one, zero := big.NewInt(1), new(big.Int)
	ether := func(amount int, to common.Address) seaportabi.ConsiderationItem {
		return seaportabi.Asked(seaportabi.Ether, common.Address{}, zero, markedNumber(amount), markedNumber(amount), to)
	}
	return newTemplate(seaportabi.Topic("OrderValidated"), false, seaportabi.Data("OrderValidated", marker(wordOrder), seaportabi.OrderParameters{
		Offerer: markedAddress(wordMaker),
		Offer:   []seaportabi.OfferItem{seaportabi.Offered(seaportabi.ERC721, syntheticCollection, markedNumber(wordToken), one, one)},
		Consideration: []seaportabi.ConsiderationItem{
			ether(wordProceeds, markedAddress(wordMaker)),
			ether(wordFee, syntheticTreasury),
		},
		StartTime:                       big.NewInt(syntheticStart),
		EndTime:                         big.NewInt(4_000_000_000),
		Salt:                            markedNumber(wordSalt),
		TotalOriginalConsiderationItems: big.NewInt(2),
	}))
}

func newSoldTemplate() *logTemplate {
	one, zero := big.NewInt(1), new(big.Int)
	return newTemplate(seaportabi.Topic("OrderFulfilled"), true, seaportabi.Data("OrderFulfilled", marker(wordOrder), markedAddress(wordTaker),
		[]seaportabi.SpentItem{seaportabi.Spent(seaportabi.ERC721, syntheticCollection, markedNumber(wordToken), one)},
		[]seaportabi.ReceivedItem{
			seaportabi.Received(seaportabi.Ether, common.Address{}, zero, markedNumber(wordProceeds), markedAddress(wordMaker)),
			seaportabi.Received(seaportabi.Ether, common.Address{}, zero, markedNumber(wordFee), syntheticTreasury),
		},
	))
}
