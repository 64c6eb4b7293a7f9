package schema

import (
	"reflect"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Version is the version of the database's schema. Raise it with every change of
// the collections, their indexes or their validators: a database of an older version
// is brought up to date when it is opened.
const Version = 6

// Collection is one collection of the database.
type Collection struct {
	Name        string
	Model       string // what one of its documents is called
	Description string // one sentence
	Fields      []Field
	Indexes     []Index
}

// Index is an index of a collection.
type Index struct {
	Name string
	Keys []Key
	// Exists is the path of a field without which documents are not in the index; the
	// empty path leaves none out. Queries for a value of the field use the index all
	// the same.
	Exists string
	// Keep is how long the server keeps documents after the date in the index's field;
	// 0 means for ever.
	Keep time.Duration
}

// Key is a part of an index.
type Key struct {
	Path       string // dotted
	Descending bool
}

// Field is a field of a document, or of a document within one.
type Field struct {
	Name        string
	Description string
	Type        Type
	List        bool // a list of the type
	Required    bool
	MongoOnly   bool   // not in the document's JSON form
	Pattern     string // of a string, a regular expression; "" if any
	Enum        *Enum  // of a string, its values; nil if any
	Model       string // of an Object, what it is called
	Fields      []Field
}

// Enum is a set of strings.
type Enum struct {
	Name   string
	Values []string
}

// Type is the type of a field. Except for Counts and Free it is named as BSON's.
type Type string

// The types of fields.
const (
	String   Type = "string"
	Int      Type = "int"
	Long     Type = "long"
	Double   Type = "double"
	Bool     Type = "bool"
	Date     Type = "date"
	BinData  Type = "binData"
	ObjectID Type = "objectId"
	Object   Type = "object" // a document that we define
	Counts   Type = "counts" // a document of counts, by names that we do not define
	Free     Type = "free"   // JSON that we do not define, stored by Registry
)

// Collections are the collections of the database.
func Collections() []Collection {
	return []Collection{
		{
			Name:        persistence.Orders,
			Model:       "Order",
			Description: "The current state of every listing (ask) and offer (bid).",
			Fields:      fieldsOf[Order](),
			Indexes: []Index{
				{Name: "maker_id", Keys: keys("maker", "_id")},
				{Name: "token", Keys: keys("token.collection", "token.id")},
				{Name: "floor", Keys: keys("token.collection", "side", "status", "priceSort")},
				{Name: "market_status_price", Keys: keys("market", "status", "priceSort")},
				{Name: "height", Keys: keys("chain", "-last.height")},
			},
		},
		{
			Name:        persistence.Activities,
			Model:       "Activity",
			Description: "What happened on the markets: the log from which orders and records are folded.",
			Fields:      fieldsOf[Activity](),
			Indexes: []Index{
				streamPosition(),
				{Name: "order", Keys: keys("order"), Exists: "order"},
				{Name: "concerns", Keys: keys("chain", "market", "concerns"), Exists: "concerns"},
				{Name: "token", Keys: keys("token.collection", "token.id", "-time")},
				{Name: "collection", Keys: keys("token.collection", "kind", "-time")},
				{Name: "from", Keys: keys("from", "-time"), Exists: "from"},
				{Name: "to", Keys: keys("to", "-time"), Exists: "to"},
				{Name: "time", Keys: keys("-time")},
			},
		},
		{
			Name:        persistence.Records,
			Model:       "Record",
			Description: "What markets keep beside their orders: galleries, exhibits, lotteries.",
			Fields:      fieldsOf[Record](),
			Indexes:     []Index{{Name: "type", Keys: keys("market", "type", "-updatedAt")}},
		},
		{
			Name:        persistence.DeadLetters,
			Model:       "DeadLetter",
			Description: "Raw events that could not be decoded, kept until they can be.",
			Fields:      fieldsOf[DeadLetter](),
			Indexes:     []Index{streamPosition()},
		},
		{
			Name:        persistence.Actors,
			Model:       "Actor",
			Description: "Where every actor stands and how it is.",
			Fields:      fieldsOf[Actor](),
			Indexes: []Index{
				{Name: "market", Keys: keys("chain", "market")},
				{Name: "lag", Keys: keys("-lag")},
				{Name: "restarts", Keys: keys("-restarts")},
				{Name: "lastError", Keys: keys("lastError"), Exists: "lastError"},
			},
		},
		{
			Name:        persistence.Leases,
			Model:       "Lease",
			Description: "Who owns which chain.",
			Fields:      fieldsOf[Lease](),
		},
		{
			Name:        persistence.Nodes,
			Model:       "Node",
			Description: "The processes of the cluster, those that ended within the last hour too.",
			Fields:      fieldsOf[Node](),
			Indexes:     []Index{{Name: "ended", Keys: keys("endedAt"), Exists: "endedAt", Keep: time.Hour}},
		},
		{
			Name:        persistence.Requests,
			Model:       "Request",
			Description: "What was asked of the owners of chains, and their answers of the last hour.",
			Fields:      fieldsOf[Request](),
			Indexes: []Index{
				{Name: "state", Keys: keys("state", "_id")},
				{Name: "ended", Keys: keys("endedAt"), Exists: "endedAt", Keep: time.Hour},
			},
		},
		{
			Name:        persistence.Notifications,
			Model:       "Notification",
			Description: "What the users of the markets are to be told, one document for each receiver and event.",
			Fields:      fieldsOf[Notification](),
			Indexes: []Index{
				{Name: "receiver", Keys: keys("receiver", "-time")},
				// For {readAt: {$exists: false}}, in order of time.
				{Name: "unread", Keys: keys("receiver", "readAt", "-time")},
				streamPosition(),
			},
		},
	}
}

// streamPosition serves whatever goes along a stream: reading it again, and taking
// back what a reorganisation abandoned.
func streamPosition() Index {
	return Index{Name: "stream_position", Keys: keys("chain", "market", "stream", "seq", "position.height", "position.tx", "position.log", "position.sub")}
}

// keys are an index's keys, with '-' in front downwards.
func keys(paths ...string) []Key {
	out := make([]Key, len(paths))
	for i, path := range paths {
		out[i] = Key{Path: path}
		if path[0] == '-' {
			out[i] = Key{Path: path[1:], Descending: true}
		}
	}
	return out
}

func fieldsOf[Document any]() []Field { return fields(reflect.TypeFor[Document]()) }
