package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/markets"
)

// settled compares recorded sales with the transfers of their transactions, which are read here
// without any definition: each token went from the seller to the buyer; what the buyer sent in
// an ERC-20 token is the price of all that the buyer bought in it, and each fee reached its
// receiver.
func settled(t *testing.T, events []markets.Event, all []transactions.Transaction) {
	t.Helper()
	transfer := common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
	moved, sent, got := map[string]bool{}, map[string]markets.Amount{}, map[string]markets.Amount{}
	for _, tx := range all {
		for _, raw := range tx.Raws {
			if raw.Topics[0] != transfer {
				continue
			}
			contract, from, to := common.Address(raw.Address).Hex(), common.BytesToAddress(raw.Topics[1][:]).Hex(), common.BytesToAddress(raw.Topics[2][:]).Hex()
			if len(raw.Topics) == 4 {
				moved[tx.Hash+contract+common.Hash(raw.Topics[3]).Big().String()+from+to] = true
				continue
			}
			amount := markets.Amount(common.BytesToHash(raw.Data).Big().String())
			sent[tx.Hash+contract+from] = sent[tx.Hash+contract+from].Plus(amount)
			got[tx.Hash+contract+to] = got[tx.Hash+contract+to].Plus(amount)
		}
	}
	price, due := map[string]markets.Amount{}, map[string]markets.Amount{}
	for _, e := range events {
		if !e.Kind.Sale() {
			continue
		}
		if !moved[e.Transaction+e.Token.Collection+e.Token.ID+e.From+e.To] {
			t.Errorf("%s: %s did not give %s %s to %s", e.Transaction, e.From, e.Token.Collection, e.Token.ID, e.To)
		}
		if e.Currency.Address == (common.Address{}).Hex() {
			continue
		}
		buyer := e.Transaction + e.Currency.Address + e.To
		price[buyer] = price[buyer].Plus(e.Price)
		for _, p := range append(e.Fees, e.Royalties...) {
			receiver := e.Transaction + p.Currency.Address + p.Receiver
			due[receiver] = due[receiver].Plus(p.Amount)
		}
	}
	for buyer, amount := range price {
		if sent[buyer] != amount {
			t.Errorf("%s sent %s, the price is %s", buyer, sent[buyer], amount)
		}
	}
	for receiver, amount := range due {
		if got[receiver] != amount {
			t.Errorf("%s got %s, the fee is %s", receiver, got[receiver], amount)
		}
	}
}
