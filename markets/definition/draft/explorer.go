package draft

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// contract is what an explorer says of a contract.
type contract struct {
	abi      []byte
	source   string // Solidity source; set only if the file has no ABI
	address  string
	chainID  string
	start    string // the block of its deployment
	behindIt string // the contract that it is a proxy of
}

var errNotVerified = errors.New("the explorer does not have the contract's source")

// explorerJSON has the fields of the answers of explorers: Etherscan's getabi and
// getsourcecode, Sourcify's API (versions 1 and 2) and metadata.json, and compilers' input.
type explorerJSON struct {
	// Sourcify's API, version 2.
	ABI        json.RawMessage `json:"abi"`
	Address    string          `json:"address"`
	ChainID    json.RawMessage `json:"chainId"`
	Deployment struct {
		Block json.RawMessage `json:"blockNumber"`
	} `json:"deployment"`
	Proxy struct {
		Implementations []struct {
			Address string `json:"address"`
		} `json:"implementations"`
	} `json:"proxyResolution"`
	// metadata.json.
	Output struct {
		ABI json.RawMessage `json:"abi"`
	} `json:"output"`
	// Sourcify's API, version 1: metadata.json is one of the files.
	Files []struct {
		Name    string `json:"name"`
		Content string `json:"content"`
	} `json:"files"`
	// Compilers' input.
	Sources map[string]struct {
		Content string `json:"content"`
	} `json:"sources"`
	// Etherscan.
	Message string          `json:"message"`
	Result  json.RawMessage `json:"result"`
}

// etherscanContract is an element of the result of getsourcecode.
type etherscanContract struct {
	ABI            string `json:"ABI"`
	Implementation string `json:"Implementation"`
}

// fromExplorer reads what an explorer answered of a contract; false if it is not that.
func fromExplorer(text []byte) (c contract, ok bool, err error) {
	var answer explorerJSON
	if json.Unmarshal(text, &answer) != nil {
		return c, false, nil
	}
	switch {
	case len(answer.Result) > 0:
		c, err = fromEtherscan(answer)
		return c, true, err
	case isList(answer.Output.ABI):
		return contract{abi: answer.Output.ABI}, true, nil
	case isList(answer.ABI):
		c = contract{abi: answer.ABI, address: answer.Address, chainID: unquoted(answer.ChainID), start: unquoted(answer.Deployment.Block)}
		if len(answer.Proxy.Implementations) > 0 {
			c.behindIt = answer.Proxy.Implementations[0].Address
		}
		return c, true, nil
	}
	for _, f := range answer.Files {
		if f.Name == "metadata.json" {
			return fromExplorer([]byte(f.Content))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(answer.Sources)) {
		c.source += answer.Sources[path].Content + "\n"
	}
	return c, c.source != "", nil
}

// fromEtherscan reads the result of getabi, a text, or of getsourcecode, a list.
func fromEtherscan(answer explorerJSON) (contract, error) {
	var text string
	if json.Unmarshal(answer.Result, &text) == nil {
		if isList([]byte(text)) {
			return contract{abi: []byte(text)}, nil
		}
		return contract{}, fmt.Errorf("the explorer answered %.200q: %.200s", answer.Message, text)
	}
	var found []etherscanContract
	if json.Unmarshal(answer.Result, &found) != nil || len(found) == 0 || !isList([]byte(found[0].ABI)) {
		return contract{}, errNotVerified
	}
	return contract{abi: []byte(found[0].ABI), behindIt: found[0].Implementation}, nil
}

func isList(text []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) }

// unquoted is a number that may be a text.
func unquoted(number json.RawMessage) string {
	text := strings.Trim(string(number), `"`)
	if text == "null" || strings.Trim(text, "0123456789") != "" {
		return ""
	}
	return text
}

// chains is the part of a draft that says where the contract is.
func (c contract) chains(address string) string {
	where := cmp.Or(address, c.address, placeholder)
	text := fmt.Sprintf("  ethereum: # a name for people\n    chainId: %s\n    start: %s # the block that the contract was deployed in\n    contracts:\n      main: %q\n", cmp.Or(c.chainID, "1"), cmp.Or(c.start, "0"), where)
	if c.behindIt != "" {
		text += fmt.Sprintf("\n# The contract is a proxy. Its events are those of %.80s: draft from the ABI of that one.\n", printableAddress(c.behindIt))
	}
	return text
}

// printableAddress keeps an address fit for a comment.
func printableAddress(text string) string { return strings.Join(strings.Fields(text), "") }
