package markets

import "encoding/json"

// Bounds of the raw events that activities keep, in bytes of their JSON. As with dead
// letters, an activity fits a document of any store, and those of one transaction together
// are bounded.
const (
	maxKept               = 4 << 20
	maxKeptPerTransaction = 8 << 20
)

// keepRaw gives events of one transaction their raw events. A raw event that is too large is
// kept without its surroundings, and cut if need be (Raw.Left). Of many events that one raw
// event became, only the first has it if it is too large for all.
func keepRaw(events []Event, transaction []Raw) {
	room, shared := min(maxKept, maxKeptPerTransaction/len(transaction)), maxKeptPerTransaction/max(len(events), 1)
	var kept json.RawMessage
	var of Position
	for i := range events {
		raw := rawOf(transaction, events[i].Position)
		switch {
		case kept == nil || raw.Position != of:
			kept, of = raw.form(room), raw.Position
		case len(kept) > shared:
			continue
		}
		events[i].Raw = kept
	}
}

// form is the event's JSON form, of at most room bytes; nil if nothing of it fits.
func (r Raw) form(room int) json.RawMessage {
	for _, form := range []Raw{r, r.Cut(room / 4), r.Cut(0)} {
		if text, err := json.Marshal(form); err == nil && len(text) <= room {
			return text
		}
	}
	return nil
}
