package evm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailru/easyjson/jlexer"
)

// recordedLogs are the logs of some recorded blocks, as seeds.
func recordedLogs(f *testing.F) {
	names, err := filepath.Glob("../../testdata/recordings/ethereum/blocks/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no recorded blocks: %v", err)
	}
	for _, name := range names[:min(len(names), 4)] {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// Whatever an endpoint answers to eth_getLogs, reading it ends, and what is read keeps
// what later stages rely on.
func FuzzLogs(f *testing.F) {
	f.Add([]byte("[" + goodLog + "]"))
	f.Add([]byte("null"))
	recordedLogs(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var scan logScanner
		l := &jlexer.Lexer{Data: text}
		scan.scan(l)
		l.Consumed()
		if l.Error() != nil {
			return
		}
		raws, err := verifyLogs(scan.raws, filter{}, 0, 1<<62)
		if err != nil {
			return
		}
		for i, raw := range raws {
			if !isHash(raw.Block) || !isHash(raw.Transaction) || len(raw.Topics) > 4 {
				t.Fatalf("%+v", raw)
			}
			if i > 0 && !raw.Position.After(raws[i-1].Position) {
				t.Fatalf("%v follows on %v", raw.Position, raws[i-1].Position)
			}
		}
	})
}

// Whatever an endpoint answers to a batch, reading it ends: every call is answered once,
// or the request fails.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`[{"id":0,"result":null},{"id":1,"result":[` + goodLog + `]},{"id":2,"error":{"code":-32000,"message":"no"}}]`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch requests are disabled"}}`))
	recordedLogs(f)
	c := answerWith(f, "")
	f.Fuzz(func(t *testing.T, text []byte) {
		var h header
		var logs logScanner
		var receipts receiptsScanner
		calls := []*call{blockByNumber("latest", &h), {method: "eth_getLogs", result: logs.scan}, {method: getBlockReceipts, result: receipts.scan}}
		if err := c.scan(text, calls, 0); err == nil {
			for _, call := range calls {
				if !call.answered && call.err == nil {
					t.Fatal("a call is neither answered nor refused")
				}
			}
		}
	})
}
