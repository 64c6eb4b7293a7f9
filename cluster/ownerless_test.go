package cluster

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/persistence"
)

// A chain without a living owner for long is logged as an error by every node that could follow
// it, and so is the end of that; a chain that was released on purpose is not, nor one that is
// taken over in time.
func TestChainsWithoutOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable()
		one, two := start(table, 1, []string{"ethereum", "bsc"}), start(table, 2, []string{"ethereum", "aptos"})
		three := start(table, 3, []string{"old"})
		time.Sleep(10 * time.Second)
		three.stop() // releases its chain
		if err := <-three.done; err != nil {
			t.Fatal(err)
		}
		two.kill()
		time.Sleep(20 * time.Second)
		if text := one.log.String(); strings.Contains(text, "level=ERROR") {
			t.Errorf("after a moment:\n%s", text)
		}
		time.Sleep(30 * time.Second)
		lines := linesOf(one, "level=ERROR")
		if len(lines) != 1 || !strings.Contains(lines[0], `msg="chain has no owner: nobody follows it" chain=aptos since=`) ||
			!strings.HasSuffix(lines[0], `reason="the nodes that follow it are dead or have left: start one"`) {
			t.Errorf("%q", lines)
		}
		four := start(table, 4, []string{"aptos"})
		time.Sleep(30 * time.Second)
		if lines := linesOf(one, "lasted="); len(lines) != 1 || !strings.Contains(lines[0], `level=INFO msg="chain has an owner again" chain=aptos node=p4.`) {
			t.Errorf("%q", lines)
		}
		if lines := linesOf(four, "level=ERROR"); len(lines) > 0 {
			t.Errorf("%q", lines)
		}
		for _, p := range []*process{one, four} {
			p.stop()
			if err := <-p.done; err != nil {
				t.Error(err)
			}
		}
		two.cleanUp()
	})
}

func TestWhyAChainHasNoOwner(t *testing.T) {
	for state, want := range map[string]string{persistence.Up: "it could not be acquired yet", persistence.Draining: "drained", persistence.Dead: "start one"} {
		node := persistence.Node{ID: "a", State: state, Chains: []persistence.NodeChain{{Name: "bsc"}}}
		if got := whyOwnerless(newSnapshot([]persistence.Node{node}, nil, snapshot{}), "bsc"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", state, got)
		}
	}
}

func linesOf(p *process, text string) (lines []string) {
	for line := range strings.Lines(p.log.String()) {
		if strings.Contains(line, text) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}
