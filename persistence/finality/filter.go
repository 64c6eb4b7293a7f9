package finality

import (
	"errors"
	"slices"

	"github.com/imart/event-worker/persistence"
)

// errCompared means that a filter compares the field other than with true or false.
var errCompared = errors.New(`filter: final is true or false: write {final: true} or {final: false}`)

// Filter is a filter on the collection in which the field stands that documents do not
// have, in terms of what they do have.
func (h Horizon) Filter(f persistence.Filter) (persistence.Filter, error) {
	c, err := h.condition(f.Condition)
	return persistence.Filter{Condition: c}, err
}

// Named says whether a condition names the field.
func Named(c persistence.Condition) bool {
	switch c := c.(type) {
	case persistence.And:
		return slices.ContainsFunc(c, Named)
	case persistence.Or:
		return slices.ContainsFunc(c, Named)
	case persistence.Not:
		return Named(c.Condition)
	case persistence.Exists:
		return c.Path == Field
	case persistence.Compare:
		return c.Path == Field
	}
	return false
}

func (h Horizon) condition(c persistence.Condition) (persistence.Condition, error) {
	if !Named(c) {
		return c, nil
	}
	switch c := c.(type) {
	case persistence.And:
		parts, err := h.conditions(c)
		return persistence.And(parts), err
	case persistence.Or:
		parts, err := h.conditions(c)
		return persistence.Or(parts), err
	case persistence.Not:
		inner, err := h.condition(c.Condition)
		return persistence.Not{Condition: inner}, err
	case persistence.Exists:
		return persistence.And{}, nil // everything is, or is not
	case persistence.Compare:
		final, ok := c.Operand.(bool)
		switch {
		case !ok || c.Operator != persistence.Equal:
			return nil, errCompared
		case final:
			return h.final(), nil
		}
		return persistence.Not{Condition: h.final()}, nil
	}
	return c, nil
}

func (h Horizon) conditions(cs []persistence.Condition) (out []persistence.Condition, err error) {
	for _, c := range cs {
		if c, err = h.condition(c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// final is the condition that a document is final: chain by chain, so that one of
// another chain is soon through.
func (h Horizon) final() persistence.Condition {
	out := persistence.Or{}
	for rest := h.scopes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].chain == rest[0].chain {
			n++
		}
		out = append(out, persistence.And{persistence.Is("chain", rest[0].chain), h.within(rest[:n])})
		rest = rest[n:]
	}
	return out
}

// within is the condition that a document of a chain is final.
func (h Horizon) within(scopes []scope) persistence.Condition {
	other := slices.ContainsFunc(scopes, func(s scope) bool { return s.height != scopes[0].height })
	if !other {
		return h.reached(scopes[0].height)
	}
	out := persistence.Or{}
	for _, s := range scopes {
		part := persistence.And{persistence.Is("market", s.market)}
		if s.stream != "" {
			part = append(part, persistence.Is("stream", s.stream))
		}
		out = append(out, append(part, h.reached(s.height)))
	}
	return out
}

func (h Horizon) reached(height int64) persistence.Condition {
	if height == everything {
		return persistence.And{}
	}
	return persistence.Compare{Path: heights[h.collection], Operator: persistence.LessOrEqual, Operand: height}
}
