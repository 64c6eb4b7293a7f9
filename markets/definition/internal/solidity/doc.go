// Package solidity reads the events of EVM contracts: their declarations, in Solidity or
// as a JSON ABI, and the values of their fields in logs.
//
// Guarantees:
//   - A log is not trusted. Lengths and offsets are checked against the data, the values of
//     one log against a budget, and a value must fit its type. (go-ethereum's own decoder
//     does not bound nested arrays.)
//   - Only the fields that are asked for are read.
//   - Values are those of expressions: numbers, addresses in EIP-55, bytes as 0x and hex,
//     strings as texts (as hex where they are not UTF-8), arrays as lists, tuples as structs.
//     Of an indexed field without a fixed size the log has only a hash, which is its value.
//
// The log of event Sold(uint256 indexed id, address buyer, string note) has two topics,
// the event's ID and id, and in its data
//
//	byte  0  buyer     the head of each field in order, a word of 32 bytes
//	byte 32  64        note has no fixed size: its head is the offset of its tail
//	byte 64  5         the tail: a length,
//	byte 96  "hello"   and as many bytes, padded
//
// so that Fields gives id topic 1, buyer head 0 and note head 32.
package solidity
