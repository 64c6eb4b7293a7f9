package expression

import (
	"math/big"

	"github.com/expr-lang/expr/ast"
)

// loop is a function that looks at the elements of a list, one after the other.
type loop struct {
	predicate Kind // what is asked of each element; "" is anything
	optional  bool // the predicate can be left out
	result    func(element, body *shape) *shape
	// step takes the value for one element, and says whether it was the last that counts.
	step func(f *frame, state *loopState, value any) (done bool, err error)
	// end is the result after the last step.
	end func(state *loopState) any
}

type loopState struct {
	list  []any
	count int
	total *big.Int
	found any
}

func ofBoolean(*shape, *shape) *shape     { return boolean }
func ofNumber(*shape, *shape) *shape      { return number }
func ofList(element, _ *shape) *shape     { return listOf(element) }
func ofElement(element, _ *shape) *shape  { return element.orNil() }
func ofBody(_ *shape, body *shape) *shape { return listOf(body) }

// counting stops at the element that decides, if any does.
func counting(stop func(count int, holds bool) bool) func(*frame, *loopState, any) (bool, error) {
	return func(_ *frame, s *loopState, value any) (bool, error) {
		holds := value.(bool)
		if holds {
			s.count++
		} else if s.found == nil {
			s.found = false // one does not hold
		}
		return stop(s.count, holds), nil
	}
}

// loops are the functions with a predicate.
func loops() map[string]loop {
	ifAny := counting(func(count int, _ bool) bool { return count > 0 })
	return map[string]loop{
		"any":  {BooleanKind, false, ofBoolean, ifAny, func(s *loopState) any { return s.count > 0 }},
		"none": {BooleanKind, false, ofBoolean, ifAny, func(s *loopState) any { return s.count == 0 }},
		"all":  {BooleanKind, false, ofBoolean, counting(func(_ int, holds bool) bool { return !holds }), func(s *loopState) any { return s.found == nil }},
		"one":  {BooleanKind, false, ofBoolean, counting(func(count int, _ bool) bool { return count > 1 }), func(s *loopState) any { return s.count == 1 }},
		"count": {BooleanKind, true, ofNumber, counting(func(int, bool) bool { return false }),
			func(s *loopState) any { return Number{big.NewInt(int64(s.count))} }},
		"filter": {BooleanKind, false, ofList, func(f *frame, s *loopState, value any) (bool, error) {
			if value == true {
				s.list = append(s.list, f.element)
				return false, f.spend(valueSize)
			}
			return false, nil
		}, func(s *loopState) any { return s.list }},
		"find": {BooleanKind, false, ofElement, func(f *frame, s *loopState, value any) (bool, error) {
			if value == true {
				s.found = f.element
			}
			return value == true, nil
		}, func(s *loopState) any { return s.found }},
		"map": {"", false, ofBody, func(f *frame, s *loopState, value any) (bool, error) {
			s.list = append(s.list, value)
			return false, f.spend(valueSize)
		}, func(s *loopState) any { return s.list }},
		"sum": {NumberKind, true, ofNumber, func(_ *frame, s *loopState, value any) (bool, error) {
			s.total.Add(s.total, value.(Number).n)
			return false, nil
		}, func(s *loopState) any { return Number{s.total} }},
	}
}

// compileLoop compiles a call such as filter(list, .price > 0).
func compileLoop(name string) func(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	return func(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
		l := loops()[name]
		if len(nodes) != 2 && (len(nodes) != 1 || !l.optional) {
			return c.fail(n, "%s has 2 arguments: a list, and what to ask of each element", name)
		}
		list, err := c.compile(nodes[0])
		if err != nil {
			return code{}, err
		}
		if list.shape.kind != ListKind {
			return c.fail(nodes[0], "%s: is a %s where a list is needed", name, list.shape)
		}
		element := list.shape.element
		if element == nil {
			element = nothing
		}
		body, err := c.body(n, element, nodes[1:])
		if err != nil {
			return code{}, err
		}
		if l.predicate != "" && body.shape.kind != l.predicate && list.shape.element != nil {
			return c.fail(nodes[len(nodes)-1], "%s: is a %s where a %s is needed", name, body.shape, l.predicate)
		}
		return code{shape: l.result(element, body.shape), run: func(f *frame) (any, error) {
			elements, err := f.list(list)
			if err != nil {
				return nil, err
			}
			return f.loop(elements, body, l)
		}}, nil
	}
}

// body compiles what is computed for each element: the element itself if nothing is.
func (c *compiler) body(n ast.Node, element *shape, nodes []ast.Node) (code, error) {
	if len(nodes) == 0 {
		return code{shape: element, run: func(f *frame) (any, error) { return f.element, nil }}, nil
	}
	if c.loops > 0 {
		return c.fail(n, "one loop inside another is not allowed: split the expression, with let")
	}
	outer := c.element
	c.loops, c.element = c.loops+1, element
	defer func() { c.loops, c.element = c.loops-1, outer }()
	node := nodes[0]
	if predicate, ok := node.(*ast.PredicateNode); ok {
		node = predicate.Node
	}
	return c.compile(node)
}

func (f *frame) loop(elements []any, body code, l loop) (any, error) {
	element, index := f.element, f.index // of the loop around, if there is one
	defer func() { f.element, f.index = element, index }()
	state := loopState{list: []any{}, total: new(big.Int)}
	for i, e := range elements {
		if err := f.spend(1); err != nil {
			return nil, err
		}
		f.element, f.index = e, i
		value, err := body.run(f)
		if err == nil && value == nil && l.predicate != "" {
			err = errNothing
		}
		if err != nil {
			return nil, err
		}
		done, err := l.step(f, &state, value)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
	}
	if state.total.BitLen() > maxBits {
		return nil, errTooLarge
	}
	return l.end(&state), nil
}
