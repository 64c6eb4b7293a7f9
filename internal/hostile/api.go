package hostile

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Streams is an attack by readers of the feed that do not read.
func Streams(many int) Attack {
	return Attack{"streams without readers", func(t testing.TB, to Target, _ string) Release {
		t.Helper()
		return to.hold(t, many, to.request("GET", "/feed")+"\r\n")
	}}
}

// Queries are requests to the API that are beyond its bounds.
func Queries(to Target) []Shape {
	bad := []int{http.StatusBadRequest}
	query := func(name, parameter, value string) Shape {
		return Shape{name, to.request("GET", "/orders?"+parameter+"="+url.QueryEscape(value), "Connection: close") + "\r\n", bad}
	}
	const size = 15_000 // each sign takes three in a URL
	other := to
	other.Host = "attacker.example"
	return []Shape{
		query("a deep filter", "filter", strings.Repeat(`{$and:[`, size/7)),
		query("a filter of many conditions", "filter", "{$or:["+strings.Repeat("{maker:1},", size/10)+"{}]}"),
		query("a filter of a long path", "filter", `{"`+strings.Repeat("a.", size/2)+`b":1}`),
		query("a filter of a long number", "filter", `{price:`+strings.Repeat("9", size)+`}`),
		query("a filter that does not end", "filter", `{maker:"`+strings.Repeat("\\", size)),
		query("many fields to sort by", "sort", strings.Repeat("-price,", size/7)+"price"),
		query("a cursor of deep JSON", "cursor", base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("[", size)))),
		query("a limit beyond integers", "limit", "99999999999999999999"),
		{"many parameters", to.request("GET", "/orders?"+strings.Repeat("limit=1&", 7_000), "Connection: close") + "\r\n", bad},
		{"another host", other.request("GET", "/orders", "Connection: close") + "\r\n", []int{http.StatusForbidden}},
		{"a change without a token", to.request("POST", "/requests", "Content-Length: 1000000000") + "\r\n{", []int{http.StatusForbidden}},
	}
}
