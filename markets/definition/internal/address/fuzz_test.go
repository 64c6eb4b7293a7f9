package address

import (
	"strings"
	"testing"
)

// A text is refused, or has one form, which is that of all of its spellings.
func FuzzAddresses(f *testing.F) {
	f.Add("0xB0B")
	f.Add("0x52908400098527886e0f7030069857d2e4169ee7")
	f.Add("0x" + strings.Repeat("0", 63) + "1")
	f.Fuzz(func(t *testing.T, text string) {
		for name, read := range map[string]func(string) (string, error){"Aptos": Aptos, "EVM": EVM} {
			form, err := read(text)
			if err != nil {
				continue
			}
			for _, spelling := range []string{form, "0x" + strings.ToUpper(form[2:]), "0x" + strings.ToLower(text[2:])} {
				if again, err := read(spelling); err != nil || again != form {
					t.Errorf("%s: %q is %s, but %q is %s, %v", name, text, form, spelling, again, err)
				}
			}
		}
	})
}
