package devnet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/imart/event-worker/persistence"
)

// Collections are those that the model covers.
var Collections = []string{persistence.Orders, persistence.Activities, persistence.DeadLetters, persistence.Records}

// shown limits how many differences of a collection are printed.
const shown = 5

// Differences compares documents, byte for byte in their JSON form.
func Differences(got, want Contents) []string {
	var all []string
	for _, collection := range Collections {
		var here []string
		g, w := got[collection], want[collection]
		ids := map[string]bool{}
		for id := range g {
			ids[id] = true
		}
		for id := range w {
			ids[id] = true
		}
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			if d := difference(g[id], w[id]); d != "" {
				here = append(here, fmt.Sprintf("%s %s %s", collection, id, d))
			}
		}
		if n := len(here); n > shown {
			here = append(here[:shown], fmt.Sprintf("%s: and %d more, of %d", collection, n-shown, len(w)))
		}
		all = append(all, here...)
	}
	return all
}

// difference describes how a document differs from the model's.
func difference(got, want string) string {
	switch {
	case got == want:
		return ""
	case got == "":
		return "is missing: " + want
	case want == "":
		return "is unexpected: " + got
	}
	var g, w map[string]json.RawMessage
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		return "is " + got + ", want " + want
	}
	fields := map[string]bool{}
	for f := range g {
		fields[f] = true
	}
	for f := range w {
		fields[f] = true
	}
	d := ""
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if string(g[f]) != string(w[f]) {
			d += fmt.Sprintf("\n    %s is %s, want %s", f, orNothing(g[f]), orNothing(w[f]))
		}
	}
	if d == "" {
		return "has the same fields in a different form: " + got + ", want " + want
	}
	return "differs" + d
}

func orNothing(v json.RawMessage) string {
	if v == nil {
		return "nothing"
	}
	return string(v)
}
