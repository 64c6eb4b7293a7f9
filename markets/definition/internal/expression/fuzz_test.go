package expression

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// Whatever an expression is: it is refused, at a column within it, or has a value of its
// type or fails for a documented reason, and each time the same.
func FuzzCompile(f *testing.F) {
	drawnText := rapid.Custom(func(t *rapid.T) string {
		kind := rapid.SampledFrom([]string{"n", "t", "b", "ns", "ts", "p", "ps", "n?", "p?"}).Draw(t, "kind")
		return drawExpression(t, kind, 2)
	})
	values := rapid.Custom(drawValues).Example(1)
	for seed := range 40 {
		f.Add(drawnText.Example(seed))
	}
	scope := everything.Decoding(fakeABI)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := scope.Compile(text)
		if located, ok := errors.AsType[CompileError](err); ok && (located.Column < 0 || located.Column > len(text)) {
			t.Fatalf("column %d of %d: %v", located.Column, len(text), err)
		}
		if err != nil {
			return
		}
		evaluator := NewEvaluator()
		value, err := evaluator.Evaluate(e, values)
		again, errAgain := evaluator.Evaluate(e, values)
		switch {
		case (err == nil) != (errAgain == nil) || err == nil && KindOfValue(value) != KindOfValue(again):
			t.Fatalf("%v, %v, then %v, %v", value, err, again, errAgain)
		case err != nil && !documented.MatchString(err.Error()):
			t.Fatal(err)
		case err == nil:
			if reason := misfit(value, e.code.shape); reason != "" {
				t.Fatalf("%v is not a %s: %s", value, e.code.shape, reason)
			}
		}
	})
}
