package sized

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is added and removed, what is kept fits, its bytes are counted right, and what
// was added last is kept if it fits at all.
func TestSizedKeepsWhatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Int64Range(1, 50).Draw(t, "most")
		c := New[int64](5, most, func(v int64) int64 { return v })
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				key, value := rapid.Int64Range(0, 9).Draw(t, "key"), rapid.SampledFrom([]int64{1, 2, 30}).Draw(t, "value")
				c.Add(key, value)
				if got, ok := c.Get(key); ok != (value <= most) || ok && got != value {
					t.Fatalf("%d of %d bytes: %d, %v", value, most, got, ok)
				}
			},
			"remove": func(t *rapid.T) { c.Remove(rapid.Int64Range(0, 9).Draw(t, "key")) },
			"purge":  func(*rapid.T) { c.Purge() },
			"": func(t *rapid.T) {
				var used int64
				for key := range int64(10) {
					if v, ok := c.kept.Peek(key); ok {
						used += v
					}
				}
				if used != c.used || used > most || c.kept.Len() > 5 {
					t.Fatalf("%d bytes are kept, %d counted, %d allowed", used, c.used, most)
				}
			},
		})
	})
}
