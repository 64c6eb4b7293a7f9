package eth

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/holiman/uint256"
	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/markets"
)

// Transaction is what is read of a transaction. Hash is empty if there is none; Block is empty
// while it is in no block.
type Transaction struct {
	Hash, Block string
	markets.Envelope
}

// TransactionByHash is a call for a transaction.
func TransactionByHash(hash string, t *Transaction) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_getTransactionByHash", Params: []any{hash}, Result: t.scan}
}

func (t *Transaction) scan(l *jlexer.Lexer) {
	*t = Transaction{}
	if scanNull(l) {
		return
	}
	from := false
	scanObject(l, func(key string) bool {
		switch {
		case scanNull(l):
		case key == "hash":
			t.Hash = scanHash(l, "")
		case key == "blockHash":
			t.Block = scanHash(l, "")
		case key == "from":
			scanBytes(l, t.Sender[:])
			from = true
		case key == "value":
			t.Value = scanAmount(l)
		default:
			return false
		}
		return true
	})
	if l.Ok() && (t.Hash == "" || !from || !t.Value.Known()) {
		l.AddError(errors.New("transaction without hash, from or value"))
	}
}

// scanAmount scans a quantity of at most 256 bits.
func scanAmount(l *jlexer.Lexer) markets.Amount {
	digits := scanHex(l)
	if !l.Ok() {
		return ""
	}
	n, ok := new(big.Int).SetString(string(digits), 16)
	if !ok || n.Sign() < 0 || n.BitLen() > 256 {
		l.AddError(fmt.Errorf("%.80q is not a quantity of at most 256 bits", digits))
		return ""
	}
	return markets.AmountOf(uint256.MustFromBig(n))
}

// BlockTransactions holds the transactions of a block. Hash is empty if the block does not exist.
type BlockTransactions struct {
	Hash         string
	Transactions []Transaction
}

// WithTransactions is a call for a block with its transactions, by hash.
func WithTransactions(hash string, b *BlockTransactions) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_getBlockByHash", Params: []any{hash, true}, Result: b.scan}
}

func (b *BlockTransactions) scan(l *jlexer.Lexer) {
	*b = BlockTransactions{}
	if scanNull(l) {
		return
	}
	scanObject(l, func(key string) bool {
		switch key {
		case "hash":
			b.Hash = scanHash(l, "")
		case "transactions":
			scanArray(l, func() {
				var t Transaction
				t.scan(l)
				b.Transactions = append(b.Transactions, t)
			})
		default:
			return false
		}
		return true
	})
}
