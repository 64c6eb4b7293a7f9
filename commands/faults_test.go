package commands

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/chains/faults"
)

// callNode posts a call of JSON-RPC.
func callNode(t *testing.T, url, method, params string) string {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Faults serves a node with the faults of a profile, and in the end says what it did.
func TestFaults(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	p := launch(t, t.TempDir(), "faults", "--upstream", node.URL()+"/s3cretkey", "--profile", "range-cap")
	p.says("(counters: /_faults)\n")
	_, rest, _ := strings.Cut(p.out.String(), " at ")
	url, _, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("listens at %s", url)
	}
	if got := callNode(t, url, "eth_chainId", "[]"); !strings.Contains(got, `"result":"0x1"`) {
		t.Errorf("the chain id: %s", got)
	}
	if got := callNode(t, url, "eth_getLogs", `[{"fromBlock":"0x1000000","toBlock":"0x1001000"}]`); !strings.Contains(got, "this block range should work: [0x1000000, 0x10001f3]") {
		t.Errorf("a range: %s", got)
	}
	p.ends(syscall.SIGTERM)
	said := p.out.String()
	if !strings.HasSuffix(said, "\n2 calls (eth_chainId 1, eth_getLogs 1): range-cap 1 of 1\n") || strings.Contains(said, "s3cretkey") {
		t.Errorf("said:\n%s", said)
	}
}

func TestListOfFaults(t *testing.T) {
	t.Parallel()
	list := output(t, t.TempDir(), "faults", "--list")
	for _, p := range faults.Profiles() {
		if !strings.Contains(list, "\n"+p.Name+" ") || !strings.Contains(list, p.Description) {
			t.Errorf("no profile %s", p.Name)
		}
	}
	for _, k := range faults.Kinds() {
		if !strings.Contains(list, "\n"+k.Name+" ") {
			t.Errorf("no fault %s", k.Name)
		}
	}
	for _, r := range faults.Refusals() {
		if !strings.Contains(list, "\n"+r.Name+" ") {
			t.Errorf("no refusal %s", r.Name)
		}
	}
}
