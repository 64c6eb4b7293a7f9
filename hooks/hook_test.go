package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/matching"
)

func TestSelectedEvents(t *testing.T) {
	sold, err := documents.ParseFilter(persistence.Orders, `{status: "SOLD", price: {$gte: 10}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hook               Hook
		collection, id, is string
		want               string // the type; none if empty
	}{
		{Hook{}, "orders", "ethereum/seaport/1", `{}`, Put},
		{Hook{}, "orders", "ethereum/seaport/1", ``, Removed},
		{Hook{}, "activities", "ethereum/seaport/1", ``, Retracted},
		{Hook{}, "dead_letters", "ethereum/seaport/1", ``, Retracted},
		{Hook{}, "records", "ethereum/seaport/1", `{}`, ""},
		{Hook{}, "", "", ``, ""},
		{Hook{Selection: matching.Selection{Chains: []string{"ethereum"}}}, "orders", "ethereum/seaport/1", `{}`, Put},
		{Hook{Selection: matching.Selection{Chains: []string{"ethereum"}}}, "orders", "ethereum-2/seaport/1", ``, ""},
		{Hook{Selection: matching.Selection{Markets: []string{"seaport"}}}, "orders", "ethereum/seaport/1", ``, Removed},
		{Hook{Selection: matching.Selection{Markets: []string{"seaport"}}}, "orders", "seaport/x/1", `{}`, ""},
		{Hook{Types: []string{Retracted}}, "orders", "ethereum/seaport/1", `{}`, ""},
		{Hook{Types: []string{Retracted}}, "activities", "ethereum/seaport/1", ``, Retracted},
		{Hook{Selection: matching.Selection{Filters: map[string]persistence.Filter{"orders": sold}}}, "orders", "c/m/1", `{"status":"SOLD","price":"9"}`, Removed},
		{Hook{Selection: matching.Selection{Filters: map[string]persistence.Filter{"orders": sold}}, Types: []string{Put}}, "orders", "c/m/1", `{"status":"SOLD","price":"9"}`, ""},
		{Hook{Selection: matching.Selection{Filters: map[string]persistence.Filter{"activities": sold}}}, "activities", "c/m/1", `{"status":"SOLD","price":"9"}`, ""},
		{Hook{Selection: matching.Selection{Filters: map[string]persistence.Filter{"orders": sold}}}, "orders", "c/m/1", `{"status":"SOLD","price":"10"}`, Put},
		{Hook{Selection: matching.Selection{Filters: map[string]persistence.Filter{"orders": sold}}}, "orders", "c/m/1", ``, Removed},
		{Hook{Selection: matching.Selection{Filters: map[string]persistence.Filter{"orders": sold}}}, "activities", "c/m/1", `{}`, Put},
	} {
		c.hook.Collections = []string{persistence.Orders, persistence.Activities, persistence.DeadLetters}
		change := persistence.Change{Collection: c.collection, ID: c.id}
		if c.is != "" {
			change.Document = json.RawMessage(c.is)
		}
		e, wanted := c.hook.event(change)
		if wanted != (c.want != "") || wanted && (e.Type != c.want || (e.Document != nil) != (c.want == Put)) {
			t.Errorf("%+v of %s %s %s: %s, %v, want %q", c.hook, c.collection, c.id, c.is, e.Type, wanted, c.want)
		}
	}
}

// A signature is valid for its secret, body and time only.
func TestSignatures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, secret := rapid.SliceOf(rapid.Byte()), rapid.SliceOfN(rapid.Byte(), 16, 40)
		body, key := text.Draw(t, "body"), secret.Draw(t, "secret")
		at := time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "time"), 0)
		header := Sign(key, body, at)
		if err := Verify(key, header, body, at.Add(time.Minute), time.Minute); err != nil {
			t.Fatal(err)
		}
		_, signature, _ := strings.Cut(header, ",")
		other := append([]byte{0}, body...)
		changed := []byte(header)
		changed[rapid.IntRange(0, len(header)-1).Draw(t, "changed")] ^= 1
		for what, err := range map[string]error{
			"late": Verify(key, header, body, at.Add(time.Minute+time.Second), time.Minute), "early": Verify(key, header, body, at.Add(-2*time.Minute), time.Minute),
			"another body": Verify(key, header, other, at, time.Minute), "another secret": Verify(append(key, 1), header, body, at, time.Minute),
			"another time": Verify(key, fmt.Sprintf("t=%d,%s", at.Unix()+1, signature), body, at, time.Minute),
			"changed":      Verify(key, string(changed), body, at, 1<<62), "nothing": Verify(key, "", body, at, time.Minute),
		} {
			if !errors.Is(err, ErrSignature) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	for text, want := range map[string][2]time.Duration{
		"": {}, "x": {}, "-5": {}, "7": {7 * time.Second, 7 * time.Second}, "999999999": {maxRetryAfter, maxRetryAfter},
		"99999999999999999999": {}, date: {50 * time.Second, time.Minute}, "Mon, 01 Jan 2001 00:00:00 GMT": {}, "Fri, 01 Jan 2999 00:00:00 GMT": {maxRetryAfter, maxRetryAfter},
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got < want[0] || got > want[1] {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
