package commands

import (
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/hostile"
)

// Whatever a node answers, a worker stays within its memory, and goes on once the node is honest.
func TestWorkersWithstandHostileNodes(t *testing.T) {
	recorded := recordedNode(t, "ethereum")
	for _, methods := range []string{"eth_getLogs", "eth_getBlockByNumber"} {
		for _, answer := range hostile.Answers() {
			t.Run(methods+"/"+answer.Name, func(t *testing.T) {
				t.Parallel()
				node := &hostile.Node{Honest: recorded, Methods: strings.Fields(methods), Answer: answer}
				server := httptest.NewServer(node)
				t.Cleanup(server.Close)
				dir := t.TempDir()
				file := configured(t, dir, server.URL, 1)
				withOption(t, file, "timeout: 5s")
				worker := launch(t, dir, "run", "--config", file)
				eventually(t, "the node is asked", func() bool { return node.Answered() >= 3 })
				node.Redeem()
				worker.says("every stream has caught up")
				peak := hostile.Peak(t, worker.Process.Pid)
				t.Logf("%d MiB, %d answers", peak>>20, node.Answered())
				if peak > maxPeak {
					t.Errorf("the worker has taken %d MiB", peak>>20)
				}
				worker.ends(syscall.SIGTERM)
			})
		}
	}
}
