package definition

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/imart/event-worker/markets"
)

// Draft writes a definition to begin with, out of an EVM contract's ABI or a Move
// module as their JSON is: all events, and for each what its name makes likely. It is
// sound, and wrong where names mislead: people must read it. address is the contract's,
// or that of the module's account.
func Draft(name, address string, text []byte) ([]byte, error) {
	if events, err := parseABI(text); err == nil && len(events) > 0 {
		return draftEVM(name, address, events), nil
	}
	if structs, err := parseModule(text); err == nil {
		return draftAptos(name, address, structs), nil
	}
	return nil, errors.New("neither an ABI with events nor a Move module: want the JSON that an explorer or a node gives of a contract or module")
}

// guess is a draft of what an event becomes.
type guess struct {
	stream string
	kind   markets.Kind
}

// guessOf is what an event's name makes likely. Of nothing it makes a record.
func guessOf(event string) guess {
	name := strings.ToLower(event)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
	}
	ends := has("cancel", "delist", "remove", "withdraw", "nolonger", "unlist")
	sale := has("buy", "bought", "sold", "sale", "purchase", "execut", "match", "fulfil", "fill")
	switch {
	case has("bid", "offer") && has("accept"):
		return guess{"offer-accept", markets.OfferAccepted}
	case has("bid", "offer") && has("reject"):
		return guess{"offer-reject", markets.OfferRejected}
	case has("bid", "offer") && ends:
		return guess{"offer-cancel", markets.OfferCancelled}
	case has("bid", "offer"):
		return guess{"offer", markets.OfferMade}
	case ends:
		return guess{"delist", markets.Delisted}
	case sale && !has("salecreated"):
		return guess{"buy", markets.Bought}
	case has("list", "ask", "salecreated"):
		return guess{"list", markets.Listed}
	}
	return guess{"record-" + plainName(event), markets.Recorded}
}

// plainName is a name as streams and records have them.
func plainName(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	name := b.String()
	return name[:min(len(name), 30)]
}

// drafted is a field of an event: its name and kind.
type drafted struct {
	name string
	kind kind
}

// find is the first field of a kind whose name contains one of the parts, or "".
func find(fields []drafted, k kind, parts ...string) string {
	for _, part := range parts {
		for _, f := range fields {
			if f.kind == k && strings.Contains(strings.ToLower(f.name), part) {
				return f.name
			}
		}
	}
	return ""
}

// outcome writes what an event becomes.
func writeOutcome(b *bytes.Buffer, event string, g guess, fields []drafted, currency string) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "        "+format+"\n", args...) }
	id := find(fields, isNumber, "orderid", "listingid", "offerid", "offer_id", "listing_id", "bidid", "auctionid", "saleid", "itemid")
	if id == "" {
		id = find(fields, isText, "orderhash", "hash", "listing", "bid", "orderid")
	}
	token := find(fields, isNumber, "tokenid", "token_id", "nftid", "punkindex", "assetid")
	if id == "" && token != find(fields, isNumber, "id", "index") {
		id = find(fields, isNumber, "id", "index")
	}
	collection := find(fields, isText, "collection", "nftcontract", "tokenaddress", "nftaddress", "nft", "tokencontract", "token")
	if id == "" && token != "" {
		id = token
		if collection != "" {
			id = fmt.Sprintf(`%s + ":" + %s`, collection, token)
		}
	}
	if g.kind == markets.Recorded || id == "" {
		line("kind: recorded")
		writeRecord(b, event, fields)
		return
	}
	line("kind: %s", g.kind)
	line("order: '\"\" + %s' # the same in a listing, its sale and its cancellation, and in no two orders", id)
	maker, taker := find(fields, isText, "seller", "maker", "owner", "lister", "from"), find(fields, isText, "buyer", "taker", "to", "winner")
	if sideOf(g.kind) == markets.Bid {
		maker, taker = find(fields, isText, "bidder", "buyer", "offerer", "maker", "from"), find(fields, isText, "seller", "taker", "owner", "to")
	}
	if maker != "" {
		line("maker: %s", maker)
	}
	if taker != "" && taker != maker {
		line("taker: %s", taker)
	}
	switch {
	case collection != "" && token != "" && collection != maker:
		line("token: {collection: %s, id: %s}", collection, token)
	case token != "":
		line("token: {id: %s} # and its collection", token)
	}
	if quantity := find(fields, isNumber, "quantity", "amount", "count"); quantity != "" {
		line("quantity: %s", quantity)
	}
	if price := find(fields, isNumber, "price", "value", "cost"); price != "" {
		line("price: %s # the whole sum: multiply it if it is for one unit", price)
		line("currency: %s # or what it is in", currency)
	}
}

