package markets

import "cmp"

// Position is an event's place in the total order of its chain's events. Positions of all
// streams of a chain can be compared.
type Position struct {
	// Height is the block number, or the ledger version on Aptos.
	Height int64 `json:"height" bson:"height"`
	// Transaction is the transaction's index in its block; 0 on Aptos, where a
	// version is a transaction.
	Transaction int32 `json:"tx" bson:"tx"`
	// Log is the log's index, or the event's index in its transaction on Aptos.
	Log int32 `json:"log" bson:"log"`
	// Sub tells the events apart that one raw event becomes, from 0.
	Sub int32 `json:"sub" bson:"sub"`
}

// Compare orders positions: negative when p comes before q.
func (p Position) Compare(q Position) int {
	return cmp.Or(
		cmp.Compare(p.Height, q.Height),
		cmp.Compare(p.Transaction, q.Transaction),
		cmp.Compare(p.Log, q.Log),
		cmp.Compare(p.Sub, q.Sub),
	)
}

// After says whether p comes after q.
func (p Position) After(q Position) bool { return p.Compare(q) > 0 }
