package tokens

import (
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
)

// Of a transaction with two sales each has the transfers before it, and not those of the
// other; logs that do not follow a standard are none.
func TestTransfersOfEachSale(t *testing.T) {
	word := func(n byte) (w [32]byte) { w[31] = n; return w }
	data := func(words ...byte) (all []byte) {
		for _, n := range words {
			w := word(n)
			all = append(all, w[:]...)
		}
		return all
	}
	sold := [32]byte{0xff}
	market, punks, weth, games := [20]byte{1}, [20]byte{2}, [20]byte{3}, [20]byte{4}
	logs := []markets.Log{
		{Address: punks, Topics: [][32]byte{transferTopic, word(0xa), word(0xb), word(7)}},
		{Address: weth, Topics: [][32]byte{transferTopic, word(0xb), word(0xa)}, Data: data(5)},
		{Address: market, Topics: [][32]byte{sold}},
		{Address: games, Topics: [][32]byte{singleTopic, word(0), word(0xa), word(0xc)}, Data: data(8, 3)},
		{Address: games, Topics: [][32]byte{batchTopic, word(0), word(0xa), word(0xc)}, Data: data(64, 128, 1, 9, 1, 4)},
		{Address: games, Topics: [][32]byte{batchTopic, word(0), word(0xa), word(0xc)}, Data: data(64, 128, 1, 9, 0)}, // an id without its quantity
		{Address: weth, Topics: [][32]byte{transferTopic, word(0xb), word(0xa)}},                                      // no amount
		{Address: market, Topics: [][32]byte{sold}},
	}
	for i := range logs {
		logs[i].Index = int32(i)
	}
	checksums := address.Checksums{}
	for sale, want := range map[int32]string{
		2: "7 of 0x02 ×1 ERC-721, paid 5 of 0x03",
		7: "8 of 0x04 ×3 ERC-1155, 9 of 0x04 ×4 ERC-1155",
	} {
		moved, paid := Transfers(&markets.Raw{Position: markets.Position{Log: sale}, Address: market, Topics: logs[sale].Topics, ReceiptLogs: logs}, Window{}, checksums)
		got := ""
		for _, m := range moved {
			m := m.(map[string]any)
			got += fmt.Sprintf(", %v of %.4s ×%v %v", m["id"], m["collection"], m["quantity"], m["standard"])
		}
		for _, p := range paid {
			p := p.(map[string]any)
			got += fmt.Sprintf(", paid %v of %.4s", p["amount"], p["currency"])
			if p["from"] != common.BytesToAddress([]byte{0xb}).Hex() {
				t.Errorf("paid from %v", p["from"])
			}
		}
		if got != ", "+want {
			t.Errorf("sale %d: %s, want %s", sale, got, want)
		}
	}
}
