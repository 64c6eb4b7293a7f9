package documents

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// auctioned is an order with fields that orders do not have.
type auctioned struct {
	Order   `bson:",inline"`
	EndsAt  *time.Time     `json:"endsAt,omitempty" bson:"endsAt,omitempty"`
	Reserve markets.Amount `json:"reserve,omitempty" bson:"reserve,omitempty"`
	Form    string         `json:"form" bson:"form"`
	Bids    []placedBid    `json:"bids,omitempty" bson:"bids,omitempty"`
}

type placedBid struct {
	Maker  string         `json:"maker" bson:"maker"`
	Amount markets.Amount `json:"amount" bson:"amount"`
	At     time.Time      `json:"time" bson:"time"`
}

// auctions declare them: a member above and a line here are all that a field needs.
func auctions() declaration {
	d := orders()
	d.document, d.lines = reflect.TypeFor[auctioned](), maps.Clone(d.lines)
	d.lines["endsAt"] = line{doc: "When the auction ends."}
	d.lines["reserve"] = line{doc: "What must be bid at least."}
	d.lines["form"] = line{doc: "How bids are made.", values: enum("AuctionForm", "ENGLISH", "DUTCH")}
	d.lines["bids"] = line{doc: "The bids so far."}
	return d
}

// A field that is added to a declaration is in all that comes from it.
func TestAnAddedFieldIsEverywhere(t *testing.T) {
	c := auctions().collection()
	all := []Collection{c}
	jsonSchema, err := JSONSchema(all)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := bson.MarshalExtJSON(c.Validator(), false, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []struct {
		what, text string
		parts      []string
	}{
		{"validator", string(validator), []string{
			`"endsAt":{"bsonType":"date","description":"When the auction ends."}`,
			`"reserve":{"bsonType":"string","pattern":"^(0|[1-9][0-9]{0,77})\\z","description":"What must be bid at least."}`,
			`"form":{"bsonType":"string","enum":["ENGLISH","DUTCH"],"description":"How bids are made."}`,
			`"bids":{"bsonType":"array","items":{"bsonType":"object","required":["maker","amount","time"]`,
			`"key","status","first","last","form"]`, // required
		}},
		{"JSON Schema", compact(t, jsonSchema), []string{
			`"endsAt":{"type":"string","format":"date-time","description":"When the auction ends."}`,
			`"reserve":{"type":"string","pattern":"^(0|[1-9][0-9]{0,77})$","description":"What must be bid at least."}`,
			`"form":{"type":"string","enum":["ENGLISH","DUTCH"],"description":"How bids are made."}`,
			`"bids":{"type":"array","items":{"$ref":"#/$defs/placedBid"},"description":"The bids so far."}`,
			`"placedBid":{"type":"object","properties":{"maker":{"type":"string","description":"The address that made the order."}`,
			`"first","last","form"]`, // required
		}},
		{"Prisma schema", words(string(Prisma(all))), []string{
			"/// When the auction ends. endsAt DateTime?", "reserve String?", "form AuctionForm", "bids placedBid[]",
			"type placedBid { /// The address that made the order. maker String", "enum AuctionForm { ENGLISH DUTCH }",
		}},
		{"help", words(Help(all)), []string{"endsAt, reserve, form (ENGLISH, DUTCH), bids [{maker, amount, time}]"}},
		{"table", Table(all), []string{"`endsAt`, `reserve`, `form` (ENGLISH, DUTCH), `bids` [{maker, amount, time}]"}},
	} {
		for _, part := range of.parts {
			if !strings.Contains(of.text, part) {
				t.Errorf("the %s lacks %s in\n%s", of.what, part, of.text)
			}
		}
	}
}

// Filters and sorts read an added field as what it is.
func TestAnAddedFieldIsQueried(t *testing.T) {
	c := auctions().collection()
	for path, want := range map[string]persistence.FieldKind{
		"endsAt": persistence.DateField, "reserve": persistence.AmountField, "form": persistence.PlainField,
		"bids.amount": persistence.AmountField, "bids.time": persistence.DateField, "bids.maker": persistence.PlainField,
		"bids": persistence.PlainField, "bids.0.amount": persistence.PlainField, "nothing.here": persistence.PlainField,
	} {
		if got := c.Kind(path); got != want {
			t.Errorf("%s is of kind %d, want %d", path, got, want)
		}
	}
	filter, err := persistence.ParseFilter(`{"bids.amount": {$gt: 5}}`, c)
	if want := (persistence.Compare{Path: "bids.amount", Operator: persistence.Greater, Operand: markets.Amount("5")}); err != nil || filter.Condition != want {
		t.Errorf("%v (%v)", filter.Condition, err)
	}
	for path, want := range map[string][2]string{"bids": {"bids", ""}, "bids.amount": {"bids", "amount"}, "bids.0.amount": {"bids", "0.amount"}, "reserve": {}} {
		if list, rest := c.List(path); list != want[0] || rest != want[1] {
			t.Errorf("%s is in list %q at %q", path, list, rest)
		}
		if got := c.MayBeList(path); got != (path == "bids") {
			t.Errorf("%s may be a list: %v", path, got)
		}
	}
}

// An added field is decoded.
func TestAnAddedFieldIsDecoded(t *testing.T) {
	at := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
	want := auctioned{
		Order:  Order{ID: "c/m/k", Order: markets.Order{Chain: "c", Market: "m", Key: "k", Status: markets.Listing, Price: "7", Last: markets.Position{Height: 3}}},
		EndsAt: &at, Reserve: "100", Form: "DUTCH", Bids: []placedBid{{"0x1", "5", at}, {"0x2", "6", at}},
	}
	doc, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	decoder := NewDecoder[auctioned]()
	for range 2 { // with nothing left of the first
		var got auctioned
		if err := decoder.Decode(doc, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v (%v)\nwant %+v", doc, got, err, want)
		}
	}
	// In any order, beside fields that are not declared, and with nothing left of the
	// text that it was read from.
	text := []byte(`{"form":"ENGLISH","other":{"a":[1]},"chain":"polygon"}`)
	var got auctioned
	if err := decoder.Decode(text, &got); err != nil {
		t.Fatal(err)
	}
	clear(text)
	if want := (auctioned{Order: Order{Order: markets.Order{Chain: "polygon"}}, Form: "ENGLISH"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The declarations name the paths that filters read as amounts and dates, and the
// lists, of each collection.
func TestKindsOfFields(t *testing.T) {
	const parameters = "parameters.consideration.endAmount parameters.consideration.identifierOrCriteria parameters.consideration.startAmount parameters.counter parameters.endTime parameters.offer.endAmount parameters.offer.identifierOrCriteria parameters.offer.startAmount parameters.salt parameters.startTime"
	for name, want := range map[string]string{
		persistence.Orders: "amounts bundle.quantity contractState.filled contractState.size endPrice fees.amount filled nonce paid " + parameters +
			" price prices.amount quantity remaining royalties.amount unitPrice, dates canceledAt expiresAt fillable.time filledAt listedAt soldAt startsAt, " +
			"lists bundle fees fillable.reasons parameters.consideration parameters.offer prices royalties, sort forms endPrice price remaining unitPrice",
		persistence.Activities: "amounts below bundle.quantity endPrice fact.state.filled fact.state.size fees.amount nonce " + parameters +
			" price prices.amount quantity royalties.amount, dates expiresAt fact.fillable.time startsAt time, " +
			"lists bundle fact.fillable.reasons fees parameters.consideration parameters.offer prices royalties, sort forms price",
		persistence.Records:       "amounts, dates createdAt updatedAt, lists, sort forms",
		persistence.DeadLetters:   "amounts, dates time, lists, sort forms",
		persistence.Actors:        "amounts, dates updatedAt, lists endpoints meaning.changed trail, sort forms",
		persistence.Leases:        "amounts, dates takenAt, lists former, sort forms",
		persistence.Currencies:    "amounts, dates readAt, lists, sort forms",
		persistence.MetadataDocs:  "amounts, dates fetchedAt nextAt triedAt, lists, sort forms",
		persistence.Audits:        "amounts, dates last.endedAt last.startedAt startedAt updatedAt, lists documents last.documents last.streams last.streams.notes streams streams.notes, sort forms",
		persistence.Nodes:         "amounts, dates clock endedAt joinedAt seenAt, lists chains unreachable, sort forms",
		persistence.Notifications: "amounts price quantity, dates readAt time, lists, sort forms price",
		"nothing":                 "amounts, dates, lists, sort forms",
	} {
		amounts, dates, lists, forms := []string{"amounts"}, []string{"dates"}, []string{"lists"}, []string{"sort forms"}
		c := Of(name)
		for _, path := range paths(c.Fields, "") {
			switch c.Kind(path) {
			case persistence.AmountField:
				amounts = append(amounts, path)
			case persistence.DateField:
				dates = append(dates, path)
			}
			if c.At(path).List {
				lists = append(lists, path)
			}
			if c.At(path).SortForm != "" {
				forms = append(forms, path)
			}
		}
		var got []string
		for _, found := range [][]string{amounts, dates, lists, forms} {
			slices.Sort(found[1:])
			got = append(got, strings.Join(found, " "))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %s\nwant %s", name, strings.Join(got, ", "), want)
		}
	}
	for path, want := range map[string]bool{"record": false, "record.type": false, "record.fields.tags": true, "record.fields.deep.er": true, "bundle": true, "token": false} {
		if got := Of(persistence.Activities).MayBeList(path); got != want {
			t.Errorf("a list may be at %s: %v", path, got)
		}
	}
}

// paths are the dotted paths of fields and of those within them.
func paths(fields []Field, prefix string) (out []string) {
	for _, f := range fields {
		out = append(out, prefix+f.Name)
		out = append(out, paths(f.Fields, prefix+f.Name+".")...)
	}
	return out
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var value json.RawMessage = text
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// words is a text with one space wherever it has any.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }
