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

// maxField limits the value of a form field, in bytes; filters have their own limit.
const maxField = 300

// sortings are the sort orders of the list; the first one is the default.
var sortings = []struct{ Value, Label string }{
	{"-last.height", "latest change"},
	{"-listedAt", "newest listing"},
	{"unitPrice", "lowest price"},
	{"-unitPrice", "highest price"},
	{"expiresAt", "first to expire"},
	{"-anomalies", "most anomalies"},
}

// orderForm is the content of the form above the list.
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
	Later    bool   // whether this is not the first page
	First    string // the path of the first page
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
	if !q.Has("chain") && len(list.Chains) > 0 { // heights of different chains cannot be compared
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

// address returns an address as documents have it: EIP-55 on EVM chains.
func address(text string) string {
	text = strings.TrimSpace(text)
	if common.IsHexAddress(text) {
		return common.HexToAddress(text).Hex()
	}
	return text
}

// condition returns the condition on orders of the form.
func (f orderForm) condition(r *http.Request, docs persistence.Querier) (persistence.Condition, error) {
	out := persistence.And{}
	for _, field := range []struct{ path, value string }{
		{"chain", f.Chain}, {"market", f.Market}, {"status", f.Status}, {"side", f.Side},
		{"token.collection", f.Collection}, {"maker", f.Maker},
	} {
		if field.value != "" {
			out = append(out, persistence.Equals(field.path, field.value[:min(len(field.value), maxField)]))
		}
	}
	if f.Fillable {
		out = append(out, persistence.Equals("fillable.answer", string(markets.Yes)))
	}
	filter, err := documents.ParseFilter(persistence.Orders, f.Filter)
	if err != nil {
		return nil, err
	}
	if finality.Named(filter.Condition) {
		horizon, err := finality.Read(r.Context(), docs, persistence.Orders)
		if err != nil {
			return nil, err
		}
		if filter, err = horizon.Filter(filter); err != nil {
			return nil, err
		}
	}
	if filter.Condition != nil {
		out = append(out, filter.Condition)
	}
	return out, nil
}

// list returns the list of orders, sorted according to the form. Its cursors are bound to
// the form.
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

// errCursor means that a cursor does not belong to the list.
var errCursor = errors.New("this page is not part of the list: go back to the first page")

// names returns the names of all chains and of all markets.
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
