package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/spelling"
)

// Kind is a kind of fault.
type Kind struct {
	Name    string
	Chain   string // evm, aptos, or any
	Does    string // one sentence
	Methods []string
	Params  []Param // in addition to Common

	build func(params) hooks
}

// Param is a parameter of a fault.
type Param struct {
	Name    string
	Type    string // number, fraction, duration, word, words, numbers or text
	Default any    // int64, float64, time.Duration, string, []string or []int64
	Choices []string
	Means   string
}

// Kinds returns all faults, grouped by family.
func Kinds() []Kind {
	return slices.Concat(refusalKinds(), statusKinds(), batchKinds(), rateKinds(), lieKinds(), stateKinds(), backendKinds(),
		forkKinds(), fieldKinds(), bodyKinds(), aptosKinds(), webSocketKinds())
}

// Common returns the parameters that every fault has.
func Common() []Param {
	return []Param{
		{Name: "methods", Type: typeWords, Default: []string(nil), Means: "the methods that it affects, instead of those in the table; none: all"},
		{Name: "chance", Type: typeFraction, Default: 1.0, Means: "how likely it is, from 0 to 1"},
		{Name: "skip", Type: typeNumber, Default: int64(0), Means: "how many of the same calls are spared first"},
		{Name: "first", Type: typeNumber, Default: int64(0), Means: "how many of the same calls after those it affects; 0: all"},
		{Name: "same", Type: typeWord, Default: sameCall, Choices: []string{sameCall, sameBlock, sameMethod, sameAll}, Means: "which calls count as the same: equal ones, those of a method about the same blocks, those of a method, or all"},
		{Name: "decide", Type: typeWord, Default: decideEach, Choices: []string{decideEach, decideRequest, decideOnce}, Means: "whether chance decides for each call, for all calls of a request together, or once for the same calls"},
		{Name: "from", Type: typeNumber, Default: int64(-1), Means: "the first block or ledger version that it affects"},
		{Name: "to", Type: typeNumber, Default: int64(-1), Means: "the last block or ledger version that it affects"},
		{Name: "wider", Type: typeNumber, Default: int64(0), Means: "affects only ranges of more blocks than this"},
		{Name: "after", Type: typeDuration, Default: time.Duration(0), Means: "how long after the start it begins"},
		{Name: "lasts", Type: typeDuration, Default: time.Duration(0), Means: "how long it lasts; 0: for ever"},
	}
}

const (
	maxNumber   = 1 << 53
	maxDuration = 24 * time.Hour
)

// The types of parameters.
const (
	typeNumber   = "number"
	typeFraction = "fraction"
	typeDuration = "duration"
	typeWord     = "word"
	typeWords    = "words"
	typeNumbers  = "numbers"
)

func number(name string, otherwise int64, means string) Param {
	return Param{Name: name, Type: typeNumber, Default: otherwise, Means: means}
}

func duration(name string, otherwise time.Duration, means string) Param {
	return Param{Name: name, Type: typeDuration, Default: otherwise, Means: means}
}

func word(name, otherwise, means string, choices ...string) Param {
	return Param{Name: name, Type: typeWord, Default: otherwise, Means: means, Choices: choices}
}

// parameters returns all parameters of a kind.
func (k *Kind) parameters() []Param {
	common := Common()
	for i := range common {
		if common[i].Name == "methods" {
			common[i].Default = k.Methods
		}
	}
	return slices.Concat(k.Params, common)
}

// kind finds a kind of fault by its name.
func kind(name string) (*Kind, bool) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return nil, false
	}
	return &kinds[i], true
}

// params are the values of all of a fault's parameters, with the right types.
type params map[string]any

func (p params) number(name string) int64           { return p[name].(int64) }
func (p params) fraction(name string) float64       { return p[name].(float64) }
func (p params) duration(name string) time.Duration { return p[name].(time.Duration) }
func (p params) word(name string) string            { return p[name].(string) }
func (p params) words(name string) []string         { return p[name].([]string) }
func (p params) numbers(name string) []int64        { return p[name].([]int64) }

// Fault is a fault in a profile. Missing parameters have their defaults.
type Fault struct {
	Name   string
	Params map[string]any
}

// check adds the defaults and validates a fault's parameters.
func (f Fault) check() (*Kind, params, error) {
	k, ok := kind(f.Name)
	if !ok {
		return nil, nil, fmt.Errorf("unknown fault %q", f.Name)
	}
	p := params{}
	known := k.parameters()
	for _, param := range known {
		v, given := f.Params[param.Name]
		if n, ok := v.(int); ok {
			v = int64(n)
		}
		if !given {
			p[param.Name] = param.Default
			continue
		}
		if fmt.Sprintf("%T", v) != fmt.Sprintf("%T", param.Default) {
			return nil, nil, fmt.Errorf("fault %s: %s is a %T, want a %T", f.Name, param.Name, v, param.Default)
		}
		if problem := param.problem(v); problem != "" {
			return nil, nil, fmt.Errorf("fault %s: %s: %s", f.Name, param.Name, problem)
		}
		p[param.Name] = v
	}
	for name := range f.Params {
		if !slices.ContainsFunc(known, func(p Param) bool { return p.Name == name }) {
			return nil, nil, fmt.Errorf("fault %s has no parameter %q", f.Name, name)
		}
	}
	return k, p, nil
}

// problem describes what is wrong with a value of the right type; empty if it is valid.
func (p Param) problem(v any) string {
	switch v := v.(type) {
	case int64:
		if v < 0 || v > maxNumber {
			return fmt.Sprintf("\"%d\": want a whole number that is not negative", v)
		}
	case float64:
		if !(v >= 0 && v <= 1) {
			return fmt.Sprintf("\"%v\": want a number from 0 to 1", v)
		}
	case time.Duration:
		if v < 0 || v > maxDuration {
			return fmt.Sprintf("%q: want a duration of at most 24h, such as 500ms, 5s or 1m30s", v)
		}
	case string:
		if len(p.Choices) > 0 && !slices.Contains(p.Choices, v) {
			return fmt.Sprintf("unknown value %q%s: choose among %s", v, spelling.DidYouMean(v, p.Choices), strings.Join(p.Choices, ", "))
		}
	case []string:
		for _, one := range v {
			if problem := p.problem(one); problem != "" {
				return problem
			}
		}
	case []int64:
		for _, one := range v {
			if problem := p.problem(one); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// String describes a parameter with its default and, if they are few, its other choices.
func (p Param) String() string {
	const few = 4
	var otherwise string
	switch v := p.Default.(type) {
	case []string:
		otherwise = strings.Join(v, ", ")
	case []int64:
		otherwise = strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ", "), "[]")
	case time.Duration:
		otherwise = strings.Replace(strings.Replace(v.String(), "m0s", "m", 1), "h0m", "h", 1)
	default:
		otherwise = fmt.Sprint(v)
	}
	if p.Type == typeWord && len(p.Choices) > 1 && len(p.Choices) <= few {
		others := slices.DeleteFunc(slices.Clone(p.Choices), func(choice string) bool { return choice == otherwise })
		otherwise += "; or " + strings.Join(others, ", ")
	}
	if otherwise == "" {
		return p.Name
	}
	return p.Name + " (" + otherwise + ")"
}
