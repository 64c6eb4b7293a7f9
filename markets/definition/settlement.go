package definition

import (
	"maps"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
	"github.com/imart/event-worker/markets/definition/internal/tokens"
)

// settlement says which token an event settles a sale of: which transfer of the transaction
// is that sale's is then in transferred.
type settlement struct{ when, collection, id *expression.Expression }

func (p *parsing) settlement(n *yamlfile.Node, src *source, sc expression.Scope) *settlement {
	if n == nil {
		return nil
	}
	if !src.transfers {
		n.Add("transfers: true is missing beside it: the transaction's transfers are not read without")
	}
	return &settlement{
		when:       p.expression(n.Child("when"), src, sc, expression.BooleanKind),
		collection: p.expression(n.Child("collection"), src, sc, expression.TextKind),
		id:         p.expression(n.Child("id"), src, sc, expression.NumberKind),
	}
}

// of is the token that an event with these values settles a sale of; false if it settles none.
func (s *settlement) of(w *workspace, v expression.Values) (collection string, id expression.Number, is bool, err error) {
	if s.when != nil {
		holds, err := w.evaluator.Evaluate(s.when, v)
		if err != nil || holds != true {
			return "", id, false, err
		}
	}
	c, err := w.evaluator.Evaluate(s.collection, v)
	if err != nil {
		return "", id, false, err
	}
	n, err := w.evaluator.Evaluate(s.id, v)
	if err != nil {
		return "", id, false, err
	}
	collection, _ = c.(string)
	id, is = expression.Numeric(n)
	return collection, id, is, nil
}

// transferred is the transfer that belongs to the event with these values: at most one. What
// the contract has logged like it in the transaction, and cannot be read, is no sale.
func (b *boundSource) transferred(w *workspace, raw *markets.Raw, v expression.Values) ([]any, error) {
	collection, id, is, err := b.settlement.of(w, v)
	if err != nil || !is {
		return []any{}, err
	}
	var sales []int32
	for _, l := range raw.ReceiptLogs {
		if l.Address != raw.Address || len(l.Topics) != b.event.Topics || l.Topics[0] != b.event.ID || len(l.Data) < b.event.DataSize() {
			continue
		}
		other := maps.Clone(v)
		if b.readFields(w, &markets.Raw{Address: l.Address, Topics: l.Topics, Data: l.Data}, other) != nil {
			continue
		}
		if c, n, is, err := b.settlement.of(w, other); err == nil && is && c == collection && n.String() == id.String() {
			sales = append(sales, l.Index)
		}
	}
	return tokens.Settlement(raw, sales, collection, id, w.checksums), nil
}

// readFields sets the values of the event's fields.
func (b *boundSource) readFields(w *workspace, raw *markets.Raw, into expression.Values) error {
	r := solidity.NewReader(w.checksums, len(raw.Data))
	for i := range b.fields {
		value, err := b.fields[i].Read(raw, &r)
		if err != nil {
			return err
		}
		into[b.fields[i].Name] = value
	}
	return nil
}
