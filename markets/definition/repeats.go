package definition

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/imart/event-worker/markets"
)

// withoutRepeats drops what a transaction reports twice: modules that move from event
// handles to module events log each action as both for a while. Of equal market events
// from raw events of several types, those of the type that comes first are kept.
func withoutRepeats(transaction []markets.Raw, events []markets.Event) []markets.Event {
	types := map[int32]string{}
	for _, raw := range transaction {
		types[raw.Position.Log] = raw.Type
	}
	first := map[string]string{}
	return slices.DeleteFunc(events, func(e markets.Event) bool {
		from := types[e.Position.Log]
		e.Position = markets.Position{} // two logs of one action differ in nothing else
		text, err := json.Marshal(e)
		if err != nil {
			return false
		}
		known, repeated := first[string(text)]
		if !repeated {
			first[string(text)] = from
		}
		return repeated && known != from
	})
}

// withDoubtful makes raw events failures that may report the same as one that failed: those
// of other types. Once all of them can be decoded, together, each action is reported once.
func withDoubtful(transaction []markets.Raw, events []markets.Event, failures []markets.Failure) ([]markets.Event, []markets.Failure) {
	failed, doubtful := failures, map[int32]bool{}
	for _, raw := range transaction {
		if slices.ContainsFunc(failed, func(f markets.Failure) bool { return f.Raw.Position == raw.Position }) {
			continue
		}
		if i := slices.IndexFunc(failed, func(f markets.Failure) bool { return f.Raw.Type != raw.Type }); i >= 0 {
			doubtful[raw.Position.Log] = true
			failures = append(failures, markets.Failure{Raw: raw, Reason: fmt.Errorf("it may report the same as event %d, which failed: %w", failed[i].Raw.Position.Log, failed[i].Reason)})
		}
	}
	return slices.DeleteFunc(events, func(e markets.Event) bool { return doubtful[e.Position.Log] }), failures
}
