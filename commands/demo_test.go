package commands

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
)

// whole returns a folder in which the demo has read its whole recording.
func whole(t *testing.T) (data, said string) {
	t.Helper()
	data = t.TempDir()
	return data, output(t, data, "demo", "--once", "--data", data)
}

// TestDemo compares what the demo finds with what is known of the recordings.
func TestDemo(t *testing.T) {
	t.Parallel()
	data, said := whole(t)
	for _, text := range []string{
		"63 new events in 13 streams",
		"seaport on ethereum: 44 orders, 6 CANCELED, 12 PARTIAL, 26 SOLD",
		"tradeport on aptos: 17 orders, 6 CANCELED, 3 LISTING, 8 SOLD",
		`"Ice Blue #1890" for 1.65 APT, 0x08c5…dcd4 → 0x27e8…c374`,
		"2023-10-03 15:03:35, transaction 0xa5ceff480c2fda9423897c6fc54d96362bad0b91dfd325b963611323f9ac3e5b",
		data,
	} {
		if !strings.Contains(said, text) {
			t.Errorf("the demo does not say %q", text)
		}
	}
	tryNext(t, said, nil)
	const sale = `kind: {$in: ["bought", "offer_accepted"]}`
	for _, known := range []struct {
		what, collection, filter string
		count                    int
	}{
		{"sales on Seaport", "activities", `{market: "seaport", ` + sale + `}`, 34},
		{"of them in block 17,000,000", "activities", `{market: "seaport", "position.height": 17000000, ` + sale + `}`, 6},
		{"cancellations on Seaport", "activities", `{market: "seaport", kind: "delisted"}`, 6},
		{"of them in block 17,000,000", "activities", `{market: "seaport", "position.height": 17000000, stream: "delist"}`, 2},
		{"cancellations in bulk", "activities", `{market: "seaport", kind: "orders_cancelled"}`, 1},
		{"purchases on Tradeport", "activities", `{market: "tradeport", kind: "bought"}`, 4},
		{"accepted token bids", "activities", `{stream: "offer-accept", kind: "offer_accepted"}`, 3},
		{"accepted collection bids", "activities", `{stream: "collection-offer-accept", kind: "offer_accepted"}`, 1},
		{"orders of Aptos, where everything is final", "orders", `{chain: "aptos", final: true}`, 17},
		{"orders of Ethereum below finality", "orders", `{chain: "ethereum", final: true}`, 41},
		{"orders of Ethereum above it", "orders", `{"last.height": {$gt: 18270716}, chain: "ethereum", final: false}`, 3},
		{"events that could not be decoded", "dead_letters", `{}`, 0},
		{"actors that failed", "actors", `{restarts: {$gt: 0}}`, 0},
		{"actors that lag", "actors", `{kind: "subject", lag: {$gt: 0}}`, 0},
	} {
		if got := len(find(t, data, known.collection, known.filter)); got != known.count {
			t.Errorf("%s: %d, want %d", known.what, got, known.count)
		}
	}
	if order := find(t, data, "orders", `{chain: "aptos"}`, "--limit", "1"); len(order) != 1 || order[0]["final"] != true {
		t.Errorf("an order of Aptos: %v", order)
	}
	if order := find(t, data, "orders", `{status: "SOLD", "currency.symbol": "ETH"}`, "--sort", "-price", "--limit", "1"); len(order) != 1 || order[0]["price"] == "" {
		t.Errorf("the dearest order sold: %v", order)
	}
}

// tryNext runs the commands that the demo suggests, and returns their number.
func tryNext(t *testing.T, said string, environ []string) (tried int) {
	t.Helper()
	for line := range strings.Lines(said) {
		call := strings.TrimSpace(line)
		if !strings.HasPrefix(call, program) {
			continue
		}
		tried++
		c := exec.CommandContext(t.Context(), "sh", "-c", "exec "+call)
		c.Env = command(t.Context(), "", environ).Env
		p := started(t, c)
		if strings.Contains(call, " serve") {
			p.says(" until Ctrl-C")
			p.ends(syscall.SIGTERM)
			continue
		}
		if err := <-p.done; err != nil || strings.Count(p.out.String(), "\n") < 3 {
			t.Errorf("what to try next: %s: %v\n%s", call, err, &p.out)
		}
	}
	return tried
}

// TestDemoAgain starts the demo on what it has already read.
func TestDemoAgain(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	before := contents(t, data)
	if said := output(t, data, "demo", "--once", "--data", data); !strings.Contains(said, "0 new events") {
		t.Errorf("the second time there are new events:\n%s", said)
	}
	p := launch(t, data, "demo", "--data", data, "--pace", "1h")
	p.says("head at 18,270,780") // a chain does not go back while nobody looks
	p.says("0 new events")
	p.ends(syscall.SIGTERM)
	if contents(t, data) != before {
		t.Error("later the documents have changed")
	}
}

// TestDemoFollows watches the demo while it follows: other processes can read its data but
// not write to it, and in the end the documents are those of demo --once.
func TestDemoFollows(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, t.TempDir(), "demo", "--data", data, "--pace", "20ms")
	p.says("The recorded chains now advance")
	if tree := output(t, "", "status", "--data", data); !strings.Contains(tree, "order-collection-offer-accept") || !strings.Contains(tree, "following") {
		t.Errorf("status while it runs:\n%s", tree)
	}
	if n := len(find(t, data, "activities", `{position: {$exists: true}}`)); n < 30 {
		t.Errorf("%d activities while it runs", n)
	}
	if _, stderr, code := result(t, "", nil, "demo", "--data", data); code != 1 || !strings.Contains(stderr, "in use by another process") {
		t.Errorf("a second one on the same data: exit code %d, %s", code, stderr)
	}
	p.says("The recording of ethereum ends here")
	p.says("The recording of aptos ends here")
	eventually(t, "every event is there", func() bool { return len(find(t, data, "activities", `{}`)) == 63 })
	eventually(t, "every order is there", func() bool { return len(find(t, data, "orders", `{}`)) == 61 })
	p.ends(syscall.SIGINT)
	want, _ := whole(t)
	eventually(t, "the documents are those of --once", func() bool { return contents(t, data) == contents(t, want) })
}

// eventually waits for what must become true.
func eventually(t *testing.T, what string, true_ func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !true_(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestDemoKilled kills the demo at random moments, and lets the last one end: the documents
// are those of an undisturbed demo.
func TestDemoKilled(t *testing.T) {
	t.Parallel()
	want, _ := whole(t)
	for _, mode := range [][]string{{"--once"}, {"--pace", "3ms"}} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			data := t.TempDir()
			for range 12 {
				p := launch(t, data, append([]string{"demo", "--data", data}, mode...)...)
				select {
				case <-time.After(time.Duration(random.IntN(250)) * time.Millisecond):
					_ = p.Process.Kill()
					<-p.done
				case err := <-p.done:
					if err != nil {
						t.Fatalf("%v\n%s", err, &p.out)
					}
				}
			}
			output(t, data, "demo", "--once", "--data", data)
			if got := contents(t, data); got != contents(t, want) {
				t.Errorf("after kills the documents are others:\n%s", got)
			}
		})
	}
}
