package faults

import (
	"bytes"
	"encoding/json"
)

// The methods with faults of their own.
const (
	getLogs          = "eth_getLogs"
	getBlockByNumber = "eth_getBlockByNumber"
	getBlockByHash   = "eth_getBlockByHash"
	getBlockReceipts = "eth_getBlockReceipts"
	getReceipt       = "eth_getTransactionReceipt"
	getTransaction   = "eth_getTransactionByHash"
	blockNumber      = "eth_blockNumber"
	chainID          = "eth_chainId"
	ethCall          = "eth_call"
	getCode          = "eth_getCode"
	getBalance       = "eth_getBalance"
	getStorage       = "eth_getStorageAt"
	getNonce         = "eth_getTransactionCount"
)

// object is a JSON object: a log, a header, a receipt, an event.
type object map[string]json.RawMessage

// text returns a member that is a string.
func (o object) text(name string) string {
	var text string
	_ = json.Unmarshal(o[name], &text) // empty unless it is a string
	return text
}

// quantity returns a member that is a hexadecimal number.
func (o object) quantity(name string) (int64, bool) { return parseNumber(o.text(name)) }

// logs replaces the logs in an answer, list by list: those of eth_getLogs, of one
// receipt, or of a block's receipts.
func (a *answer) logs(change func([]object) []object) bool {
	if !a.ok() || a.null() {
		return false
	}
	switch a.call.method {
	case getLogs:
		var logs []object
		if json.Unmarshal(a.result, &logs) != nil {
			return false
		}
		a.result = list(change(logs))
	case getReceipt:
		var receipt object
		if json.Unmarshal(a.result, &receipt) != nil || !receipt.logs(change) {
			return false
		}
		a.result = jsonOf(receipt)
	case getBlockReceipts:
		var receipts []object
		if json.Unmarshal(a.result, &receipts) != nil {
			return false
		}
		for _, receipt := range receipts {
			receipt.logs(change)
		}
		a.result = list(receipts)
	default:
		return false
	}
	return true
}

// logs changes the logs of a receipt.
func (o object) logs(change func([]object) []object) bool {
	var logs []object
	if json.Unmarshal(o["logs"], &logs) != nil {
		return false
	}
	o["logs"] = list(change(logs))
	return true
}

// hasLogs reports whether an answer contains a log.
func (a *answer) hasLogs() bool { return a.ok() && bytes.Contains(a.result, []byte(`"topics"`)) }

// block changes the header in an answer.
func (a *answer) block(change func(object)) bool {
	if !a.ok() || a.null() || a.call.method != getBlockByNumber && a.call.method != getBlockByHash {
		return false
	}
	var header object
	if json.Unmarshal(a.result, &header) != nil {
		return false
	}
	change(header)
	a.result = jsonOf(header)
	return true
}

// list marshals objects; an empty list as [].
func list(objects []object) json.RawMessage {
	if objects == nil {
		objects = []object{}
	}
	return jsonOf(objects)
}
