package faults

import (
	"encoding/json"
	"slices"
)

// fieldKinds are answers with unusual or wrong fields.
func fieldKinds() []Kind {
	logs := []string{getLogs, getReceipt, getBlockReceipts}
	receipts := []string{getReceipt, getBlockReceipts}
	headers := []string{getBlockByNumber, getBlockByHash}
	return []Kind{
		{Name: "removed-null", Chain: "evm", Does: "writes removed: null in logs", Methods: logs, build: inLogs(func(_ *turn, logs []object) []object { return setAll(logs, "removed", json.RawMessage("null")) })},
		{Name: "timestamp", Chain: "evm", Does: "writes a wrong or odd blockTimestamp in logs", Methods: logs, build: oddTime,
			Params: []Param{word("how", "zero", "0x0, a JSON number, or no such field", "zero", "number", "missing")}},
		{Name: "data-0x0", Chain: "evm", Does: "writes data: 0x0 in logs that have no data", Methods: logs, build: inLogs(emptyData)},
		{Name: "logs-unsorted", Chain: "evm", Does: "answers logs out of order", Methods: []string{getLogs}, build: inLogs(shuffleLogs)},
		{Name: "logs-doubled", Chain: "evm", Does: "repeats some logs", Methods: logs, build: doubleLogs,
			Params: []Param{number("logs", 1, "how many in an answer")}},
		{Name: "index-twice", Chain: "evm", Does: "gives two logs of a block the same index", Methods: logs, build: inLogs(indexTwice)},
		{Name: "index-in-transaction", Chain: "evm", Does: "numbers the logs of receipts within their transactions", Methods: receipts, build: inLogs(indexInTransaction)},
		{Name: "field", Chain: "evm", Does: "spoils a field of logs, receipts and headers", Methods: slices.Concat(logs, headers), build: spoil,
			Params: []Param{word("field", "transactionHash", "the name of the field"), word("how", "missing", "left out, null, or 0x0", "missing", "null", "zero")}},
		{Name: "null-lists", Chain: "evm", Does: "writes null for empty lists", Methods: slices.Concat(logs, headers), build: nullLists},
		{Name: "bloom", Chain: "evm", Does: "has blooms that say nothing about logs", Methods: headers, build: blankBloom,
			Params: []Param{word("how", "zero", "all zero, or all ones", "zero", "ones")}},
	}
}

// inLogs makes a fault from a function that changes logs.
func inLogs(change func(*turn, []object) []object) func(params) hooks {
	return func(params) hooks { return changeLogs(change) }
}

func changeLogs(change func(*turn, []object) []object) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if !a.hasLogs() || !t.hit() {
			return a
		}
		a.logs(func(logs []object) []object { return change(t, logs) })
		return a
	}}
}

func setAll(objects []object, name string, value json.RawMessage) []object {
	for _, o := range objects {
		o[name] = value
	}
	return objects
}

func oddTime(p params) hooks {
	how := p.word("how")
	return changeLogs(func(t *turn, logs []object) []object {
		for _, l := range logs {
			switch how {
			case "missing":
				delete(l, "blockTimestamp")
			case "zero":
				l["blockTimestamp"] = jsonOf("0x0")
			default:
				if seconds, ok := t.proxy.blocks.time(t.call, l); ok {
					l["blockTimestamp"] = jsonOf(seconds)
				}
			}
		}
		return logs
	})
}

// time returns the time of a log's block, in Unix seconds.
func (b *blocks) time(c *call, l object) (int64, bool) {
	if seconds, ok := l.quantity("blockTimestamp"); ok {
		return seconds, true
	}
	a := forwardTo(b.proxy.upstream, &call{r: c.r, method: getBlockByNumber, params: jsonOf([]any{l.text("blockNumber"), false})})
	var header object
	if !a.ok() || json.Unmarshal(a.result, &header) != nil {
		return 0, false
	}
	return header.quantity("timestamp")
}

func emptyData(_ *turn, logs []object) []object {
	for _, l := range logs {
		if l.text("data") == "0x" {
			l["data"] = jsonOf("0x0")
		}
	}
	return logs
}

func shuffleLogs(t *turn, logs []object) []object {
	t.Shuffle(len(logs), func(i, j int) { logs[i], logs[j] = logs[j], logs[i] })
	return logs
}

func doubleLogs(p params) hooks {
	count := int(p.number("logs"))
	return changeLogs(func(t *turn, logs []object) []object {
		for range min(count, len(logs)) {
			i := t.IntN(len(logs))
			logs = slices.Insert(logs, i, logs[i])
		}
		return logs
	})
}

// indexTwice gives a log the index of the previous log in its block.
func indexTwice(t *turn, logs []object) []object {
	var can []int
	for i := 1; i < len(logs); i++ {
		if logs[i].text("blockNumber") == logs[i-1].text("blockNumber") {
			can = append(can, i)
		}
	}
	if len(can) > 0 {
		i := can[t.IntN(len(can))]
		logs[i]["logIndex"] = logs[i-1]["logIndex"]
	}
	return logs
}

func indexInTransaction(_ *turn, logs []object) []object {
	counts := map[string]int64{}
	for _, l := range logs {
		transaction := l.text("transactionHash")
		l["logIndex"] = jsonOf(hexNumber(counts[transaction]))
		counts[transaction]++
	}
	return logs
}

func spoil(p params) hooks {
	field, how := p.word("field"), p.word("how")
	spoilOne := func(o object) {
		if _, has := o[field]; !has {
			return
		}
		switch how {
		case "missing":
			delete(o, field)
		case "null":
			o[field] = json.RawMessage("null")
		default:
			o[field] = jsonOf("0x0")
		}
	}
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if !a.ok() || a.null() || !t.hit() {
			return a
		}
		a.objects(spoilOne)
		return a
	}}
}

// objects changes the headers, receipts and logs in an answer.
func (a *answer) objects(change func(object)) {
	each := func(objects []object) []object {
		for _, o := range objects {
			change(o)
		}
		return objects
	}
	a.block(change)
	a.logs(each)
	switch a.call.method {
	case getReceipt:
		var receipt object
		if json.Unmarshal(a.result, &receipt) == nil && receipt != nil {
			change(receipt)
			a.result = jsonOf(receipt)
		}
	case getBlockReceipts:
		var receipts []object
		if json.Unmarshal(a.result, &receipts) == nil {
			a.result = list(each(receipts))
		}
	}
}

func nullLists(params) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if !a.ok() || a.null() || !t.hit() {
			return a
		}
		a.objects(func(o object) {
			for name, value := range o {
				if string(value) == "[]" {
					o[name] = json.RawMessage("null")
				}
			}
		})
		if string(a.result) == "[]" {
			return c.result(nil)
		}
		return a
	}}
}

func blankBloom(p params) hooks {
	bloom := bloomOf(0)
	if p.word("how") == "ones" {
		bloom = bloomOf(0xff)
	}
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if !a.ok() || a.null() || !t.hit() {
			return a
		}
		a.block(func(header object) { header["logsBloom"] = jsonOf(bloom) })
		return a
	}}
}
