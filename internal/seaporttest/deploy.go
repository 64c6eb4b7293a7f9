package seaporttest

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// Contracts are those of a World.
type Contracts struct {
	Seaport    common.Address
	Other      common.Address // another Seaport, at the address of version 1.5, with the same code
	Controller common.Address // of conduits
	Conduit    common.Address
	ConduitKey common.Hash
	Multicall  common.Address // Multicall3
	WETH       common.Address
	ERC20      common.Address // mintable, 18 decimals
	ERC721     common.Address // mintable
	ERC1155    common.Address // mintable

	seaport, controller, weth, erc20, erc721, erc1155 abi.ABI
}

// The addresses that these contracts have on mainnet.
var (
	otherAddress      = common.HexToAddress("0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC")
	seaportAddress    = common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395")
	controllerAddress = common.HexToAddress("0x00000000F9490004C11Cef243f5400493c00Ad63")
	multicallAddress  = common.HexToAddress("0xcA11bde05977b3631167028862bE2a173976CA11")
	wethAddress       = common.HexToAddress("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
)

// artefact is a compiled contract as Hardhat and Truffle write it.
type artefact struct {
	ABI      abi.ABI
	Bytecode hexutil.Bytes // creates the contract
}

// deploy deploys the contracts that packages of npm have compiled, and Multicall3.
func (w *World) deploy(packages, multicall string) {
	w.t.Helper()
	read := func(path ...string) artefact {
		w.t.Helper()
		text, err := os.ReadFile(filepath.Join(append([]string{packages, "node_modules"}, path...)...))
		if err != nil {
			w.t.Fatal(err)
		}
		var a artefact
		if err := json.Unmarshal(text, &a); err != nil {
			w.t.Fatalf("%v: %v", path, err)
		}
		return a
	}
	const seaportJS = "@opensea/seaport-js/src/artifacts"
	controller := read(seaportJS, "seaport/contracts/conduit/ConduitController.sol/LocalConduitController.json")
	seaport := read(seaportJS, "seaport/contracts/Seaport.sol/Seaport.json")
	erc20 := read(seaportJS, "src/contracts/test/TestERC20.sol/TestERC20.json")
	erc721 := read(seaportJS, "src/contracts/test/TestERC721.sol/TestERC721.json")
	erc1155 := read(seaportJS, "src/contracts/test/TestERC1155.sol/TestERC1155.json")
	wallet := read(seaportJS, "src/contracts/test/TestERC1271Wallet.sol/TestERC1271Wallet.json")
	weth := read("canonical-weth/build/contracts/WETH9.json")

	c := &w.Contracts
	c.seaport, c.controller, c.weth, c.erc20, c.erc721, c.erc1155 = seaport.ABI, controller.ABI, weth.ABI, erc20.ABI, erc721.ABI, erc1155.ABI
	c.Controller = w.place(controllerAddress, controller.Bytecode)
	withController := append(seaport.Bytecode, common.LeftPadBytes(c.Controller[:], 32)...)
	c.Seaport = w.place(seaportAddress, withController)
	c.Other = w.place(otherAddress, withController)
	c.Multicall = w.place(multicallAddress, w.multicall(multicall))
	c.WETH = w.place(wethAddress, weth.Bytecode)
	c.ERC20 = w.create(erc20.Bytecode)
	c.ERC721 = w.create(erc721.Bytecode)
	c.ERC1155 = w.create(erc1155.Bytecode)
	w.Wallet = w.create(wallet.Bytecode)
	w.openConduit()
}

// multicall reads the creation code of Multicall3 as viem 2.57 has it (multicall3Bytecode in
// constants/contracts.ts, MIT). Mainnet's is the same source, optimised.
func (w *World) multicall(file string) []byte {
	w.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return common.FromHex(strings.TrimSpace(string(text)))
}

// place runs a contract's constructor at an address. The constructor is put there as the
// code: called, it returns the code to put there instead; in a transaction, it writes the
// contract's storage.
func (w *World) place(at common.Address, creation []byte) common.Address {
	w.t.Helper()
	w.call(nil, "anvil_setCode", at, hexutil.Bytes(creation))
	var code hexutil.Bytes
	w.call(&code, "eth_call", map[string]any{"from": w.Makers[0], "to": at}, "latest")
	w.must(w.send(w.Makers[0], at, nil, nil))
	w.call(nil, "anvil_setCode", at, code)
	return at
}

// create deploys a contract where the account's nonce puts it.
func (w *World) create(creation hexutil.Bytes) common.Address {
	w.t.Helper()
	var hash common.Hash
	w.call(&hash, "eth_sendTransaction", map[string]any{"from": w.Makers[0], "input": creation, "gas": hexutil.Uint64(gas)})
	w.Mine(1)
	w.must(w.receipt(hash))
	var receipt struct{ ContractAddress common.Address }
	w.call(&receipt, "eth_getTransactionReceipt", hash)
	return receipt.ContractAddress
}

// openConduit creates a conduit through which Seaport moves tokens.
func (w *World) openConduit() {
	w.t.Helper()
	owner := w.Makers[0]
	copy(w.ConduitKey[:], owner[:]) // a key begins with its creator's address
	w.must(w.send(owner, w.Controller, w.pack(w.controller, "createConduit", w.ConduitKey, owner), nil))
	got := w.read(w.controller, w.Controller, "latest", "getConduit", w.ConduitKey)
	w.Conduit = got[0].(common.Address)
	w.must(w.send(owner, w.Controller, w.pack(w.controller, "updateChannel", w.Conduit, w.Seaport, true), nil))
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *World) pack(contract abi.ABI, method string, args ...any) []byte {
	w.t.Helper()
	input, err := contract.Pack(method, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return input
}

// read calls a view of a contract as of a block: a tag, or a hash from at.
func (w *World) read(contract abi.ABI, address common.Address, block any, method string, args ...any) []any {
	w.t.Helper()
	var out hexutil.Bytes
	w.call(&out, "eth_call", map[string]any{"to": address, "input": hexutil.Bytes(w.pack(contract, method, args...))}, block)
	values, err := contract.Unpack(method, out)
	if err != nil {
		w.t.Fatalf("%s: %v in %s", method, err, out)
	}
	return values
}

// at names a block that must be on the chain (EIP-1898).
func at(block common.Hash) any {
	return map[string]any{"blockHash": block, "requireCanonical": true}
}

// openAccounts divides the accounts of anvil among the roles.
func (w *World) openAccounts() {
	w.t.Helper()
	var accounts []common.Address
	w.call(&accounts, "eth_accounts")
	w.Makers, w.Takers, w.Zone, w.Vault = accounts[:4:4], accounts[4:7:7], accounts[7], accounts[8]
	w.Fees = common.BytesToAddress(crypto.Keccak256([]byte("fees")))
	w.call(nil, "anvil_setBlockTimestampInterval", uint64(blockTime.Seconds()))
}

// Tokens that each account has at first, see endow.
const (
	tokensEach = 5  // ERC-721, with successive identifiers from 1
	kinds1155  = 4  // ERC-1155 identifiers from 1
	unitsEach  = 20 // of each ERC-1155 identifier
)

var moneyEach = ether(100) // WETH and ERC-20

// ether returns n coins of 18 decimals.
func ether(n int64) *big.Int {
	return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e18))
}

