package eth

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/mailru/easyjson/jlexer"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

func scanLogs(text string) ([]markets.Raw, error) {
	var logs LogScanner
	l := &jlexer.Lexer{Data: []byte(text)}
	logs.Scan(l)
	l.Consumed()
	return logs.Raws, l.Error()
}

// What go-ethereum writes is read back, whatever the logs.
func TestScanReadsWhatGoEthereumWrites(t *testing.T) {
	hash := rapid.Custom(func(t *rapid.T) (h common.Hash) {
		copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "bytes"))
		return h
	})
	log := rapid.Custom(func(t *rapid.T) types.Log {
		return types.Log{
			Address: common.Address(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "address")),
			Topics:  rapid.SliceOfN(hash, 0, 4).Draw(t, "topics"),
			Data:    rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "data"),
			// Few hashes, as logs of one block and transaction follow each other.
			BlockHash:      common.Hash{rapid.Byte().Draw(t, "block") % 2},
			TxHash:         common.Hash{rapid.Byte().Draw(t, "transaction") % 2},
			BlockNumber:    rapid.Uint64Max(math.MaxInt64).Draw(t, "number"),
			BlockTimestamp: rapid.Uint64Range(1, 253402300799).Draw(t, "time"),
			TxIndex:        uint(rapid.Uint32Max(math.MaxInt32).Draw(t, "txIndex")),
			Index:          uint(rapid.Uint32Max(math.MaxInt32).Draw(t, "logIndex")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		logs := rapid.SliceOfN(log, 0, 20).Draw(t, "logs")
		text, _ := json.Marshal(logs)
		raws, err := scanLogs(string(text))
		if err != nil || len(raws) != len(logs) {
			t.Fatalf("%d logs of %d, %v", len(raws), len(logs), err)
		}
		for i, raw := range raws {
			if got := asEthLog(raw); !sameEthLog(got, logs[i]) || raw.Position.Height != raw.Seq {
				t.Fatalf("read %+v of %+v", got, logs[i])
			}
		}
	})
}

