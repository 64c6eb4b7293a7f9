package definition

import (
	"errors"

	"github.com/expr-lang/expr/types"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/tokens"
)

// window reads which transfers of an event's transaction a source sees.
func (p *parsing) window(n *yamlfile.Node) (w tokens.Window) {
	switch {
	case n.IsText():
		switch n.Text() {
		case "true", "false":
		case "after":
			w = tokens.Window{Since: tokens.Event(), Until: tokens.SameKind()}
		case "transaction":
			w = tokens.Window{Since: tokens.Transaction(), Until: tokens.Transaction()}
		default:
			n.Add("write true, after, transaction, or {since: …, until: …}")
		}
	case n != nil:
		w = tokens.Window{Since: p.edge(n.Child("since"), "previous"), Until: p.edge(n.Child("until"), "next")}
		if w.IsEmpty() {
			n.Add("nothing is between the event and itself: until: next")
		}
	}
	return w
}

// edge reads where a window begins or ends. sameKind is the word for another event of the
// source's kind.
func (p *parsing) edge(n *yamlfile.Node, sameKind string) tokens.Edge {
	switch n.Text() {
	case "":
		return tokens.Edge{}
	case "event":
		return tokens.Event()
	case "transaction":
		return tokens.Transaction()
	case sameKind:
		return tokens.SameKind()
	}
	event, ok := p.findEvent(n)
	if !ok {
		return tokens.Edge{}
	}
	return tokens.Another(event.ID)
}

// envelopeNames are what a source can see of its event's transaction, unless fields of the
// event have the names.
var envelopeNames = types.Map{"sender": types.String, "value": expression.NumberType}

// usesEnvelope says whether expressions of the source depend on the sender or the value of
// the transaction.
func (src *source) usesEnvelope() bool {
	fields := src.event.Types()
	for name := range envelopeNames {
		if _, isField := fields[name]; src.used[name] && !isField {
			return true
		}
	}
	return false
}

var errNoEnvelope = errors.New("the transaction's sender and value are not known: they were not asked for when the event was read; rewind the stream")

// readEnvelope sets the names of the transaction.
func (b *boundSource) readEnvelope(w *workspace, raw *markets.Raw, into expression.Values) error {
	if raw.Envelope == nil {
		return errNoEnvelope
	}
	into["sender"] = w.checksums.Of(raw.Envelope.Sender)
	if !b.used["value"] {
		return nil
	}
	value, err := uint256.FromDecimal(string(raw.Envelope.Value))
	if err != nil {
		return errNoEnvelope
	}
	into["value"] = expression.NumberOf(value.ToBig())
	return nil
}
