package demo

import (
	"fmt"

	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets"
)

// token describes an event's token.
func token(e markets.Event) string {
	t := e.Token
	text := human.Short(t.Collection) + " #" + human.Short(t.ID)
	switch {
	case t.Name != "":
		text = fmt.Sprintf("%q", t.Name)
	case t.ID == "":
		text = "a token of " + human.Short(t.Collection)
	case t.Collection == "":
		text = "token " + human.Short(t.ID)
	}
	if len(e.Bundle) > 1 {
		text = fmt.Sprintf("%d items with %s", len(e.Bundle), text)
	} else if e.Quantity.Known() && e.Quantity != "1" {
		text = string(e.Quantity) + " × " + text
	}
	return text
}
