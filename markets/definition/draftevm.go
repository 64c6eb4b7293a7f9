package definition

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/imart/event-worker/markets"
)

// draftEVM drafts a contract's events. unread are declarations that could not be read.
func draftEVM(name, address string, events []*event, unread []string) []byte {
	var b bytes.Buffer
	if address == "" {
		address = nowhere
	}
	fmt.Fprintf(&b, draftHead, name, markets.EVM)
	fmt.Fprintf(&b, "  ethereum: # a name for people\n    chainId: 1\n    start: 0 # the block that the contract was made in\n    contracts:\n      main: %q\n\nabi: |\n", address)
	events, left := withoutPlumbing(events)
	slices.SortFunc(events, func(a, b *event) int { return strings.Compare(a.signature(), b.signature()) })
	named := map[string]int{}
	for _, e := range events {
		fmt.Fprintf(&b, "  %s\n", declaration(e))
		named[e.RawName]++
	}
	if len(left) > 0 {
		fmt.Fprintf(&b, "\n# Left out: %s.\n", strings.Join(left, ", "))
	}
	for _, reason := range unread {
		fmt.Fprintf(&b, "\n# Not read, put it into abi by hand: %s\n", reason)
	}
	groups := map[string][]string{}
	for _, e := range events {
		var fields []drafted
		for _, f := range e.fields {
			fields = append(fields, drafted{f.Name, solidityKind(f)})
		}
		title := e.RawName
		if named[title] > 1 {
			title = e.signature()
		}
		g := guessOf(e.RawName, fields)
		var one bytes.Buffer
		fmt.Fprintf(&one, "    - event: %s\n      becomes:\n", title)
		writeOutcome(&one, e.RawName, g, fields, "emitter", "coin")
		groups[g.stream] = append(groups[g.stream], one.String())
	}
	writeStreams(&b, groups)
	return b.Bytes()
}

// declaration is an event as Solidity declares it.
func declaration(e *event) string {
	parts := make([]string, len(e.fields))
	for i, f := range e.fields {
		parts[i] = declared(f.Type)
		if f.Indexed {
			parts[i] += " indexed"
		}
		parts[i] += " " + f.Name
	}
	return "event " + e.RawName + "(" + strings.Join(parts, ", ") + ")"
}

// declared is a type as Solidity declares it, tuples with the names of their fields.
func declared(t abi.Type) string {
	switch t.T {
	case abi.SliceTy:
		return declared(*t.Elem) + "[]"
	case abi.ArrayTy:
		return fmt.Sprintf("%s[%d]", declared(*t.Elem), t.Size)
	case abi.TupleTy:
		parts := make([]string, len(t.TupleElems))
		for i, e := range t.TupleElems {
			parts[i] = declared(*e) + " " + t.TupleRawNames[i]
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	return t.String()
}

func solidityKind(f abi.Argument) kind {
	switch t := f.Type; {
	case f.Indexed && hashed(t):
		return isText
	case t.T == abi.IntTy || t.T == abi.UintTy:
		return isNumber
	case t.T == abi.BoolTy:
		return isBoolean
	case t.T == abi.SliceTy || t.T == abi.ArrayTy:
		return isList
	case t.T == abi.TupleTy:
		return isStruct
	}
	return isText
}

var (
	comments     = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	declarations = regexp.MustCompile(`\bevent\s+[\w$]+\s*\([^;{}]*\)[\s\w]*(;|$)`)
)

// eventsIn are the events that a source in Solidity declares, each once, and why others
// could not be read: the source may have names for types that stand elsewhere.
func eventsIn(source string) (events []*event, unread []string) {
	source = comments.ReplaceAllString(source, " ")
	known := map[string]bool{}
	for _, text := range declarations.FindAllString(source, -1) {
		text = strings.Join(strings.Fields(text), " ")
		found, err := parseEvents(text)
		switch {
		case err != nil && len(unread) < 100:
			unread = append(unread, fmt.Sprintf("%.200s (%.200s)", text, err))
		case err == nil && !known[found[0].signature()]:
			known[found[0].signature()] = true
			events = append(events, found[0])
		}
	}
	return events, unread
}
