package seaport

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/imart/event-worker/markets"
)

const recordings = "../../testdata/recordings/ethereum/blocks"

// block is a recorded block: all logs of the transactions that touch Seaport.
type block struct {
	Number    int64        `json:"number"`
	Hash      string       `json:"hash"`
	Timestamp int64        `json:"timestamp"`
	Logs      []*types.Log `json:"logs"`
}

func recordedBlocks(t testing.TB) []block {
	t.Helper()
	files, err := filepath.Glob(recordings + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", recordings, err)
	}
	var blocks []block
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b block
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// raws are the block's raw events of a stream, as a chain would give them.
func (b block) raws(s markets.Stream) []markets.Raw {
	var raws []markets.Raw
	for _, l := range b.Logs {
		if !slices.Contains(s.Source.Addresses, l.Address.Hex()) || !slices.Contains(s.Source.Topics, l.Topics[0].Hex()) {
			continue
		}
		raw := markets.Raw{
			Position:    markets.Position{Height: b.Number, Transaction: int32(l.TxIndex), Log: int32(l.Index)},
			Seq:         b.Number,
			Block:       b.Hash,
			Transaction: l.TxHash.Hex(),
			Time:        time.Unix(b.Timestamp, 0).UTC(),
			Address:     l.Address,
			Data:        l.Data,
		}
		for _, topic := range l.Topics {
			raw.Topics = append(raw.Topics, topic)
		}
		raws = append(raws, raw)
	}
	return raws
}

// decode decodes all of the block's events of a stream, which must all be good.
func (b block) decode(t testing.TB, stream string) []markets.Event {
	t.Helper()
	s := streamOf(t, stream)
	events, failures := s.DecodeAll(b.raws(s))
	for _, f := range failures {
		t.Errorf("block %d, log %v: %v", b.Number, f.Raw.Position, f.Reason)
	}
	return events
}

func streamOf(t testing.TB, name string) markets.Stream {
	t.Helper()
	for _, s := range streams("ETH") {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no stream %s", name)
	return markets.Stream{}
}

func recordedBlock(t testing.TB, number int64) block {
	t.Helper()
	for _, b := range recordedBlocks(t) {
		if b.Number == number {
			return b
		}
	}
	t.Fatalf("block %d is not recorded", number)
	return block{}
}

// TestBlock17000000 is the block with every kind of fill in it: seven OrderFulfilled,
// of which two are the halves of one match.
func TestBlock17000000(t *testing.T) {
	b := recordedBlock(t, 17_000_000)
	kinds := map[markets.Kind]int{}
	for _, stream := range []string{"list", "buy", "delist", "bulk-cancel"} {
		for _, e := range b.decode(t, stream) {
			kinds[e.Kind]++
		}
	}
	want := map[markets.Kind]int{markets.Bought: 3, markets.OfferAccepted: 3, markets.Matched: 1, markets.Delisted: 2}
	if !maps.Equal(kinds, want) {
		t.Errorf("kinds = %v, want %v", kinds, want)
	}
}

// TestMatchInBlock17000000 looks at the two halves of the match: the seller called
// for it, so the offer was accepted and its order is the sale's.
func TestMatchInBlock17000000(t *testing.T) {
	const (
		buyer  = "0x8d49F11b33f0662074Cd4ebacb69C55041631FF8"
		seller = "0x1a8a81651582F74b283A6f46BEc63394cd01572B"
	)
	var halves []markets.Event
	for _, e := range recordedBlock(t, 17_000_000).decode(t, "buy") {
		if e.Position.Transaction == 72 {
			halves = append(halves, e)
		}
	}
	if len(halves) != 2 {
		t.Fatalf("%d events, want 2", len(halves))
	}
	token := markets.Token{Collection: "0x850d754A640F640b8d9844518F584eE131a57C9D", ID: "1889963031", Standard: markets.ERC1155}
	weth := markets.Currency{Address: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", Symbol: "WETH", Decimals: 18}
	common := markets.Event{
		Stream: "buy", Seq: 17_000_000,
		Block:       "0x96cfa0fb5e50b0a3f6cc76f3299cfbf48f17e8b41798d1394474e67ec8a97e9f",
		Transaction: "0x7e9604e2d566679f06b7a78fb38ae1353b97a66d2da39a9257eae2b952143887",
		Time:        time.Date(2023, 4, 7, 23, 58, 11, 0, time.UTC),
		From:        seller, To: buyer,
		Token: token, Quantity: "1", Partial: true, Currency: weth,
		Contract: "0x00000000000001ad428e4906aE43D8F9852d0dD6",
	}
	bid := common
	bid.Kind, bid.Side, bid.Maker, bid.Taker = markets.OfferAccepted, markets.Bid, buyer, seller
	bid.Order = "0x266f5a7c2cfec3a506c22ac0a85e3d284eb36e63df8e623c64a413033d7d1163@" + common.Contract
	bid.Position, bid.Price = markets.Position{Height: 17_000_000, Transaction: 72, Log: 152}, "25000000000000000"
	bid.Fees = []markets.Payment{{Receiver: "0xd46Eb557762ebcdce876ca57040E3caA54836054", Money: markets.Money{Amount: "2500000000000000", Currency: weth}}}
	ask := common
	ask.Kind, ask.Side, ask.Maker, ask.Taker = markets.Matched, markets.Ask, seller, buyer
	ask.Order = "0x6d19a3ca4a82cd4ec517c00d28638927d7283636d4fcfa357e7484621c6741f6@" + common.Contract
	ask.Position, ask.Price = markets.Position{Height: 17_000_000, Transaction: 72, Log: 153}, "22500000000000000"
	for i, want := range []markets.Event{bid, ask} {
		if !reflect.DeepEqual(halves[i], want) {
			t.Errorf("half %d:\n got %+v\nwant %+v", i, halves[i], want)
		}
	}
}

// TestSalesAgreeWithTransfers compares every recorded sale with what the token's own
// contract logged in the same transaction, and with the payment if that left logs.
// The chain's own coin leaves none. No recorded sale is an exception: wherever an
// OrderFulfilled was recorded, so were the transfers of its transaction.
func TestSalesAgreeWithTransfers(t *testing.T) {
	sales, paid := 0, 0
	for _, b := range recordedBlocks(t) {
		for _, e := range b.decode(t, "buy") {
			if !e.Kind.Sale() {
				continue
			}
			sales++
			if !slices.Contains(b.transfers(e.Transaction), transfer{e.Token.Collection, e.From, e.To, e.Token.ID, string(e.Quantity)}) {
				t.Errorf("block %d, log %v: no transfer of %s %s of %v from %s to %s", b.Number, e.Position, e.Quantity, e.Token.ID, e.Token.Collection, e.From, e.To)
			}
			if e.Currency.Symbol == "ETH" {
				continue
			}
			paid++
			if sum := b.paid(e.Transaction, e.Currency.Address, e.To); sum != e.Price {
				t.Errorf("block %d, log %v: %s paid %s, but the price is %s", b.Number, e.Position, e.To, sum, e.Price)
			}
		}
	}
	if sales != 34 || paid != 7 {
		t.Errorf("%d sales, %d of them paid in tokens; recorded are 34 and 7", sales, paid)
	}
}

// transfer is a Transfer or TransferSingle log of a token contract.
type transfer struct{ collection, from, to, id, quantity string }

var (
	transferTopic       = topic("Transfer(address,address,uint256)") // ERC-20 has it with two topics, ERC-721 with three
	transferSingleTopic = topic("TransferSingle(address,address,address,uint256,uint256)")
)

// transfers are the ERC-721 and ERC-1155 transfers of a transaction.
func (b block) transfers(transaction string) (all []transfer) {
	for _, l := range b.logsOf(transaction) {
		data := abiData{data: l.Data}
		switch {
		case l.Topics[0] == transferTopic && len(l.Topics) == 4:
			all = append(all, transfer{l.Address.Hex(), addressOf(l.Topics[1][:]).Hex(), addressOf(l.Topics[2][:]).Hex(), l.Topics[3].Big().String(), "1"})
		case l.Topics[0] == transferSingleTopic:
			id, quantity := data.number(0), data.number(1)
			all = append(all, transfer{l.Address.Hex(), addressOf(l.Topics[2][:]).Hex(), addressOf(l.Topics[3][:]).Hex(), id.Dec(), quantity.Dec()})
		}
	}
	return all
}

// paid is what an account paid of an ERC-20 token in a transaction.
func (b block) paid(transaction, currency, account string) (sum markets.Amount) {
	for _, l := range b.logsOf(transaction) {
		if l.Topics[0] == transferTopic && len(l.Topics) == 3 && l.Address.Hex() == currency && addressOf(l.Topics[1][:]).Hex() == account {
			data := abiData{data: l.Data}
			amount := data.number(0)
			sum = sum.Plus(markets.AmountOf(&amount))
		}
	}
	return sum
}

func (b block) logsOf(transaction string) (logs []*types.Log) {
	for _, l := range b.Logs {
		if l.TxHash.Hex() == transaction && len(l.Topics) > 0 {
			logs = append(logs, l)
		}
	}
	return logs
}
