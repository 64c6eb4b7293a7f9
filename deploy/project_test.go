package deploy

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/programtest"
	"github.com/imart/event-worker/internal/required"
)

const (
	evm   = "event-worker-evm"
	aptos = "event-worker-aptos"
	chain = "ethereum" // whose owner the test disturbs

	commandLimit = 10 * time.Minute // of a build from nothing
	healthLimit  = 90 * time.Second
)

// project is a compose project of the test's own.
type project struct {
	name    string
	command []string // compose
	environ []string
	nodes   string // the service that serves the chains
}

// newProject finds Docker and compose. All that the project makes, but its image, is
// removed at the end of the test. The files are used on top of docker-compose.yml.
func newProject(t *testing.T, environ []string, files ...string) *project {
	t.Helper()
	p := &project{name: "event-worker-test-" + strings.ToLower(rand.Text()[:8]), nodes: "demo"}
	p.environ = append(os.Environ(), append([]string{"API_PORT=", "API_TOKEN="}, environ...)...) // publish the API on any free port
	if _, err := p.output(t, "docker", "info"); err != nil {
		required.Skip(t, "docker", "no Docker Engine answers: start one, or set DOCKER_HOST: "+err.Error())
	}
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if _, err := p.output(t, append(slices.Clone(command), "version")...); err == nil {
			p.command = append(command, "--project-name", p.name)
			for _, file := range append([]string{filepath.Join("..", "docker-compose.yml")}, files...) {
				p.command = append(p.command, "--file", file)
			}
			break
		}
	}
	if p.command == nil {
		required.Skip(t, "docker", "there is neither docker compose, version 2, nor docker-compose, 1.29 or later")
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", p.compose(t, "logs", "--no-color", "--tail", "60", evm, aptos))
		}
		for _, id := range strings.Fields(p.docker(t, "ps", "--quiet", "--filter", "status=paused", "--filter", "label=com.docker.compose.project="+p.name)) {
			p.docker(t, "unpause", id)
		}
		p.compose(t, "down", "--volumes", "--remove-orphans", "--timeout", "10")
	})
	return p
}

func (p *project) compose(t *testing.T, args ...string) string {
	t.Helper()
	return p.must(t, append(slices.Clone(p.command), args...)...)
}

func (p *project) docker(t *testing.T, args ...string) string {
	t.Helper()
	return p.must(t, append([]string{"docker"}, args...)...)
}

func (p *project) must(t *testing.T, command ...string) string {
	t.Helper()
	out, err := p.output(t, command...)
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return out
}

// output runs a command and returns what it prints, without the last end of line.
func (p *project) output(t *testing.T, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandLimit)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = p.environ
	out, err := c.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)) + ", " + exit.Error())
	}
	return strings.TrimRight(string(out), "\n"), err
}

// network is the full name of one of the project's networks.
func (p *project) network(name string) string { return p.name + "_" + name }

// containers are the ids of a service's containers that run, or of all.
func (p *project) containers(t *testing.T, services ...string) []string {
	t.Helper()
	return strings.Fields(p.compose(t, append([]string{"ps", "-q"}, services...)...))
}

// allHealthy waits until every container is.
func (p *project) allHealthy(t *testing.T) {
	t.Helper()
	ids := p.containers(t, "mongodb", p.nodes, evm, aptos)
	begun := time.Now()
	p.eventually(t, "all containers are healthy", healthLimit, func() (string, bool) {
		states := p.docker(t, append([]string{"inspect", "--format", "{{.Name}} {{.State.Status}} {{.State.Health.Status}}"}, ids...)...)
		for state := range strings.Lines(states) {
			if !strings.HasSuffix(strings.TrimSpace(state), " running healthy") {
				return states, false
			}
		}
		return "", true
	})
	t.Logf("%d containers are healthy after %.1f s", len(ids), time.Since(begun).Seconds())
}

// query returns a collection's documents as JSON lines. It runs in a container of the other
// chain, which the test does not disturb.
func (p *project) query(t *testing.T, args ...string) string {
	t.Helper()
	return p.docker(t, append([]string{"exec", p.containers(t, aptos)[0], "event-worker", "query"}, args...)...)
}