func writeRecord(b *bytes.Buffer, event string, fields []drafted) {
	key := `"all"`
	if len(fields) > 0 {
		key = fields[0].name
		if fields[0].kind != isNumber && fields[0].kind != isText {
			key = `"all"`
		}
	}
	fmt.Fprintf(b, "        record:\n          type: %s\n          key: '%s' # what tells it from others of its type\n", plainName(event), key)
	if len(fields) > 0 {
		b.WriteString("          fields:\n")
	}
	for _, f := range fields {
		fmt.Fprintf(b, "            %s: %s\n", f.name, f.name)
	}
}

const draftHead = `# A draft: what each event becomes is guessed from names. Put it right, then
#   event-worker markets check FILE
#   event-worker markets test FILE --tx HASH --endpoint URL
# docs/definitions.md has every field and function.
market: %s
kind: %s
about: what it is, for people
chains:
`

func draftEVM(name, address string, events []*event) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, draftHead, name, markets.EVM)
	fmt.Fprintf(&b, "  ethereum: # a name for people\n    chainId: 1\n    start: 0 # the block that the contract was made in\n    contracts:\n      main: %q\n\nabi: |\n", address)
	slices.SortFunc(events, func(a, b *event) int { return strings.Compare(a.signature(), b.signature()) })
	named := map[string]int{}
	for _, e := range events {
		fmt.Fprintf(&b, "  %s\n", declaration(e))
		named[e.RawName]++
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
		g := guessOf(e.RawName)
		var one bytes.Buffer
		fmt.Fprintf(&one, "    - event: %s\n      becomes:\n", title)
		writeOutcome(&one, e.RawName, g, fields, "coin")
		groups[g.stream] = append(groups[g.stream], one.String())
	}
	writeStreams(&b, groups)
	return b.Bytes()
}

func writeStreams(b *bytes.Buffer, groups map[string][]string) {
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	b.WriteString("\nstreams:\n")
	for _, name := range names {
		fmt.Fprintf(b, "  %s:\n%s", name, strings.Join(groups[name], ""))
	}
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

func draftAptos(name, account string, structs []*structure) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, draftHead, name, markets.Aptos)
	fmt.Fprintf(&b, "  mainnet:\n    chainId: 1 # 2 is the test network\n    account: %q\n\ntypes: |\n", account)
	known := library{}
	for _, s := range structs {
		known.add(s)
		var parts []string
		for _, f := range s.fields {
			parts = append(parts, f.name+": "+f.text)
		}
		fmt.Fprintf(&b, "  struct %s { %s }\n", s.name, strings.Join(parts, ", "))
	}
	groups := map[string][]string{}
	for _, resource := range structs {
		for _, f := range resource.fields {
			inner, ok := strings.CutPrefix(f.text, "0x1::event::EventHandle<")
			s, found := known.find(strings.TrimSuffix(inner, ">"))
			if !ok || !found {
				continue
			}
			var fields []drafted
			for _, m := range s.fields {
				fields = append(fields, drafted{m.name, moveKind(m.text)})
			}
			event := lastName(s.name)
			g := guessOf(event)
			stream := g.stream
			for n := 2; groups[stream] != nil; n++ { // a stream is one handle
				stream = fmt.Sprintf("%s-%d", g.stream, n)
			}
			var one bytes.Buffer
			fmt.Fprintf(&one, "    - handle: %s/%s\n      event: %s\n      becomes:\n", resource.name, f.name, s.name)
			writeOutcome(&one, event, g, fields, `'"0x1::aptos_coin::AptosCoin"'`)
			groups[stream] = []string{one.String()}
		}
	}
	if len(groups) == 0 {
		b.WriteString("\n# The module has no event handles: its events cannot be followed.\nstreams: {}\n")
		return b.Bytes()
	}
	writeStreams(&b, groups)
	return b.Bytes()
}

func moveKind(text string) kind {
	switch t, err := (library{}).typeOf(text, 0); {
	case err != nil:
		return isStruct
	case t.name == "number":
		return isNumber
	case t.name == "bool":
		return isBoolean
	case t.of != nil:
		return isList
	}
	return isText
}
