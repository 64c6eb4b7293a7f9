package linear

import (
	"encoding/json"
	"fmt"
	"strings"
)

// chainOf returns the chain in a document's _id.
func chainOf(id string) string {
	chain, _, _ := strings.Cut(id, "/")
	return chain
}

// The length of a key in descriptions, and of a document that is neither an order nor an activity.
const (
	briefKey  = 10
	briefText = 60
)

// brief describes documents, one a line, by what changes most.
func brief(answer string) string {
	if answer == "" {
		return "nothing"
	}
	var all []string
	for doc := range strings.Lines(answer) {
		all = append(all, briefDocument(doc))
	}
	return strings.Join(all, ", ")
}

func briefDocument(doc string) string {
	var d struct {
		ID                             string `json:"_id"`
		Status, Kind, Filled, Quantity string
		Last, Position                 struct{ Height, Tx, Log int64 }
	}
	if json.Unmarshal([]byte(doc), &d) != nil || d.Status+d.Kind == "" {
		return cut(strings.TrimSpace(doc), briefText)
	}
	at := d.Last
	if d.Kind != "" {
		at = d.Position
	}
	text := fmt.Sprintf("%s %s at %d.%d.%d", briefID(d.ID), d.Status+d.Kind, at.Height, at.Tx, at.Log)
	if d.Filled != "" {
		text += ", " + d.Filled + " of " + d.Quantity
	}
	return text
}

// briefID returns the beginning of a document's key.
func briefID(id string) string {
	parts := strings.SplitN(id, "/", 3)
	return cut(parts[len(parts)-1], briefKey)
}

func cut(text string, n int) string {
	if len(text) > n {
		return text[:n] + "…"
	}
	return text
}

// summary describes changes.
func summary(changes []Change) string {
	var texts []string
	for _, c := range changes {
		text := briefID(c.ID) + " removed"
		if c.Document != "" {
			text = briefDocument(c.Document)
		}
		texts = append(texts, c.Collection+" "+text)
	}
	return strings.Join(texts, "; ")
}
