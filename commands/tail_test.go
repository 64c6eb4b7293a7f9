package commands

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestErrorLog takes the endpoint away from a running process, and gives it back: the last
// lines of evm/error.log say so.
func TestErrorLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address := unusedAddress(t)
	node := recordedNodeAt(t, address, "ethereum")
	appendTo(t, configured(t, dir, node.URL()+"/v2/s3cretkey", 1), "tuning: {outage: 300ms}\n")
	p := launch(t, dir, "run", "--log-dir", "logs")
	p.says("every stream has caught up")
	tail := func(file string) string { return output(t, dir, "tail", "-n", "3", file, "--log-dir", "logs") }
	lines := func(n int) (text string) { // a line is on standard error before it is in the file
		eventually(t, "the line is in the file", func() bool { text = tail("evm/error.log"); return strings.Count(text, "\n") >= n })
		return text
	}
	if text := tail("evm/error.log"); text != "" {
		t.Errorf("while all is well:\n%s", text)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	p.says("chain cannot be followed: none of its endpoints can be used")
	if text := lines(1); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "chain=ethereum since=") || !strings.Contains(text, "connection refused") {
		t.Errorf("while the endpoint is away:\n%s", text)
	}
	recordedNodeAt(t, address, "ethereum")
	p.says("chain is followed again")
	if text := lines(2); strings.Count(text, "\n") != 2 || !strings.Contains(text, `level=INFO msg="chain is followed again" chain=ethereum lasted=`) {
		t.Errorf("when the endpoint is back:\n%s", text)
	}
	p.ends(syscall.SIGTERM)
	if text := tail("node/error.log"); text != "" {
		t.Errorf("of no chain:\n%s", text)
	}
	if strings.Contains(p.out.String(), "s3cretkey") {
		t.Error("the log shows a secret")
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	for file, text := range map[string]string{"evm/error.log": "one\ntwo\nthree\n", "aptos/error.log": "", "node/info.log": "no end"} {
		path := filepath.Join(logs, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
	}
	environ := []string{logDirVariable + "=logs"}
	for _, test := range []struct{ args, want string }{
		{"evm/error.log", "one\ntwo\nthree\n"},
		{"-n 2 evm/error.log", "two\nthree\n"},
		{"-n 0 evm/error.log", ""},
		{"-n -1 evm/error.log", ""},
		{"aptos/error.log", ""},
		{"-n 1 node/info.log", "no end"},
		{"", "aptos/error.log\nevm/error.log\nnode/info.log\n"},
	} {
		stdout, stderr, code := result(t, dir, environ, append([]string{"tail"}, strings.Fields(test.args)...)...)
		if stdout != test.want || code != 0 {
			t.Errorf("tail %s: %q, %s, want %q", test.args, stdout, stderr, test.want)
		}
	}
	_, stderr, code := result(t, dir, nil, "tail", "evm/warn.log", "--log-dir", "logs")
	want := "event-worker: logs contains no log file evm/warn.log: its log files are aptos/error.log, evm/error.log, node/info.log; name another folder with --log-dir\n"
	if code != 1 || stderr != want {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