// endow makes the wallet a maker, and gives everybody who trades tokens, money and approvals.
func (w *World) endow() {
	w.t.Helper()
	w.call(nil, "anvil_impersonateAccount", w.Wallet)
	w.call(nil, "anvil_setBalance", w.Wallet, (*hexutil.Big)(ether(1000)))
	w.Makers = append(w.Makers, w.Wallet)
	id := int64(1)
	for _, account := range w.traders() {
		w.must(w.Block(func() {
			w.must(w.Deposit(account, moneyEach))
			w.must(w.MintERC20(account, moneyEach))
			for range tokensEach {
				w.must(w.MintERC721(account, id))
				id++
			}
			for kind := int64(1); kind <= kinds1155 && account != w.Wallet; kind++ {
				w.must(w.MintERC1155(account, kind, unitsEach))
			}
			for _, operator := range w.Operators() {
				w.must(w.SetApprovalForAll(account, w.ERC721, operator, true))
				w.must(w.SetApprovalForAll(account, w.ERC1155, operator, true))
				w.must(w.Approve(account, w.WETH, operator, unlimited))
				w.must(w.Approve(account, w.ERC20, operator, unlimited))
			}
		}))
	}
}

// traders are the accounts that have tokens and money from the beginning.
func (w *World) traders() []common.Address {
	all := append([]common.Address{}, w.Makers...)
	return append(append(all, w.Takers...), w.Zone)
}

// Operators are those that move tokens for Seaport: the conduit, and Seaport itself for
// orders without a conduit.
func (w *World) Operators() []common.Address { return []common.Address{w.Conduit, w.Seaport} }
