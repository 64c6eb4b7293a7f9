// Package contract is the coding of the calls that contracts of markets and tokens are asked.
//
// It guarantees:
//   - A decoder accepts what a contract of the kind may return, and no error becomes a value:
//     an empty answer, as of an address without code, is ErrEmpty.
//   - Whatever the answer, decoding it takes time and memory of the order of its size, which
//     chains.Caller bounds.
//   - Text is printable: without control characters, and without those that turn the direction
//     of what follows.
//
// For example, who owns token 7 of a collection, and may Seaport's conduit move it?
//
//	results, err := caller.Call(ctx, at, []chains.ContractCall{
//		contract.OwnerOf(collection, uint256.NewInt(7)),
//		contract.IsApprovedForAll(collection, owner, conduit),
//	})
//	owner, err := contract.Address(results[0])    // 0x5a…, or ErrReverted: there is no token 7
//	approved, err := contract.Bool(results[1])
package contract
