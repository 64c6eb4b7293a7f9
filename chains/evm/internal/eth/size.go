package eth

import (
	"github.com/imart/event-worker/markets"
)

// SizeOf is about how many bytes raw events take.
func SizeOf(raws []markets.Raw) int64 {
	size := int64(0)
	for i := range raws {
		size += logOverhead + int64(len(raws[i].Data)+32*len(raws[i].Topics))
	}
	return size
}

// logOverhead is about how many bytes a log takes beside its topics and data.
const logOverhead = 256

func SizeOfLogs(logs []markets.Log) int64 {
	size := int64(0)
	for i := range logs {
		size += logOverhead + int64(len(logs[i].Data)+32*len(logs[i].Topics))
	}
	return size
}
