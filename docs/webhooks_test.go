package docs_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/internal/required"
)

const webhooksPage = "webhooks.md"

const hookSecret = "sixteen bytes or more"

// receiverOfThePage starts the receiver of the page. It returns its URL, and a function
// that stops it and returns its output.
func receiverOfThePage(t *testing.T) (url string, stop func() string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		required.Skip(t, "node", "put node on PATH")
	}
	blocks := readPage(t, webhooksPage).blocks()
	i := slices.IndexFunc(blocks, func(b block) bool { return b.language == "js" })
	file := filepath.Join(t.TempDir(), "receiver.mjs")
	if err := os.WriteFile(file, []byte(blocks[i].text), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	listener.Close()
	var out bytes.Buffer
	c := exec.CommandContext(t.Context(), node, file)
	c.Env = append(os.Environ(), "HOOK_SECRET="+hookSecret, fmt.Sprint("PORT=", address.Port))
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() string {
		if !stopped {
			stopped = true
			_ = c.Process.Kill()
			_ = c.Wait()
		}
		return out.String()
	}
	t.Cleanup(func() { stop() })
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address.String()); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the receiver does not listen: %s", stop())
		}
	}
	return fmt.Sprintf("http://%s/hooks", address), stop
}

// The receiver of the page accepts deliveries signed with its secret, each once, and no
// others.
func TestTheReceiverOfThePage(t *testing.T) {
	url, stop := receiverOfThePage(t)
	sender := hooks.NewSender()
	defer sender.Close()
	hook := hooks.Hook{Name: "sales", URL: url, Secret: []byte(hookSecret)}
	id, body, err := hooks.PingOf("sales", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sender.Send(t.Context(), hook, id, body); err != nil {
			t.Error(err)
		}
	}
	hook.Secret = []byte("another one of sixteen bytes")
	if err := sender.Send(t.Context(), hook, "other", []byte(`{"id":"other","events":[{"type":"forged"}]}`)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("another secret: %v", err)
	}
	if printed := strings.TrimSpace(stop()); printed != hooks.Ping {
		t.Errorf("the receiver prints %q", printed)
	}
}

// The configuration of the page is valid, and the page has all defaults, types and headers.
func TestTheConfigurationOfWebhooks(t *testing.T) {
	page := readPage(t, webhooksPage)
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(page.blocks()[0].text), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := config.Hooks(file, []string{"HOOK_SECRET=" + hookSecret})
	if err != nil || len(all) != 1 || all[0].GiveUp != 24*time.Hour || string(all[0].Secret) != hookSecret {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, word := range slices.Concat(hooks.Types, hooks.Collections, []string{hooks.Gone, hooks.Ping, hooks.DeliveryHeader, hooks.SignatureHeader, "`24h`"}) {
		if !strings.Contains(page.text, word) {
			t.Errorf("the page does not mention %s", word)
		}
	}
}
