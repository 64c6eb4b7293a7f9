// Package signature reads orders that were signed off chain, in the form of seaport-js, and
// checks their signatures as the Seaport contracts do.
//
// It guarantees:
//   - An order that Parse returns has the hash that its contract computes: every field is
//     within its type, and nothing is left out.
//   - Every error names the field, and says what is wrong with it.
//   - The work that one text causes is bounded: MaxText bytes, MaxItems items, proofs of
//     24 hashes.
//   - A signature is valid if, and only if, the contract of the domain accepts it from a
//     maker who is not the caller. Where that depends on the maker's contract (EIP-1271),
//     Verify returns the call that tells.
//
// For example, an order of height-2 bulk signature, which is one signature over four orders:
//
//	signature   64 or 65 bytes over the digest of BulkOrder(OrderComponents[2][2] tree)
//	index       3 bytes: 2, which is binary 10
//	proof       2 hashes: p0, p1
//
//	order hash h ── index bit 0 is 0: k = keccak(h, p0)
//	             ── index bit 1 is 1: root = keccak(p1, k)
//	digest = keccak(0x1901, separator, keccak(type hash of [2][2], root))
//
// The facts are from Seaport's source: SignatureVerification, Verifiers and
// GettersAndDerivers of seaport-core 1.6, and of the tags 1.1 to 1.5 of seaport.
package signature

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Verdict is what a signature alone tells.
type Verdict struct {
	// Valid: the offerer's key has signed the order. The contract then accepts it, whether
	// the offerer has code or not.
	Valid bool
	// Call is what decides otherwise; nil if Valid.
	Call *Call
	// Reason is why the order is refused if the offerer has no code; nil if Valid.
	Reason error
}

// Call asks an offerer that is a contract whether it accepts a signature (EIP-1271):
// isValidSignature(Digest, Signature) at To. It does if the answer begins with Magic,
// padded to 32 bytes; any other answer, a revert included, refuses.
type Call struct {
	To        common.Address
	Digest    common.Hash // of the order itself, of a bulk order too
	Signature []byte      // as it was submitted, with the proof of a bulk order
}

// Magic is isValidSignature's selector, and its answer if the signature is accepted.
var Magic = [4]byte{0x16, 0x26, 0xba, 0x7e}

// Data is the call's data.
func (c Call) Data() []byte {
	padded := (len(c.Signature) + 31) / 32 * 32
	out := make([]byte, 0, 4+3*32+padded)
	out = append(out, Magic[:]...)
	out = append(out, c.Digest[:]...)
	out = append(out, word(0x40)...)
	out = append(out, word(uint64(len(c.Signature)))...)
	out = append(out, c.Signature...)
	return append(out, make([]byte, padded-len(c.Signature))...)
}

// Accepts says whether an answer to the call accepts the signature.
func (c Call) Accepts(answer []byte) bool {
	return len(answer) >= 32 && bytes.Equal(answer[:32], common.RightPadBytes(Magic[:], 32))
}

// Verify checks the order's signature for a domain. Its error says that the domain is not
// one of Seaport.
//
// As the contracts do, it accepts signatures with a high s (EIP-2), whichever form of one
// and the same signature was submitted, and a bulk order's index with any bits beyond the
// proof's height.
func (o Order) Verify(d Domain) (Verdict, error) {
	if err := d.check(); err != nil {
		return Verdict{}, err
	}
	offerer := common.HexToAddress(o.Parameters.Offerer)
	hash := o.Hash()
	signed, plain := d.Digest(hash), o.Signature
	if d.bulk() && isBulk(plain) {
		var root common.Hash
		plain, root = openBulk(o.Signature, hash)
		signed = d.Digest(root)
	}
	signer, err := recoverSigner(signed, plain)
	if err == nil && signer == offerer {
		return Verdict{Valid: true}, nil
	}
	if err == nil {
		err = fmt.Errorf("signature: signed by %s, not by the offerer %s, or signed for other parameters, another counter, chain, contract or version than %s", signer, offerer, d)
	}
	return Verdict{Call: &Call{To: offerer, Digest: d.Digest(hash), Signature: o.Signature}, Reason: err}, nil
}

// The lengths of signatures.
const (
	compactLength = 64 // EIP-2098: r, and s with v in the highest bit
	plainLength   = 65 // r, s, v
)

// recoverSigner returns the address whose key has signed a digest, as the ecrecover
// precompile does: v is 27 or 28, r and s are from 1 to the order of the curve.
func recoverSigner(digest common.Hash, signature []byte) (common.Address, error) {
	var v byte
	s := make([]byte, 32)
	switch len(signature) {
	case 0:
		return common.Address{}, fmt.Errorf("signature: it is empty, which only a contract can accept")
	case compactLength:
		copy(s, signature[32:])
		v, s[0] = s[0]>>7, s[0]&0x7f
	case plainLength:
		copy(s, signature[32:64])
		v = signature[64] - 27
		if v > 1 {
			return common.Address{}, fmt.Errorf("signature: its last byte (v) is %d, not 27 or 28", signature[64])
		}
	default:
		return common.Address{}, fmt.Errorf("signature: %d bytes are not a signature: write 65, or 64 of a compact one, and for one of a bulk order 3 and 32 for each of up to %d levels more", len(signature), maxHeight)
	}
	r := signature[:32]
	if !crypto.ValidateSignatureValues(v, new(big.Int).SetBytes(r), new(big.Int).SetBytes(s), false) {
		return common.Address{}, fmt.Errorf("signature: r or s is not within the curve's order")
	}
	key, err := crypto.Ecrecover(digest[:], append(append(bytes.Clone(r), s...), v))
	if err != nil {
		return common.Address{}, fmt.Errorf("signature: no key gives it")
	}
	return common.BytesToAddress(crypto.Keccak256(key[1:])[12:]), nil
}
