package definition

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets"
)

// The events of tokens that are moved (ERC-20, ERC-721, ERC-1155).
var (
	transferTopic = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	singleTopic   = crypto.Keccak256Hash([]byte("TransferSingle(address,address,address,uint256,uint256)"))
	batchTopic    = crypto.Keccak256Hash([]byte("TransferBatch(address,address,address,uint256[],uint256[])"))
)

// around gathers the tokens and the sums that a transaction moved.
type around struct {
	known       checksums
	moved, paid []any
}

// transfers are the tokens and the sums that were moved before an event of a
// transaction and after the one like it before. Logs that are not as their standards
// say are left out.
func transfers(raw *markets.Raw, known checksums) (moved, paid []any) {
	after := int32(-1)
	for _, l := range raw.ReceiptLogs {
		if l.Index < raw.Position.Log && l.Address == raw.Address && len(l.Topics) > 0 && l.Topics[0] == raw.Topics[0] {
			after = max(after, l.Index)
		}
	}
	a := around{known: known, moved: []any{}, paid: []any{}}
	for i := range raw.ReceiptLogs {
		l := &raw.ReceiptLogs[i]
		if l.Index <= after || l.Index >= raw.Position.Log || len(l.Topics) == 0 || len(a.moved)+len(a.paid) > maxList {
			continue
		}
		switch common.Hash(l.Topics[0]) {
		case transferTopic:
			a.transfer(l)
		case singleTopic:
			a.single(l)
		case batchTopic:
			a.batch(l)
		}
	}
	return a.moved, a.paid
}

// transfer is a Transfer: of ERC-721 its id is indexed, of ERC-20 nothing is but the
// addresses, and of the older CryptoKitties not even those.
func (a *around) transfer(l *markets.Log) {
	switch {
	case len(l.Topics) == 4:
		a.move(l, l.Topics[1][:], l.Topics[2][:], new(big.Int).SetBytes(l.Topics[3][:]), big.NewInt(1), markets.ERC721)
	case len(l.Topics) == 3 && len(l.Data) >= wordSize:
		a.paid = append(a.paid, map[string]any{
			"currency": a.known.of(l.Address), "amount": Number{new(big.Int).SetBytes(l.Data[:wordSize])},
			"from": a.inWord(l.Topics[1][:]), "to": a.inWord(l.Topics[2][:]),
		})
	case len(l.Topics) == 1 && len(l.Data) >= 3*wordSize:
		a.move(l, l.Data[:32], l.Data[32:64], new(big.Int).SetBytes(l.Data[64:96]), big.NewInt(1), markets.ERC721)
	}
}

// single is a TransferSingle of ERC-1155.
func (a *around) single(l *markets.Log) {
	if len(l.Topics) == 4 && len(l.Data) >= 2*wordSize {
		a.move(l, l.Topics[2][:], l.Topics[3][:], new(big.Int).SetBytes(l.Data[:32]), new(big.Int).SetBytes(l.Data[32:64]), markets.ERC1155)
	}
}

// batch is a TransferBatch of ERC-1155.
func (a *around) batch(l *markets.Log) {
	r := evmReader{maxList, a.known}
	ids, err := r.at(numbersType, l.Data, 0)
	if err != nil || len(l.Topics) != 4 {
		return
	}
	counts, err := r.at(numbersType, l.Data, wordSize)
	if err != nil || len(ids.([]any)) != len(counts.([]any)) {
		return
	}
	for i, id := range ids.([]any) {
		a.move(l, l.Topics[2][:], l.Topics[3][:], id.(Number).n, counts.([]any)[i].(Number).n, markets.ERC1155)
	}
}

func (a *around) move(l *markets.Log, from, to []byte, id, quantity *big.Int, standard string) {
	a.moved = append(a.moved, map[string]any{
		"collection": a.known.of(l.Address), "id": Number{id}, "standard": standard, "quantity": Number{quantity},
		"from": a.inWord(from), "to": a.inWord(to),
	})
}

// inWord is the address in a word.
func (a *around) inWord(word []byte) string { return a.known.of(common.BytesToAddress(word)) }
