package contract

import (
	"encoding/binary"

	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains"
)

// The selectors of the functions.
const (
	getOrderStatus   = 0x46423aa7 // getOrderStatus(bytes32)
	getCounter       = 0xf07ec373 // getCounter(address)
	information      = 0xf47b7740 // information()
	getConduit       = 0x6e9bfd9f // getConduit(bytes32)
	ownerOf          = 0x6352211e // ownerOf(uint256)
	getApproved      = 0x081812fc // getApproved(uint256)
	isApprovedForAll = 0xe985e9c5 // isApprovedForAll(address,address)
	balanceOfToken   = 0x00fdd58e // balanceOf(address,uint256)
	balanceOf        = 0x70a08231 // balanceOf(address)
	allowance        = 0xdd62ed3e // allowance(address,address)
	symbol           = 0x95d89b41 // symbol()
	name             = 0x06fdde03 // name()
	decimals         = 0x313ce567 // decimals()
	isValidSignature = 0x1626ba7e // isValidSignature(bytes32,bytes)
)

// OrderStatus asks Seaport for the status of an order; see Status.
func OrderStatus(seaport [20]byte, order [32]byte) chains.ContractCall {
	return call(seaport, getOrderStatus, order)
}

// Counter asks Seaport for the counter of an offerer; see Uint.
func Counter(seaport, offerer [20]byte) chains.ContractCall {
	return call(seaport, getCounter, addressWord(offerer))
}

// Information asks Seaport for its version, domain and conduit controller; see SeaportOf.
func Information(seaport [20]byte) chains.ContractCall { return call(seaport, information) }

// Conduit asks Seaport's conduit controller for the conduit of a key; see ConduitOf.
func Conduit(controller [20]byte, key [32]byte) chains.ContractCall {
	return call(controller, getConduit, key)
}

// OwnerOf asks an ERC-721 for a token's owner; see Address. The call reverts if the token does
// not exist.
func OwnerOf(token [20]byte, id *uint256.Int) chains.ContractCall {
	return call(token, ownerOf, id.Bytes32())
}

// GetApproved asks an ERC-721 which address, besides the owner, may transfer a token; see
// Address. The zero address means none.
func GetApproved(token [20]byte, id *uint256.Int) chains.ContractCall {
	return call(token, getApproved, id.Bytes32())
}

// IsApprovedForAll asks an ERC-721 or ERC-1155 whether an operator may transfer all tokens of
// an owner; see Bool.
func IsApprovedForAll(token, owner, operator [20]byte) chains.ContractCall {
	return call(token, isApprovedForAll, addressWord(owner), addressWord(operator))
}

// BalanceOfToken asks an ERC-1155 how many of a token an owner has; see Uint.
func BalanceOfToken(token, owner [20]byte, id *uint256.Int) chains.ContractCall {
	return call(token, balanceOfToken, addressWord(owner), id.Bytes32())
}

// BalanceOf asks an ERC-20 how much an owner has, or an ERC-721 how many tokens; see Uint.
func BalanceOf(token, owner [20]byte) chains.ContractCall {
	return call(token, balanceOf, addressWord(owner))
}

// Allowance asks an ERC-20 how much a spender may take of an owner; see Uint.
func Allowance(token, owner, spender [20]byte) chains.ContractCall {
	return call(token, allowance, addressWord(owner), addressWord(spender))
}

// Symbol asks a token for its symbol; see Text.
func Symbol(token [20]byte) chains.ContractCall { return call(token, symbol) }

// Name asks a token for its name; see Text.
func Name(token [20]byte) chains.ContractCall { return call(token, name) }

// Decimals asks an ERC-20 for the decimals of its unit; see DecimalsOf.
func Decimals(token [20]byte) chains.ContractCall { return call(token, decimals) }

// IsValidSignature asks a wallet that is a contract whether a signature of a hash is its own
// (EIP-1271); see Valid.
func IsValidSignature(wallet [20]byte, hash [32]byte, signature []byte) chains.ContractCall {
	const word = 32
	c := call(wallet, isValidSignature, hash, wordOf(2*word), wordOf(uint64(len(signature))))
	c.Data = append(c.Data, signature...)
	c.Data = append(c.Data, make([]byte, (word-len(signature)%word)%word)...)
	return c
}

func call(to [20]byte, selector uint32, words ...[32]byte) chains.ContractCall {
	data := binary.BigEndian.AppendUint32(make([]byte, 0, 4+32*len(words)), selector)
	for _, word := range words {
		data = append(data, word[:]...)
	}
	return chains.ContractCall{To: to, Data: data}
}

func addressWord(address [20]byte) (word [32]byte) {
	copy(word[12:], address[:])
	return word
}

func wordOf(v uint64) [32]byte {
	return uint256.NewInt(v).Bytes32()
}
