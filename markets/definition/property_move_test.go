package definition

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/drawn"
)

// Any definition on Aptos with any events, as on EVM chains.
func TestAnyMoveDefinitionAndEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { decodeMoveEvents(t) })
}

// decodeMoveEvents draws a definition and events on Aptos, and decodes them.
func decodeMoveEvents(t *rapid.T) outcomes {
	text := "market: any\nkind: aptos\nchains:\n  one: {chainId: 1, account: \"0x5\"}\ntypes: |" + drawn.Move +
		"\nstreams:\n  s:\n    - handle: m::R/events\n      event: m::E\n" + drawOutcomes(t)
	m, sound := parseAny(t, text)
	if !sound {
		return outcomes{}
	}
	var raws []markets.Raw
	for i := range rapid.IntRange(1, 3).Draw(t, "events") {
		data, _ := drawn.MoveEvent(t)
		raws = append(raws, markets.Raw{
			Position: markets.Position{Height: int64(i)}, Type: rapid.SampledFrom([]string{ownType, ownType, ownType, ownType, ownType, ownType, "0x6::m::E", "nothing", ""}).Draw(t, "type"),
			JSON: spoiltJSON(t, data), Ledger: &markets.AptosTransaction{Version: int64(i), Sender: "0x1"},
		})
	}
	return decodeAny(t, m.Streams[0], raws, text)
}

// ownType is the type of the market's events.
var ownType = "0x" + strings.Repeat("0", 63) + "5::m::E"

// spoiltJSON is an event's data with a field taken away, of another form, or cut off; or
// as it is.
func spoiltJSON(t *rapid.T, data map[string]any) json.RawMessage {
	var names []string
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(t, "field")
	how := rapid.IntRange(0, 7).Draw(t, "spoilt")
	switch how {
	case 0:
		delete(data, name)
	case 1:
		data[name] = rapid.SampledFrom([]any{nil, "", "x", -1, 1e300, true, []any{}, []any{nil}, map[string]any{}, map[string]any{"vec": 1},
			map[string]any{"inner": nil}, strings.Repeat("9", 400), strings.Repeat("0x", 9)}).Draw(t, "other")
	case 2:
		deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
		data[name] = json.RawMessage(deep)
	}
	text, err := json.Marshal(data)
	if err != nil { // JSON that is too deep to be written
		return json.RawMessage(strings.Repeat("[", 20_000))
	}
	if how == 3 {
		text = text[:rapid.IntRange(0, len(text)-1).Draw(t, "length")]
	}
	return text
}
