package tokens

import (
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// Settlement is the transfer of a token that belongs to one of its sales in a transaction, as
// a list of at most one MovedType. Sales are the indices, in order, of the logs of all of the
// token's sales in the transaction, which one contract logs either after their transfers or
// before them. Transfers to that contract, which may keep the token until it is sold, are no
// sale's. Of two sales of a token
//
//	log 0  Transfer  seller → market       log 0  Sold
//	log 1  Transfer  market → alice        log 1  Transfer  seller → alice
//	log 2  Sold      1                     log 2  Sold      0 was before its transfer: so is 2
//	log 3  Transfer  alice → bob           log 3  Transfer  alice → bob
//	log 4  Sold      3
//
// each has the last transfer between the sale before and itself or, if there is none before
// the first sale, the first transfer between itself and the next sale.
func Settlement(raw *markets.Raw, sales []int32, collection string, id expression.Number, checksums address.Checksums) []any {
	market := checksums.Of(raw.Address)
	var moves []indexed
	for _, m := range movesOf(raw, checksums) {
		if m.value["collection"] == collection && m.value["id"].(expression.Number).String() == id.String() && m.value["to"] != market {
			moves = append(moves, m)
		}
	}
	if len(moves) == 0 || len(sales) == 0 {
		return []any{}
	}
	own := raw.Position.Log
	previous, next := int32(-1), int32(1<<31-1)
	for _, sale := range sales {
		if sale < own {
			previous = sale
		}
		if sale > own {
			next = min(next, sale)
		}
	}
	settled := []any{}
	for _, m := range moves {
		switch before := moves[0].log < sales[0]; {
		case before && m.log > previous && m.log < own:
			settled = []any{m.value} // the last
		case !before && m.log > own && m.log < next && len(settled) == 0:
			settled = []any{m.value} // the first
		}
	}
	return settled
}

// indexed is a transfer with the index of its log.
type indexed struct {
	log   int32
	value map[string]any
}

// movesOf are all the tokens that a transaction moved.
func movesOf(raw *markets.Raw, checksums address.Checksums) (all []indexed) {
	t := transfers{checksums: checksums}
	for i := range raw.ReceiptLogs {
		l := &raw.ReceiptLogs[i]
		if len(l.Topics) == 0 || len(t.moved) > expression.MaxValues {
			continue
		}
		t.add(l)
		for _, m := range t.moved[len(all):] {
			all = append(all, indexed{l.Index, m.(map[string]any)})
		}
	}
	return all
}
