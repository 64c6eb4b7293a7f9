package linear

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Query is a request for orders of a chain: for one by its _id, or for a page.
type Query struct {
	Path  string // after the node's address
	Chain string
	id    string // empty for a page
	match func(order) bool
	order func(a, b order) int // before _id; may be nil
	limit int
}

// order is an order's document, with the fields that queries need.
type order struct {
	id, text     string
	Status, Side string
	Price        string
	ListedAt     time.Time
	Token        struct{ Collection string }
	Last         struct{ Height int64 }
	price        *big.Int
}

func parseOrder(id, text string) (o order, err error) {
	err = json.Unmarshal([]byte(text), &o)
	o.id, o.text, o.price = id, text, new(big.Int)
	if o.Price != "" {
		if _, ok := o.price.SetString(o.Price, 10); !ok {
			err = fmt.Errorf("the price %q is not a number", o.Price)
		}
	}
	return o, err
}

// ByID returns the query for one order.
func ByID(chain, id string) *Query {
	return &Query{Path: "/orders/" + id, Chain: chain, id: id}
}

const pageSize = 5

// Pages returns the queries for pages of a chain: the orders that have changed last, the
// newest listings, and the cheapest order of a token collection, its floor.
func Pages(chain, collection string) []*Query {
	listing := func(o order) bool { return o.Status == "LISTING" }
	page := func(filter, sort string, limit int) string {
		return fmt.Sprintf("/orders?filter={chain:%%22%s%%22%s}&sort=%s&limit=%d", chain, strings.ReplaceAll(filter, `"`, "%22"), sort, limit)
	}
	return []*Query{
		{
			Path: page("", "-last.height", pageSize), Chain: chain, limit: pageSize,
			match: func(order) bool { return true },
			order: func(a, b order) int { return cmp.Compare(b.Last.Height, a.Last.Height) },
		},
		{
			Path: page(`,status:"LISTING"`, "-listedAt", pageSize), Chain: chain, limit: pageSize, match: listing,
			order: func(a, b order) int { return b.ListedAt.Compare(a.ListedAt) },
		},
		{
			Path:  page(`,status:"LISTING","token.collection":"`+collection+`"`, "price", 1),
			Chain: chain, limit: 1,
			match: func(o order) bool { return listing(o) && o.Token.Collection == collection },
			order: func(a, b order) int { return a.price.Cmp(b.price) },
		},
	}
}

// answer returns the documents that a query must yield.
func (q *Query) answer(orders map[string]order) string {
	if q.id != "" {
		return orders[q.id].text
	}
	var found []order
	for _, o := range orders {
		if q.match(o) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b order) int {
		if q.order != nil {
			if n := q.order(a, b); n != 0 {
				return n
			}
		}
		return cmp.Compare(a.id, b.id)
	})
	var texts []string
	for _, o := range found[:min(len(found), q.limit)] {
		texts = append(texts, o.text)
	}
	return strings.Join(texts, "\n")
}

// Page reports whether the query is for a page.
func (q *Query) Page() bool { return q.id == "" }