// lease has the owner of the chain, which is its container's host name or empty, and the time
// of the acquisition by MongoDB's clock.
type lease struct {
	Node    string
	TakenAt time.Time
}

func (p *project) lease(t *testing.T) (l lease) {
	t.Helper()
	text := p.query(t, "leases", `{_id: "`+chain+`"}`)
	if text == "" {
		return lease{} // no owner yet
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatalf("lease %q: %v", text, err)
	}
	l.Node, _, _ = strings.Cut(l.Node, ".")
	return l
}

// owner is the container that owns the chain.
func (p *project) owner(t *testing.T) (id string) {
	t.Helper()
	all := p.containers(t, evm)
	p.eventually(t, chain+" has an owner", takeOverLimit, func() (string, bool) {
		name := p.lease(t).Node
		i := slices.IndexFunc(all, func(id string) bool { return name != "" && strings.HasPrefix(id, name) })
		if i >= 0 {
			id = all[i]
		}
		return "owner " + name, i >= 0
	})
	return id
}

// takenOver waits until the chain has another owner, which must have taken it in time.
// When counts what the lease says: the test may look late.
func (p *project) takenOver(t *testing.T, from string, since time.Time) {
	t.Helper()
	var l lease
	p.eventually(t, chain+" has another owner", 2*takeOverLimit, func() (string, bool) {
		l = p.lease(t)
		return "owner " + l.Node, l.Node != "" && !strings.HasPrefix(from, l.Node)
	})
	after := l.TakenAt.Sub(since)
	t.Logf("%s: taken over from %s by %s after %.1f s", chain, from[:12], l.Node, after.Seconds())
	if after > takeOverLimit {
		t.Errorf("that is more than %s", takeOverLimit)
	}
}

// joinsAgain waits until a container that was declared dead is a member again.
func (p *project) joinsAgain(t *testing.T, id string) {
	t.Helper()
	begun := time.Now()
	p.eventually(t, "it is a member again", healthLimit, func() (string, bool) {
		nodes := p.query(t, "nodes", `{name: "`+id[:12]+`"}`)
		return nodes, strings.Contains(nodes, `"state":"up"`)
	})
	t.Logf("%s is a member again after %.1f s, restarted %s times", id[:12], time.Since(begun).Seconds(),
		p.docker(t, "inspect", "--format", "{{.RestartCount}}", id))
	p.allHealthy(t)
}

// eventually waits until a condition is true. On failure it reports the text of the condition.
func (p *project) eventually(t *testing.T, what string, within time.Duration, is func() (string, bool)) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		instead, ok := is()
		if ok {
			return
		}
		if time.Since(begun) > within {
			t.Fatalf("not within %s: %s\n%s", within, what, instead)
		}
	}
}

// collections are those whose documents do not depend on who has written them.
var collections = []string{"orders", "activities", "records", "dead_letters"}

// contents are all documents that a market's people see, in one text.
func (p *project) contents(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, collection := range collections {
		b.WriteString(p.query(t, collection, "--sort", "_id") + "\n")
	}
	return b.String()
}

// undisturbed is for processes outside Docker.
func undisturbed() *project {
	return &project{environ: programtest.Environ()}
}

// recordings returns the contents that an undisturbed demo makes.
func recordings(t *testing.T) string {
	t.Helper()
	p := undisturbed()
	program, data := programtest.Build(t), filepath.Join(t.TempDir(), "data")
	p.must(t, program, "demo", "--once", "--data", data)
	var b strings.Builder
	for _, collection := range collections {
		b.WriteString(p.must(t, program, "query", "--data", data, collection, "--sort", "_id") + "\n")
	}
	return b.String()
}

// difference is the first line that differs.
func difference(got, want string) string {
	gots, wants := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i, line := range gots {
		if i >= len(wants) || line != wants[i] {
			other := "nothing"
			if i < len(wants) {
				other = wants[i]
			}
			return "there is\n" + line + "\nwhere should be\n" + other
		}
	}
	return "the end is missing"
}
