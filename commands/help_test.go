package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// TestHelp expects of every command that its help teaches, with an example of its
// own, within 90 columns.
func TestHelp(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example of itself", c.CommandPath())
		}
		if len(c.Long) < len(c.Short) {
			t.Errorf("%s explains nothing", c.CommandPath())
		}
		for line := range strings.Lines(c.Long) {
			if len([]rune(line)) > 90 {
				t.Errorf("%s: long line: %s", c.CommandPath(), line)
			}
		}
		for _, child := range c.Commands() {
			visit(child)
		}
	}
	visit(newRoot(Assets{}))
}

// TestHelpOfQuery expects it to name every collection.
func TestHelpOfQuery(t *testing.T) {
	c := newQuery()
	for name := range strings.SplitSeq(collections(), ", ") {
		if !strings.Contains(c.Long, "\n  "+name+" ") {
			t.Errorf("the help does not explain %s", name)
		}
	}
}

func TestSmallCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if text := output(t, dir, "version"); !strings.HasPrefix(text, "event-worker ") || !strings.Contains(text, "go1.") {
		t.Errorf("version: %s", text)
	}
	example := output(t, dir, "config", "example")
	if err := os.WriteFile(dir+"/event-worker.yaml", []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	checked := output(t, dir, "config", "check")
	for _, text := range []string{"event-worker.yaml is valid", "chain ethereum: kind evm, chain id 1, https://ethereum-rpc.publicnode.com", "delist", "from block 14,946,474 on"} {
		if !strings.Contains(checked, text) {
			t.Errorf("config check does not say %q:\n%s", text, checked)
		}
	}
}

// TestSecretsStayHidden checks a configuration whose URL and headers hold keys.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, "https://user:s3cretkey@rpc.example.com/s3cretkey?key=${KEY}", 1)
	stdout, stderr, code := result(t, dir, []string{"KEY=s3cretkey"}, "config", "check")
	if code != 0 || !strings.Contains(stdout, "https://rpc.example.com,") || strings.Contains(stdout+stderr, "s3cretkey") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}

func TestStatusAsJSON(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	var status struct {
		Data   string
		Chains []branch
	}
	if err := json.Unmarshal([]byte(output(t, data, "status", "--data", data, "--json")), &status); err != nil {
		t.Fatal(err)
	}
	actors := 0
	for i := range status.Chains {
		status.Chains[i].walk(func(b *branch) {
			if b.Actor == nil {
				t.Errorf("%s has no document", b.Name)
			}
			actors++
		})
	}
	// Of each stream a worker, a subject and two observers; of each market itself and
	// its orders; of each chain itself and its head.
	if want := 13*4 + 2*2 + 2*2; actors != want || status.Data != data {
		t.Errorf("%d actors in %s, want %d", actors, status.Data, want)
	}
	head := status.Chains[0].Children[0]
	if head.Name != "head" || status.Chains[0].Children[1].Children[0].Name != "orders" {
		t.Errorf("the order of the tree: %s first", head.Name)
	}
}

func TestTreeIsInTheOrderOfTheProtocol(t *testing.T) {
	root := &branch{}
	for _, name := range []string{"order-list", "seaport", "orders", "activity", "head", "subject", "blur"} {
		root.child(name)
	}
	root.sort()
	var names []string
	for _, c := range root.Children {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "head orders subject activity blur order-list seaport" {
		t.Errorf("order: %s", got)
	}
}

// TestClosedPipe lets the reader of query's output go away.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	for _, args := range [][]string{{"query", "activities"}, {"status"}, {"config", "example"}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		var stderr bytes.Buffer
		c := command(t.Context(), data, []string{"EVENT_WORKER_DATA=" + data}, args...)
		c.Stdout, c.Stderr = writer, &stderr
		if err := c.Run(); err != nil || stderr.Len() > 0 {
			t.Errorf("%v into a closed pipe: %v, %s", args, err, &stderr)
		}
		writer.Close()
	}
}

// TestStatusShowsLag expects each actor's own lag beside its head, and none of
// those that follow nothing.
// Text from nodes neither breaks a line or a column nor reaches the terminal raw.
func TestHostileErrors(t *testing.T) {
	const hostile = "no\x1b[2J\u009b1m\u202e\ttab\nline"
	chain := &branch{Name: "ethereum", Actor: &persistence.Actor{Kind: "chain", Report: persistence.Report{LastError: hostile}}}
	var b strings.Builder
	if err := (state{Chains: []*branch{chain}}).print(&b, view{at: location{folder: "data"}, now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if want := `no\x1b[2J\u009b1m\u202e\ttab\nline` + "\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("%q, want %q at the end", b.String(), want)
	}
	if got, want := cli.OneLine(errors.New(hostile)), `no\x1b[2J\u009b1m\u202e\ttab; line`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStatusShowsLag(t *testing.T) {
	all := []persistence.Actor{
		{ID: "ethereum", Kind: "chain", Chain: "ethereum"},
		{ID: "ethereum/head", Kind: "head", Chain: "ethereum", Place: markets.Place{Seq: 18_270_780, Hash: "0x1"}, Report: persistence.Report{Head: 18_270_780}},
		{ID: "ethereum/m/s/subject", Kind: "subject", Chain: "ethereum", Market: "m", Stream: "s", Place: markets.Place{Seq: 18_265_000, Hash: "0x2"}, Report: persistence.Report{Head: 18_270_780, Lag: 5_780}},
		{ID: "aptos/m/s/subject", Kind: "subject", Chain: "aptos", Market: "m", Stream: "s", Place: markets.Place{Seq: 61_371, Through: 2_386_891_000}, Report: persistence.Report{Head: 2_386_891_061, Lag: 61}},
		{ID: "aptos/m/t/subject", Kind: "subject", Chain: "aptos", Market: "m", Stream: "t", Place: markets.Place{Seq: 61_371}, Report: persistence.Report{Head: 2_386_891_061, Lag: 2_386_829_690}},
	}
	text := statusOf(t, all, time.Now(), false)
	var got []string
	for line := range strings.Lines(text) {
		got = append(got, strings.Join(strings.Fields(strings.Trim(line, "│├└─ \n")), " "))
	}
	for _, want := range []string{"head 18,270,780 18,270,780 0 0", "subject 18,265,000 18,270,780 5,780 0", "subject 2,386,891,000 2,386,891,061 61 0 61,371", "subject start 2,386,891,061 0"} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}
