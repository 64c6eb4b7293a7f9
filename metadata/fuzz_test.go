package metadata

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// Whatever a document or a data URI contains: it is refused, or kept as a JSON object
// within its bound.
func FuzzDocuments(f *testing.F) {
	for _, text := range []string{`{"name":"a"}`, "\xef\xbb\xbf {\"a\": [1,\n2]}", `["a"]`, "{\"\xff\":1}", `{"a":1}{}`, ""} {
		f.Add([]byte(text))
		f.Add([]byte("application/json," + text))
		f.Add([]byte("application/json;base64," + base64.StdEncoding.EncodeToString([]byte(text))))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		bodies := [][]byte{text}
		if body, err := dataOf(string(text)); err == nil {
			bodies = append(bodies, body)
		}
		for _, body := range bodies {
			kept, err := objectIn(found{}, body)
			if err != nil {
				continue
			}
			var object map[string]any
			if err := json.Unmarshal([]byte(kept.json), &object); err != nil || object == nil || !utf8.ValidString(kept.json) || len(kept.json) > 3*maxBytes {
				t.Fatalf("%d bytes are kept: %v", len(kept.json), err)
			}
		}
	})
}
