// Package move reads events of Move modules: the structs that describe them, in Move or as
// the JSON of modules, and the values of their fields in a node's JSON.
//
// Guarantees:
//   - An event is not trusted: its values are counted against a budget, lists are bounded,
//     and a value must fit its type.
//   - Types are resolved when a definition is read, at most 8 structs deep.
//   - Values are those of expressions: integers as numbers, addresses and Object<T> as
//     addresses of 64 digits, vector<u8> and String as texts, other vectors and Option as
//     lists, structs as structs.
//
// With struct Sold { id: u64, seller: address, note: Option<String> } the event
//
//	{"id": "7", "seller": "0xb0b", "note": {"vec": []}}
//
// has the values id 7, seller 0x0000…000b0b and note [].
package move
