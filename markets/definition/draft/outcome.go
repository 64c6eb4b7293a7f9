package draft

import (
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// becomes is the market event that an event becomes, as YAML.
func (e event) becomes(kind markets.Kind) string {
	if kind == markets.Recorded {
		return e.record()
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "        "+format+"\n", args...) }
	line("kind: %s", kind)
	line("order: '\"\" + %s'", e.key())
	maker, taker := e.parties(kind.Side())
	if maker != "" {
		line("maker: %s", maker)
	}
	if taker != "" && taker != maker {
		line("taker: %s", taker)
	}
	collection, token := e.collection(), e.token()
	switch {
	case collection != "" && token != "" && collection != maker:
		line("token: {collection: %s, id: %s}", collection, token)
	case token != "" && e.emitter != "":
		line("token: {collection: %s, id: %s}", e.emitter, token)
	case token != "":
		line("token: {id: %s}", token)
	}
	if quantity := e.find(expression.NumberKind, "quantity", "amount", "count"); quantity != "" {
		line("quantity: %s", quantity)
	}
	if price := e.find(expression.NumberKind, "price", "value", "cost"); price != "" {
		line("price: %s", price)
		line("currency: %s", e.currency)
	}
	return b.String()
}

// record is the record that an event becomes, with all of its fields. The first field is
// its key.
func (e event) record() string {
	var b strings.Builder
	key := `"all"`
	if len(e.fields) > 0 && (e.fields[0].kind == expression.NumberKind || e.fields[0].kind == expression.TextKind) {
		key = e.fields[0].name
	}
	fmt.Fprintf(&b, "        kind: recorded\n        record:\n          type: %s\n          key: '%s'\n", shortName(e.name), key)
	if len(e.fields) > 0 {
		b.WriteString("          fields:\n")
	}
	for _, f := range e.fields {
		if f.of == "" {
			fmt.Fprintf(&b, "            %s: %s\n", f.name, f.name)
		}
	}
	return b.String()
}
