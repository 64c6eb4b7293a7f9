package demo

import (
	"fmt"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/markets"
)

// token is a token in words.
func token(e markets.Event) string {
	t := e.Token
	text := cli.Short(t.Collection) + " #" + cli.Short(t.ID)
	switch {
	case t.Name != "":
		text = fmt.Sprintf("%q", t.Name)
	case t.ID == "":
		text = "a token of " + cli.Short(t.Collection)
	case t.Collection == "":
		text = "token " + cli.Short(t.ID)
	}
	if len(e.Bundle) > 1 {
		text = fmt.Sprintf("%d items with %s", len(e.Bundle), text)
	} else if e.Quantity.Known() && e.Quantity != "1" {
		text = string(e.Quantity) + " × " + text
	}
	return text
}
