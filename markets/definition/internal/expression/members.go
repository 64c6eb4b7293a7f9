package expression

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// errChain ends a chain such as a?.b.c whose a is nil.
var errChain = errors.New("a chain ended")

func (c *compiler) chain(n *ast.ChainNode) (code, error) {
	inner, err := c.compile(n.Node)
	if err != nil {
		return code{}, err
	}
	return code{inner.shape.orNil(), func(f *frame) (any, error) {
		value, err := inner.run(f)
		if errors.Is(err, errChain) {
			return nil, nil
		}
		return value, err
	}, inner.constant, nil}, nil
}

func (c *compiler) member(n *ast.MemberNode) (code, error) {
	base, err := c.compile(n.Node)
	if err != nil {
		return code{}, err
	}
	get := func(f *frame) (any, error) {
		value, err := base.run(f)
		switch {
		case err == nil && value == nil && n.Optional:
			return nil, errChain
		case err == nil && value == nil:
			return nil, errNothing
		}
		return value, err
	}
	switch {
	case base.shape.values != nil:
		return c.lookup(n, base, get)
	case base.shape.kind == StructKind:
		return c.field(n, base, get)
	case base.shape.kind == ListKind:
		return c.elementAt(n, base, get)
	}
	return c.fail(n, "is of a %s: only structs have fields, and lists elements", base.shape)
}

func (c *compiler) field(n *ast.MemberNode, base code, get func(*frame) (any, error)) (code, error) {
	property, ok := n.Property.(*ast.StringNode)
	if !ok {
		return c.fail(n, "a field is chosen by its name, like .price")
	}
	name := property.Value
	s, ok := base.shape.fields[name]
	if !ok {
		return c.fail(n, "unknown field %s: there are %s", name, strings.Join(slices.Sorted(maps.Keys(base.shape.fields)), ", "))
	}
	return code{shape: s, run: func(f *frame) (any, error) {
		value, err := get(f)
		if errors.Is(err, errNothing) {
			err = fmt.Errorf("cannot fetch %s: %w", name, err)
		}
		if err != nil {
			return nil, err
		}
		return value.(map[string]any)[name], nil
	}}, nil
}

// lookup is a value of a table, such as resources[address]; nil if the table has no such key.
func (c *compiler) lookup(n *ast.MemberNode, base code, get func(*frame) (any, error)) (code, error) {
	key, err := c.compile(n.Property)
	if err != nil {
		return code{}, err
	}
	if dotted := n.Location() == n.Property.Location(); dotted || key.shape.kind != TextKind {
		return c.fail(n, "values are found by a text in brackets, such as [seller]")
	}
	return code{shape: base.shape.values.orNil(), run: func(f *frame) (any, error) {
		table, err := get(f)
		if err != nil {
			return nil, err
		}
		name, err := f.text(key)
		if err != nil {
			return nil, err
		}
		return table.(map[string]any)[name], nil
	}}, nil
}

func (c *compiler) elementAt(n *ast.MemberNode, base code, get func(*frame) (any, error)) (code, error) {
	index, err := c.compile(n.Property)
	if err != nil {
		return code{}, err
	}
	if index.shape.kind != NumberKind {
		return c.fail(n, "elements are chosen by a number, not a %s", index.shape)
	}
	if base.shape.element == nil {
		return c.fail(n, "the list is always empty")
	}
	if err := c.checkIndex(n.Property, index.numbers); err != nil {
		return code{}, err
	}
	return code{shape: base.shape.element, run: func(f *frame) (any, error) {
		value, err := get(f)
		if err != nil {
			return nil, err
		}
		at, err := f.number(index)
		if err != nil {
			return nil, err
		}
		list := value.([]any)
		i := at.n.Int64()
		if i < 0 {
			i += int64(len(list)) // from the end
		}
		if !at.n.IsInt64() || i < 0 || i >= int64(len(list)) {
			return nil, fmt.Errorf("there is no element %.40s: the list has %d", at, len(list))
		}
		return list[i], nil
	}}, nil
}

// slice is a part of a list or text: a[from:to]. What is beyond its end is left out.
func (c *compiler) slice(n *ast.SliceNode) (code, error) {
	base, err := c.compile(n.Node)
	if err != nil {
		return code{}, err
	}
	if base.shape.kind != ListKind && base.shape.kind != TextKind {
		return c.fail(n, "is a %s: only lists and texts have parts", base.shape)
	}
	bound := [2]*code{}
	for i, limit := range []ast.Node{n.From, n.To} {
		if limit == nil {
			continue
		}
		compiled, err := c.compile(limit)
		if err != nil {
			return code{}, err
		}
		if compiled.shape.kind != NumberKind {
			return c.fail(limit, "is a %s where a number is needed", compiled.shape)
		}
		bound[i] = &compiled
	}
	return code{shape: base.shape.present(), run: func(f *frame) (any, error) {
		value, err := f.value(base)
		if err != nil {
			return nil, err
		}
		if list, ok := value.([]any); ok {
			from, to, err := f.bounds(bound, len(list))
			return list[from:to:to], err
		}
		runes := []rune(value.(string))
		if err := f.spend(len(value.(string))); err != nil {
			return nil, err
		}
		from, to, err := f.bounds(bound, len(runes))
		return string(runes[from:to]), err
	}}, nil
}

// bounds are those of a slice of something of a size.
func (f *frame) bounds(limits [2]*code, size int) (from, to int, err error) {
	at := [2]int{0, size}
	for i, limit := range limits {
		if limit == nil {
			continue
		}
		n, err := f.number(*limit)
		if err != nil {
			return 0, 0, err
		}
		whole := big.NewInt(int64(size))
		if n.n.Sign() < 0 {
			n.n = new(big.Int).Add(n.n, whole)
		}
		switch {
		case n.n.Sign() < 0:
			at[i] = 0
		case n.n.Cmp(whole) > 0:
			at[i] = size
		default:
			at[i] = int(n.n.Int64())
		}
	}
	return min(at[0], at[1]), at[1], nil
}
