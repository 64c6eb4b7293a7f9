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

// transfers are the tokens and the sums that were moved before an event of a
// transaction and after the one like it before. Logs that are not as their standards
// say are left out.
func transfers(raw *markets.Raw) (moved, paid []any) {
	after := int32(-1)
	for _, l := range raw.Around {
		if l.Index < raw.Position.Log && l.Address == raw.Address && len(l.Topics) > 0 && l.Topics[0] == raw.Topics[0] {
			after = max(after, l.Index)
		}
	}
	moved, paid = []any{}, []any{}
	for i := range raw.Around {
		l := &raw.Around[i]
		if l.Index <= after || l.Index >= raw.Position.Log || len(l.Topics) == 0 || len(moved)+len(paid) > maxList {
			continue
		}
		switch common.Hash(l.Topics[0]) {
		case transferTopic:
			moved, paid = transfer(l, moved, paid)
		case singleTopic:
			moved = single(l, moved)
		case batchTopic:
			moved = batch(l, moved)
		}
	}
	return moved, paid
}

// transfer is a Transfer: of ERC-721 its id is indexed, of ERC-20 nothing is but the
// addresses, and of the older CryptoKitties not even those.
func transfer(l *markets.Log, moved, paid []any) ([]any, []any) {
	switch {
	case len(l.Topics) == 4:
		moved = append(moved, movedToken(l, l.Topics[1][:], l.Topics[2][:], new(big.Int).SetBytes(l.Topics[3][:]), big.NewInt(1), markets.ERC721))
	case len(l.Topics) == 3 && len(l.Data) >= wordSize:
		paid = append(paid, map[string]any{
			"currency": common.Address(l.Address).Hex(), "amount": Number{new(big.Int).SetBytes(l.Data[:wordSize])},
			"from": inWord(l.Topics[1][:]), "to": inWord(l.Topics[2][:]),
		})
	case len(l.Topics) == 1 && len(l.Data) >= 3*wordSize:
		moved = append(moved, movedToken(l, l.Data[:32], l.Data[32:64], new(big.Int).SetBytes(l.Data[64:96]), big.NewInt(1), markets.ERC721))
	}
	return moved, paid
}

// single is a TransferSingle of ERC-1155.
func single(l *markets.Log, moved []any) []any {
	if len(l.Topics) != 4 || len(l.Data) < 2*wordSize {
		return moved
	}
	return append(moved, movedToken(l, l.Topics[2][:], l.Topics[3][:], new(big.Int).SetBytes(l.Data[:32]), new(big.Int).SetBytes(l.Data[32:64]), markets.ERC1155))
}

// batch is a TransferBatch of ERC-1155.
func batch(l *markets.Log, moved []any) []any {
	r := evmReader{left: maxList}
	ids, err := r.at(numbersType, l.Data, 0)
	if err != nil || len(l.Topics) != 4 {
		return moved
	}
	counts, err := r.at(numbersType, l.Data, wordSize)
	if err != nil || len(ids.([]any)) != len(counts.([]any)) {
		return moved
	}
	for i, id := range ids.([]any) {
		moved = append(moved, movedToken(l, l.Topics[2][:], l.Topics[3][:], id.(Number).n, counts.([]any)[i].(Number).n, markets.ERC1155))
	}
	return moved
}

func movedToken(l *markets.Log, from, to []byte, id, quantity *big.Int, standard string) map[string]any {
	return map[string]any{
		"collection": common.Address(l.Address).Hex(), "id": Number{id}, "standard": standard, "quantity": Number{quantity},
		"from": inWord(from), "to": inWord(to),
	}
}

// inWord is the address in a word.
func inWord(word []byte) string { return common.BytesToAddress(word).Hex() }