// Large logs and many of them share no memory.
func TestScanKeepsLogsApart(t *testing.T) {
	var logs []types.Log
	for i := range 3000 {
		logs = append(logs, types.Log{
			Topics: []common.Hash{{byte(i), byte(i >> 8)}, {1}, {2}, {3}}[:1+i%4],
			Data:   []byte(strings.Repeat(string(rune('a'+i%26)), i%200*i%777)),
		})
	}
	text, _ := json.Marshal(logs)
	raws, err := scanLogs(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range raws { // growing one must not run into the next
		raws[i].Data = append(raws[i].Data, 0xff)[:len(raws[i].Data)]
		raws[i].Topics = append(raws[i].Topics, [32]byte{0xff})[:len(raws[i].Topics)]
	}
	for i, raw := range raws {
		if string(raw.Data) != string(logs[i].Data) || raw.Topics[0] != logs[i].Topics[0] {
			t.Fatalf("log %d was overwritten", i)
		}
	}
}

// Logs that are kept keep their chunks, too: these are not much larger than the logs of a
// block.
func TestChunksAreNotMuchLargerThanTheirLogs(t *testing.T) {
	for _, n := range []int{1, 2, 5, 100, 3000} {
		const size = 100
		logs := slices.Repeat([]types.Log{{Topics: []common.Hash{{1}, {2}}, Data: make([]byte, size)}}, n)
		text, err := json.Marshal(logs)
		if err != nil {
			t.Fatal(err)
		}
		var scan LogScanner
		scan.Scan(&jlexer.Lexer{Data: text})
		const topics = 4 // as many as a log may have
		if got, most := cap(scan.data), min(dataChunk, 2*n*size); got > most {
			t.Errorf("%d logs: a chunk of %d bytes of data, want at most %d", n, got, most)
		}
		if got, most := cap(scan.topics), min(topicChunk, 2*n*topics); got > most {
			t.Errorf("%d logs: a chunk of %d topics, want at most %d", n, got, most)
		}
	}
}

const goodLog = `{"address":"0x00000000006c3852cbef3e08e8df289169ede581","topics":["0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"],` +
	`"data":"0x01","blockNumber":"0x10","blockHash":"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31",` +
	`"transactionHash":"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f32","transactionIndex":"0x1","logIndex":"0x2",` +
	`"removed":false,"blockTimestamp":null,"more":[{"x":1}]}`

func TestMalformedLogsAreErrors(t *testing.T) {
	if raws, err := scanLogs("[" + goodLog + "]"); err != nil || len(raws) != 1 || !raws[0].Time.IsZero() {
		t.Fatalf("the good log: %+v, %v", raws, err)
	}
	if raws, err := scanLogs("null"); err != nil || len(raws) != 0 {
		t.Fatalf("null: %+v, %v", raws, err)
	}
	topic := `"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"`
	tests := map[string][2]string{
		"removed":              {`"removed":false`, `"removed":true`},
		"short address":        {`6c3852cbef3e`, `6c3852cbef3`},
		"no hex":               {`6c3852cbef3e`, `6c3852cbef3g`},
		"no log index":         {`"logIndex":"0x2",`, ``},
		"null block":           {`"blockNumber":"0x10"`, `"blockNumber":null`},
		"number without digit": {`"blockNumber":"0x10"`, `"blockNumber":"0x"`},
		"number too large":     {`"blockNumber":"0x10"`, `"blockNumber":"0x8000000000000000"`},
		"number far too large": {`"blockNumber":"0x10"`, `"blockNumber":"0x10000000000000010"`},
		"index too large":      {`"logIndex":"0x2"`, `"logIndex":"0x80000000"`},
		"number not hex":       {`"blockNumber":"0x10"`, `"blockNumber":"0xzz"`},
		"short hash":           {`cdcb6f32`, `cdcb6f3`},
		"capital hash":         {`cdcb6f32`, `CDCB6F32`},
		"short topic":          {topic + `]`, `"0x9d"]`},
		"five topics":          {topic + `]`, topic + strings.Repeat(","+topic, 4) + `]`},
		"no list":              {`[` + topic + `]`, topic},
	}
	for name, change := range tests {
		text := strings.Replace(goodLog, change[0], change[1], 1)
		if text == goodLog {
			t.Fatalf("%s changes nothing", name)
		}
		if raws, err := scanLogs("[" + text + "]"); err == nil {
			t.Errorf("%s: read as %+v", name, raws)
		}
	}
	for _, text := range []string{``, `{}`, `[{}]`, `[` + goodLog, `"x"`, `[[]]`, `[null]`} {
		if raws, err := scanLogs(text); err == nil {
			t.Errorf("%s: read as %+v", text, raws)
		}
	}
}

// Odd forms that tell what they should are read; data that cannot be is its log's fault.
func TestOddLogs(t *testing.T) {
	good, err := scanLogs("[" + goodLog + "]")
	if err != nil {
		t.Fatal(err)
	}
	without := func(spoil func(*markets.Raw)) markets.Raw {
		raw := good[0]
		spoil(&raw)
		return raw
	}
	for name, test := range map[string]struct {
		old, new string
		want     markets.Raw
	}{
		"block as a number":  {`"blockNumber":"0x10"`, `"blockNumber":16`, good[0]},
		"removed null":       {`"removed":false`, `"removed":null`, good[0]},
		"time zero":          {`"blockTimestamp":null`, `"blockTimestamp":"0x0"`, good[0]},
		"time as a number":   {`"blockTimestamp":null`, `"blockTimestamp":7`, without(func(r *markets.Raw) { r.Time = time.Unix(7, 0).UTC() })},
		"data 0x0":           {`"data":"0x01"`, `"data":"0x0"`, without(func(r *markets.Raw) { r.Data = nil })},
		"data null":          {`"data":"0x01"`, `"data":null`, without(func(r *markets.Raw) { r.Data = nil })},
		"no data":            {`"data":"0x01",`, ``, without(func(r *markets.Raw) { r.Data = nil })},
		"topics null":        {`"topics":["0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"]`, `"topics":null`, without(func(r *markets.Raw) { r.Topics = nil })},
		"no transaction":     {`"transactionHash":"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f32","transactionIndex":"0x1"`, `"transactionHash":null,"transactionIndex":null`, without(func(r *markets.Raw) { r.Transaction, r.Position.Transaction = noTransaction, 0 })},
		"odd digits of data": {`"data":"0x01"`, `"data":"0x1"`, without(func(r *markets.Raw) { r.Data = nil })},
		"data without 0x":    {`"data":"0x01"`, `"data":"01"`, without(func(r *markets.Raw) { r.Data = nil })},
	} {
		text := strings.Replace(goodLog, test.old, test.new, 1)
		raws, err := scanLogs("[" + text + "," + goodLog + "]")
		if text == goodLog || err != nil || len(raws) != 2 {
			t.Errorf("%s: %+v, %v", name, raws, err)
			continue
		}
		faulty := strings.HasPrefix(name, "odd digits") || strings.HasPrefix(name, "data without")
		if raws[0].Fault != nil != faulty {
			t.Errorf("%s: fault %v", name, raws[0].Fault)
		}
		raws[0].Fault = nil
		if !reflect.DeepEqual(raws[0], test.want) || !reflect.DeepEqual(raws[1], good[0]) {
			t.Errorf("%s: %+v, want %+v", name, raws[0], test.want)
		}
	}
}

// Whatever bytes come, scanning ends, without a panic.
func TestScanSurvivesDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte("[" + goodLog + "," + goodLog + "]")
		for range rapid.IntRange(1, 5).Draw(t, "edits") {
			at := rapid.IntRange(1, 800).Draw(t, "at")
			if at >= len(text) {
				continue
			}
			switch rapid.IntRange(0, 2).Draw(t, "edit") {
			case 0:
				text[at] = rapid.Byte().Draw(t, "byte")
			case 1:
				text = slices.Delete(text, at, at+1)
			case 2:
				text = text[:at]
			}
		}
		if raws, err := scanLogs(string(text)); err == nil && len(raws) > 2 {
			t.Fatalf("%d logs read of 2", len(raws))
		}
	})
}

