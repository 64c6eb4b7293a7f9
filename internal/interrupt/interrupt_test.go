package interrupt

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// early signals the process while its packages are initialised, where a test asks for it.
var early = os.Getenv("EVENT_WORKER_TEST_EARLY") != "" && syscall.Kill(os.Getpid(), syscall.SIGTERM) == nil

// A signal during the initialisation ends the context that main asks for later. A second
// signal ends the process.
func TestEarlySignal(t *testing.T) {
	if early {
		<-Context().Done()
		if os.Getenv("EVENT_WORKER_TEST_EARLY") == "twice" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
			select {}
		}
		return
	}
	for how, want := range map[string]string{"once": "exit status 0", "twice": "signal: terminated"} {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEarlySignal$")
		c.Env = append(os.Environ(), "EVENT_WORKER_TEST_EARLY="+how)
		out, _ := c.CombinedOutput()
		if got := c.ProcessState.String(); got != want {
			t.Errorf("signalled %s: %s, want %s\n%s", how, got, want, out)
		}
	}
}
