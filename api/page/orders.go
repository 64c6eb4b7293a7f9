package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
	"github.com/imart/event-worker/persistence/paging"
)

// ordersShown is the number of orders on a page.
const ordersShown = 50

// maxField bounds what a viewer writes into a field of a form; filters have a bound of their own.
const maxField = 300

// sortings are the orders in which orders are listed, the first one unless the viewer chooses.
var sortings = []struct{ Value, Label string }{
	{"-last.height", "latest change"},
	{"-listedAt", "newest listing"},
	{"unitPrice", "lowest price"},
	{"-unitPrice", "highest price"},
	{"expiresAt", "first to expire"},
	{"-anomalies", "most anomalies"},
}

// orderForm is what the viewer asks for.
type orderForm struct {
	Chain, Market, Status, Side, Collection, Maker, Filter, Sort string
	Fillable                                                     bool
}

// orderList is a page of orders.
type orderList struct {
	Form     orderForm
	Chains   []string
	Markets  []string
	Statuses []markets.Status
	Sides    []markets.Side
	Sortings any
	Orders   []markets.Order
	Next     string // the path of the next page; empty on the last one
	Later    bool   // this is not the first page
	First    string
}

func (p *Page) orders(r *http.Request) (view, error) {
	q := r.URL.Query()
	form := orderForm{
		Chain: q.Get("chain"), Market: q.Get("market"), Status: q.Get("status"), Side: q.Get("side"),
		Collection: address(q.Get("collection")), Maker: address(q.Get("maker")),
		Filter: strings.TrimSpace(q.Get("filter")), Sort: q.Get("sort"), Fillable: q.Get("fillable") != "",
	}
	list := orderList{Form: form, Statuses: markets.Statuses(), Sides: markets.Sides(), Sortings: sortings, Later: q.Get("after") != ""}
	list.Chains, list.Markets = p.watch.now().names()
	if !q.Has("chain") && len(list.Chains) > 0 { // heights of different chains say nothing to each other
		list.Form.Chain = list.Chains[0]
		form = list.Form
		q.Set("chain", form.Chain)
	}
	v := view{Section: "orders", Title: "Orders", Body: &list}
	q.Del("after")
	list.First = ordersPath + "?" + q.Encode()
	condition, err := form.condition(r, p.opts.Data)
	if err != nil {
		return v, badRequest(err)
	}
	ordered, err := form.list()
	if err != nil {
		return v, badRequest(err)
	}
	after, err := ordered.Place(r.URL.Query().Get("after"))
	if err != nil {
		return v, badRequest(errCursor)
	}
	found, next, err := ordered.Page(r.Context(), p.opts.Data, condition, after, ordersShown)
	if err != nil {
		return v, err
	}
	if next != nil {
		cursor, err := ordered.Cursor(next)
		if err != nil {
			return v, badRequest(err)
		}
		q.Set("after", cursor)
		list.Next = ordersPath + "?" + q.Encode()
	}
	for _, doc := range found {
		var o markets.Order
		if err := json.Unmarshal(doc, &o); err != nil {
			return v, err
		}
		list.Orders = append(list.Orders, o)
	}
	return v, nil
}

// address is an address as the documents have it: of EVM chains with a checksum.
func address(text string) string {
	text = strings.TrimSpace(text)
	if common.IsHexAddress(text) {
		return common.HexToAddress(text).Hex()
	}
	return text
}

// condition is what the form says of orders.
func (f orderForm) condition(r *http.Request, docs persistence.Querier) (persistence.Condition, error) {
	out := persistence.And{}
	for _, is := range []struct{ path, value string }{
		{"chain", f.Chain}, {"market", f.Market}, {"status", f.Status}, {"side", f.Side},
		{"token.collection", f.Collection}, {"maker", f.Maker},
	} {
		if is.value != "" {
			out = append(out, persistence.Equals(is.path, is.value[:min(len(is.value), maxField)]))
		}
	}
	if f.Fillable {
		out = append(out, persistence.Equals("fillable.answer", string(markets.Yes)))
	}
	own, err := documents.ParseFilter(persistence.Orders, f.Filter)
	if err != nil {
		return nil, err
	}
	if finality.Named(own.Condition) {
		horizon, err := finality.Read(r.Context(), docs, persistence.Orders)
		if err != nil {
			return nil, err
		}
		if own, err = horizon.Filter(own); err != nil {
			return nil, err
		}
	}
	if own.Condition != nil {
		out = append(out, own.Condition)
	}
	return out, nil
}

// list are orders in the order of the form, and what they are filtered by.
func (f orderForm) list() (l paging.List, err error) {
	text := f.Sort
	if text == "" {
		text = sortings[0].Value
	}
	l.Of = documents.Of(persistence.Orders)
	if l.Sort, err = documents.ParseSort(persistence.Orders, text); err != nil {
		return l, err
	}
	l.Sort, err = paging.CheckSort(l.Of, l.Sort)
	l.Binding = paging.Binding(l.Of.Name, fmt.Sprintf("%#v", f), l.Sort)
	return l, err
}

// errCursor means that a cursor is not one of this list.
var errCursor = errors.New("this is not a page of this list: go back to the first page")

// names are the chains and the markets that there are.
func (s snapshot) names() (chains, all []string) {
	for _, c := range s.tree {
		chains = append(chains, c.Name)
		for _, m := range c.Markets {
			if !slices.Contains(all, m.Name) {
				all = append(all, m.Name)
			}
		}
	}
	slices.Sort(all)
	return chains, all
}
