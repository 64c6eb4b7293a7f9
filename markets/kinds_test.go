package markets

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// The lists of kinds, sides and statuses are complete: stores refuse documents with
// others.
func TestListsAreComplete(t *testing.T) {
	for _, list := range []struct {
		file, name string
		values     []string
	}{
		{"event.go", "Kind", texts(Kinds())},
		{"event.go", "Side", texts(Sides())},
		{"order.go", "Status", texts(Statuses())},
	} {
		declared := constants(t, list.file, list.name)
		if !slices.Equal(list.values, declared) {
			t.Errorf("%s lists %q, declared are %q", list.name, list.values, declared)
		}
	}
}

func texts[T ~string](values []T) (out []string) {
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// constants are the values of a file's constants of a type.
func constants(t *testing.T, file, typeName string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName && len(spec.Values) == 1 {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	return values
}
