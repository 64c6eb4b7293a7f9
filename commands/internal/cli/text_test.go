package cli

import "testing"

func TestQuoted(t *testing.T) {
	for word, want := range map[string]string{"/tmp/a-b_c.d": "/tmp/a-b_c.d", "": "''", "my data": "'my data'", "$HOME": "'$HOME'", "it's": `'it'\''s'`} {
		if got := Quoted(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
