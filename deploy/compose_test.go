// Package deploy tries docker-compose.yml, as it stands, in a Docker Engine: whatever
// happens to containers and networks, the documents are in the end those of the
// recordings.
package deploy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// takeOverLimit bounds how long a chain may be without an owner that works.
const takeOverLimit = 10 * time.Second

func TestCompose(t *testing.T) {
	if os.Getenv("EVENT_WORKER_TEST_COMPOSE") == "" {
		t.Skip("it takes minutes: make compose-test runs it")
	}
	// The pace makes the chains advance during all that is done to those who follow.
	c := newProject(t, []string{"COMPOSE_PROFILES=demo", "EVENT_WORKER_CONFIG=demo.yaml", "DEMO_PACE=2500ms"})
	want := recordings(t)
	step := func(name string, do func(t *testing.T)) {
		t.Helper()
		if !t.Run(name, do) {
			t.FailNow()
		}
	}

	step("build", func(t *testing.T) {
		c.compose(t, "build")
		t.Logf("the image has %s bytes", c.docker(t, "image", "inspect", "--format", "{{.Size}}", "event-worker"))
	})
	step("up", func(t *testing.T) {
		c.compose(t, "up", "-d")
		c.allHealthy(t)
		t.Logf("status:\n%s", c.compose(t, "exec", "-T", evm, "event-worker", "status"))
	})
	step("the API on this machine", func(t *testing.T) {
		address := c.compose(t, "port", api, "9465")
		if !strings.HasPrefix(address, "127.0.0.1:") {
			t.Fatalf("it is published at %s", address)
		}
		c.eventually(t, "the API has orders", time.Minute, func() (string, bool) {
			answer, err := http.Get("http://" + address + "/orders?limit=1")
			if err != nil {
				return err.Error(), false
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			return fmt.Sprintf("%s %s %v", answer.Status, text, err), strings.Contains(string(text), `"_id":`)
		})
	})
	step("scale to 3", func(t *testing.T) {
		c.compose(t, "up", "-d", "--scale", evm+"=3")
		c.allHealthy(t)
		if n := len(c.containers(t, evm)); n != 3 {
			t.Fatalf("%d containers", n)
		}
	})
	step("kill", func(t *testing.T) {
		owner := c.owner(t)
		killed := time.Now()
		c.docker(t, "kill", "--signal", "KILL", owner)
		c.takenOver(t, owner, killed)
		c.docker(t, "start", owner) // Docker's restart policies leave alone what docker kill has ended
		c.allHealthy(t)
	})
	step("pause for 30 s", func(t *testing.T) {
		owner := c.owner(t)
		paused := time.Now()
		c.docker(t, "pause", owner)
		c.takenOver(t, owner, paused)
		time.Sleep(time.Until(paused.Add(30 * time.Second)))
		c.docker(t, "unpause", owner)
		c.joinsAgain(t, owner)
	})
	step("cut off from MongoDB", func(t *testing.T) {
		owner := c.owner(t)
		cut := time.Now()
		c.docker(t, "network", "disconnect", c.network("database"), owner)
		c.takenOver(t, owner, cut)
		time.Sleep(time.Until(cut.Add(15 * time.Second)))
		c.docker(t, "network", "connect", "--alias", evm, c.network("database"), owner)
		c.joinsAgain(t, owner)
	})
	step("rolling restart", func(t *testing.T) {
		for _, service := range []string{evm, aptos} {
			for _, id := range c.containers(t, service) {
				owned := service == evm && c.owner(t) == id
				stopped := time.Now()
				c.docker(t, "stop", "--time", "30", id)
				if code := c.docker(t, "inspect", "--format", "{{.State.ExitCode}}", id); code != "0" {
					t.Errorf("%s ends with exit code %s", id[:12], code)
				}
				if owned {
					c.takenOver(t, id, stopped)
				}
				c.docker(t, "start", id)
				c.allHealthy(t)
			}
		}
	})
	step("the documents are those of the recordings", func(t *testing.T) {
		c.eventually(t, "the documents are those of the recordings", 5*time.Minute, func() (string, bool) {
			got := c.contents(t)
			return difference(got, want), got == want
		})
	})
	step("down and up again on the same volume", func(t *testing.T) {
		c.compose(t, "down")
		c.environ = append(c.environ, "DEMO_PACE=100ms") // the last one counts
		c.compose(t, "up", "-d")
		c.allHealthy(t)
		if got := c.contents(t); got != want {
			t.Errorf("other documents: %s", difference(got, want))
		}
		c.eventually(t, "every stream has caught up", time.Minute, func() (string, bool) {
			behind := c.query(t, "actors", `{kind: "subject", $or: [{lag: {$ne: 0}}, {head: {$nin: [18270780, 2386891061]}}]}`)
			return behind, behind == ""
		})
		if got := c.contents(t); got != want {
			t.Errorf("in the end other documents: %s", difference(got, want))
		}
	})
}
