package eth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailru/easyjson/jlexer"
)

// recordedLogs are the logs of some recorded blocks, as seeds.
func recordedLogs(f *testing.F) {
	names, err := filepath.Glob("../../../../testdata/recordings/ethereum/blocks/*.json")
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
	f.Add([]byte("[" + strings.Replace(goodLog, "{", `{"blockTimestamp":"0x3afff44180",`, 1) + "]"))
	f.Add([]byte("[" + strings.Replace(goodLog, "{", `{"blockTimestamp":"0x7fffffffffffffff",`, 1) + "]"))
	f.Add([]byte("null"))
	recordedLogs(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var scan LogScanner
		l := &jlexer.Lexer{Data: text}
		scan.Scan(l)
		l.Consumed()
		if l.Error() != nil {
			return
		}
		raws, err := VerifyLogs(scan.Raws, Filter{}, 0, 1<<62)
		if err != nil {
			return
		}
		for i, raw := range raws {
			if !isHash(raw.Block) || !isHash(raw.Transaction) || len(raw.Topics) > 4 || raw.Time.Unix() > 253402300799 {
				t.Fatalf("%+v", raw)
			}
			if i > 0 && !raw.Position.After(raws[i-1].Position) {
				t.Fatalf("%v follows on %v", raw.Position, raws[i-1].Position)
			}
		}
	})
}