func TestScanHeader(t *testing.T) {
	const good = `{"number":"0x10","hash":"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31",` +
		`"parentHash":"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f32","timestamp":"0x0","transactions":["0x"]}`
	scan := func(text string) (h Header, err error) {
		l := &jlexer.Lexer{Data: []byte(text)}
		h.scan(l)
		return h, l.Error()
	}
	if h, err := scan(good); err != nil || h.Number != 16 || h.Time.Unix() != 0 || !strings.HasSuffix(h.Hash, "31") || !strings.HasSuffix(h.Parent, "32") {
		t.Errorf("%+v, %v", h, err)
	}
	if h, err := scan("null"); err != nil || h.Hash != "" {
		t.Errorf("null: %+v, %v", h, err)
	}
	for _, field := range []string{"hash", "parentHash", "timestamp"} {
		if h, err := scan(strings.Replace(good, `"`+field+`"`, `"other"`, 1)); err == nil {
			t.Errorf("without %s: %+v", field, h)
		}
	}
}

func asEthLog(raw markets.Raw) types.Log {
	log := types.Log{
		Topics: []common.Hash{}, Address: raw.Address, Data: raw.Data,
		BlockNumber: uint64(raw.Seq), BlockHash: common.HexToHash(raw.Block), BlockTimestamp: uint64(raw.Time.Unix()),
		TxHash: common.HexToHash(raw.Transaction), TxIndex: uint(raw.Position.Transaction), Index: uint(raw.Position.Log),
	}
	for _, topic := range raw.Topics {
		log.Topics = append(log.Topics, topic)
	}
	return log
}

func sameEthLog(a, b types.Log) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y) && a.BlockTimestamp == b.BlockTimestamp
}
