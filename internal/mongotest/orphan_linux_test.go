package mongotest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const orphanVariable = "EVENT_WORKER_TEST_ORPHAN"

// A test binary that is killed takes its servers with it.
func TestKilledTestLeavesNoServer(t *testing.T) {
	binary(t)
	child := exec.Command(os.Args[0], "-test.run=^TestOrphan$")
	child.Env = append(os.Environ(), orphanVariable+"=1", "TMPDIR="+t.TempDir())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	_ = child.Process.Kill()
	_ = child.Wait()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for dial(ctx, strings.TrimSpace(address)) == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("the server is still there")
	}
}

// TestOrphan is the test binary that is killed.
func TestOrphan(t *testing.T) {
	if os.Getenv(orphanVariable) == "" {
		t.Skip("it is run by TestKilledTestLeavesNoServer")
	}
	_, _ = os.Stdout.WriteString(Start(t).Address() + "\n")
	select {}
}
