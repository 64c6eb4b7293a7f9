package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/required"
)

// The unit is valid, and systemd rates its exposure as low.
func TestSystemd(t *testing.T) {
	const tool = "systemd-analyze"
	if _, err := exec.LookPath(tool); err != nil {
		required.Skip(t, "systemd", "put "+tool+" on PATH: apt-get install systemd")
	}
	text, err := os.ReadFile("systemd/event-worker.service")
	if err != nil {
		t.Fatal(err)
	}
	const installed = "/usr/local/bin/event-worker"
	if !strings.Contains(string(text), "ExecStart="+installed+" run ") {
		t.Errorf("the unit does not start %s", installed)
	}
	here, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "event-worker.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "ExecStart="+installed, "ExecStart="+here)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	const exposure = "15" // 1.5 of 10, which systemd calls "OK"
	if out, err := exec.Command(tool, "security", "--offline=yes", "--threshold="+exposure, unit).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}
