// Package documents says what is kept: the documents of each collection and their
// fields, declared once.
//
// A collection's declaration is a Go struct, whose tags name the fields and whose types
// are the fields' types, and lines beside it that say what each field means. From it
// come
//
//   - MongoDB's validator and indexes, which the server enforces (Collection.Validator),
//   - the JSON Schema and the Prisma schema for typed clients (JSONSchema, Prisma),
//   - how filters and sorts read a field: as an amount, a date, within a list (ParseFilter,
//     Collection.Kind, Collection.List),
//   - the embedded store's decoder (Decoder),
//   - the help of "event-worker query" and the table of the README (Help, Table).
//
// It guarantees that what the server accepts, what clients are told and what filters
// compare are the same fields; that none of them is without a description; and that a
// change of what the server is told has a new Version.
//
// To add a field to orders, say when its auction ends:
//
//	AuctionEndsAt *time.Time `json:"auctionEndsAt,omitempty" bson:"auctionEndsAt,omitempty"` // in markets.Order
//	"auctionEndsAt": {doc: "When its auction ends."},                                      // in orders()
//	e.time("auctionEndsAt", o.AuctionEndsAt)                                                // in the embedded encoder
//
// and {auctionEndsAt: {$lt: "2024-01-31T12:00:00Z"}} compares dates on both stores, a
// text in its place is refused by MongoDB, Prisma has a DateTime?, and the help and the
// README name it. The tests ask for the encoder's line, for a new Version and for the
// README's table.
package documents
