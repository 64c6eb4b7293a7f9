package tokens

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// The events of transfers (ERC-20, ERC-721, ERC-1155).
var (
	transferTopic = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	singleTopic   = crypto.Keccak256Hash([]byte("TransferSingle(address,address,address,uint256,uint256)"))
	batchTopic    = crypto.Keccak256Hash([]byte("TransferBatch(address,address,address,uint256[],uint256[])"))
)

// The types of transfers in expressions.
var (
	MovedType = types.Map{"collection": types.String, "id": expression.NumberType, "standard": types.String, "quantity": expression.NumberType, "from": types.String, "to": types.String}
	PaidType  = types.Map{"currency": types.String, "amount": expression.NumberType, "from": types.String, "to": types.String}
)

const wordSize = 32

var one = expression.NumberOf(big.NewInt(1))

// transfers gathers the transfers of a transaction.
type transfers struct {
	checksums   address.Checksums
	moved, paid []any
}

// Transfers are the tokens (ERC-721, ERC-1155) that were moved and the sums (ERC-20) that
// were paid within a window of an event's transaction, as values of MovedType and PaidType.
// Logs that do not follow their standards are left out.
func Transfers(raw *markets.Raw, w Window, checksums address.Checksums) (moved, paid []any) {
	after, before := w.bounds(raw)
	t := transfers{checksums: checksums, moved: []any{}, paid: []any{}}
	for i := range raw.ReceiptLogs {
		l := &raw.ReceiptLogs[i]
		if l.Index <= after || l.Index >= before || len(l.Topics) == 0 || len(t.moved)+len(t.paid) > expression.MaxValues {
			continue
		}
		t.add(l)
	}
	return t.moved, t.paid
}

// add adds what a log with topics transfers.
func (t *transfers) add(l *markets.Log) {
	switch common.Hash(l.Topics[0]) {
	case transferTopic:
		t.transfer(l)
	case singleTopic:
		t.single(l)
	case batchTopic:
		t.batch(l)
	}
}

// transfer adds a Transfer. The standards are told apart by what they index: ERC-721 the
// addresses and the id, ERC-20 the addresses, CryptoKitties, older than ERC-721, nothing.
func (t *transfers) transfer(l *markets.Log) {
	switch {
	case len(l.Topics) == 4:
		t.move(l, l.Topics[1][:], l.Topics[2][:], expression.Unsigned(l.Topics[3][:]), one, markets.ERC721)
	case len(l.Topics) == 3 && len(l.Data) >= wordSize:
		t.paid = append(t.paid, map[string]any{
			"currency": t.checksums.Of(l.Address), "amount": expression.Unsigned(l.Data[:wordSize]),
			"from": t.inWord(l.Topics[1][:]), "to": t.inWord(l.Topics[2][:]),
		})
	case len(l.Topics) == 1 && len(l.Data) >= 3*wordSize:
		t.move(l, l.Data[:32], l.Data[32:64], expression.Unsigned(l.Data[64:96]), one, markets.ERC721)
	}
}

// single adds a TransferSingle of ERC-1155.
func (t *transfers) single(l *markets.Log) {
	if len(l.Topics) == 4 && len(l.Data) >= 2*wordSize {
		t.move(l, l.Topics[2][:], l.Topics[3][:], expression.Unsigned(l.Data[:32]), expression.Unsigned(l.Data[32:64]), markets.ERC1155)
	}
}

// batch adds a TransferBatch of ERC-1155.
func (t *transfers) batch(l *markets.Log) {
	r := solidity.NewReader(t.checksums, len(l.Data))
	ids, err := r.At(solidity.Uint256s, l.Data, 0)
	if err != nil || len(l.Topics) != 4 {
		return
	}
	quantities, err := r.At(solidity.Uint256s, l.Data, wordSize)
	if err != nil || len(ids.([]any)) != len(quantities.([]any)) {
		return
	}
	for i, id := range ids.([]any) {
		t.move(l, l.Topics[2][:], l.Topics[3][:], id.(expression.Number), quantities.([]any)[i].(expression.Number), markets.ERC1155)
	}
}

func (t *transfers) move(l *markets.Log, from, to []byte, id, quantity expression.Number, standard string) {
	t.moved = append(t.moved, map[string]any{
		"collection": t.checksums.Of(l.Address), "id": id, "standard": standard, "quantity": quantity,
		"from": t.inWord(from), "to": t.inWord(to),
	})
}

// inWord is the address in a word.
func (t *transfers) inWord(word []byte) string { return t.checksums.Of(common.BytesToAddress(word)) }
