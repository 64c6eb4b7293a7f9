package definition

import (
	"errors"
	"fmt"
	"slices"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// standard is a token's: a word, or computed.
type standard struct {
	word     string
	computed *expression.Expression
}

// standardsOf are the words for the standards of tokens on a kind of chain.
func standardsOf(kind markets.ChainKind) []string {
	if kind == markets.Aptos {
		return []string{markets.AptosObject, markets.AptosTokenV1}
	}
	return []string{markets.ERC721, markets.ERC1155}
}

// standard reads a word, or an expression whose value is one.
func (p *parsing) standard(n *yamlfile.Node, src *source, sc expression.Scope) standard {
	word, known := n.Text(), standardsOf(p.Kind)
	switch {
	case n == nil || slices.Contains(known, word):
		return standard{word: word}
	case namePattern.MatchString(word) && !sc.Has(word) || spelling.DidYouMean(word, known) != "":
		n.Add("unknown value %q%s: choose %s, or an expression for one of them", word, spelling.DidYouMean(word, known), yamlfile.Either(known))
		return standard{}
	}
	e := p.expression(n, src, sc, expression.TextKind)
	if e != nil {
		if value, ok := e.Constant(); ok && !slices.Contains(known, fmt.Sprint(value)) {
			n.Add("unknown value %q: choose %s", value, yamlfile.Either(known))
		}
	}
	return standard{computed: e}
}

// standard is the word, which must be known if it is computed.
func (f *eventFields) standard(s standard, kind markets.ChainKind) string {
	if s.computed == nil {
		return s.word
	}
	return f.known("token.standard", f.text("token.standard", s.computed), kind)
}

// known is a standard, which must be one of the kind of chain, or empty.
func (f *eventFields) known(field, word string, kind markets.ChainKind) string {
	if known := standardsOf(kind); word != "" && !slices.Contains(known, word) {
		f.fail(field, fmt.Errorf("%.80q is not a standard: there are %s", word, yamlfile.Either(known)))
	}
	return word
}

// bundleFields are what an element of a bundle can have, and whether it must.
var bundleFields = []struct {
	name   string
	needed bool
	kinds  []expression.Kind
}{
	{"collection", true, []expression.Kind{expression.TextKind}},
	{"id", true, []expression.Kind{expression.NumberKind, expression.TextKind}},
	{"quantity", false, []expression.Kind{expression.NumberKind}},
	{"standard", false, []expression.Kind{expression.TextKind}},
}

// checkBundle refuses a list whose elements are not tokens.
func checkBundle(n *yamlfile.Node, list *expression.Expression) {
	if list == nil {
		return
	}
	fields, ok := list.ElementFields()
	if !ok {
		n.Add("is a list of other things than tokens: write something like map(ids, ({collection: emitter, id: #}))")
		return
	}
	for _, want := range bundleFields {
		switch got, ok := fields[want.name]; {
		case !ok && want.needed:
			n.Add("its elements have no %s: a token is {collection, id, standard, quantity}", want.name)
		case ok && !slices.Contains(want.kinds, got):
			n.Add("%s of its elements is a %s, not a %s", want.name, got, want.kinds[0])
		}
	}
}

var errBundleItem = errors.New("an element without a collection or id")

// bundle is a list of tokens. The quantity is 1 where it is not given.
func (f *eventFields) bundle(list *expression.Expression, kind markets.ChainKind) (items []markets.Item) {
	elements, _ := f.value("bundle", list).([]any)
	for _, element := range elements {
		fields, _ := element.(map[string]any)
		collection, ok := fields["collection"].(string)
		if id := fields["id"]; !ok || id == nil {
			f.fail("bundle", errBundleItem)
			return nil
		}
		standard, _ := fields["standard"].(string)
		item := markets.Item{Token: markets.Token{Collection: collection, ID: fmt.Sprint(fields["id"]), Standard: f.known("bundle.standard", standard, kind)}, Quantity: "1"}
		if quantity, ok := expression.Numeric(fields["quantity"]); ok {
			var err error
			if item.Quantity, err = quantity.Amount(); err != nil {
				f.fail("bundle.quantity", err)
			}
		}
		items = append(items, item)
	}
	return items
}
