package footprint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/footprint"
)

// Wherever a text of a thousand bytes is, it counts, and so does what leads to it.
func TestOf(t *testing.T) {
	text := strings.Repeat("x", 1000)
	type leaf struct{ Text, None string }
	type tree struct {
		Leaf   *leaf
		Leaves []leaf
		Any    any
		Named  map[string]any
		Bytes  []byte
		At     *time.Time
		Number int64
	}
	now := time.Now()
	const bare = 8 + 24 + 16 + 8 + 24 + 8 + 8
	for name, test := range map[string]struct {
		tree tree
		want int64
	}{
		"nothing":     {tree{}, bare},
		"a pointer":   {tree{Leaf: &leaf{Text: text}}, bare + 32 + 1000},
		"a slice":     {tree{Leaves: []leaf{{text, ""}, {"", text}}}, bare + 2*32 + 2000},
		"an any":      {tree{Any: []any{text, 1}}, bare + 24 + 2*16 + 16 + 1000 + 8},
		"a map":       {tree{Named: map[string]any{text: text}}, bare + 16 + 16 + 16 + 16 + 2000},
		"bytes":       {tree{Bytes: []byte(text)}, bare + 1000},
		"a time":      {tree{At: &now}, bare + 24},
		"nested maps": {tree{Named: map[string]any{"": map[string]any{"": text}}}, bare + 48 + 8 + 48 + 16 + 1000},
	} {
		if got := footprint.Of(&test.tree); got != test.want {
			t.Errorf("%s: %d bytes, want %d", name, got, test.want)
		}
	}
}
