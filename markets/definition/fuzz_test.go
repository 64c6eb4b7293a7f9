package definition

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// Whatever a definition is: its problems have places, or it can be put on a chain.
func FuzzParse(f *testing.F) {
	builtIn, err := fs.Glob(os.DirFS("../catalogue"), "*.yaml")
	if err != nil || len(builtIn) == 0 {
		f.Fatal(len(builtIn), err)
	}
	for _, name := range builtIn {
		text, err := os.ReadFile("../catalogue/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for seed := range 10 {
		f.Add([]byte(rapid.Custom(drawDefinition).Example(seed)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(Source{File: "any.yaml", Text: text, Files: fstest.MapFS{}})
		if err != nil {
			problems, ok := err.(Problems)
			if !ok || len(problems) == 0 || problems[0].Line < 1 || problems[0].Column < 1 {
				t.Fatalf("a problem without its place: %v", err)
			}
			return
		}
		_, _ = d.Streams(), d.EventNames()
		for _, c := range d.Chains {
			_, _ = d.On(Site{ChainID: c.ID})
		}
	})
}
