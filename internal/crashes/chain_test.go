package crashes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/devnet"
)

// finality is how many blocks below its head a chain reports as final: few, so that the short
// chains of the runs have final blocks.
const finality = 4

// network is a chain and its node, and the receiver of its events.
type network struct {
	*devnet.Chain
	model    devnet.Model
	url      string
	receiver *devnet.Receiver
	hookURL  string
}

// newNetwork returns a chain without events: a webhook gets those that come after its start.
func newNetwork(t *testing.T, seed uint64) network {
	n := network{Chain: devnet.NewChain("devnet", 1000), receiver: devnet.NewReceiver(rand.New(rand.NewPCG(seed, 2)))}
	n.Finality = finality
	n.Replace(0, devnet.Draft{})
	handler, err := devnet.Serve(n.Chain)
	if err != nil {
		t.Fatal(err)
	}
	if n.model, err = devnet.NewModel(n.Chain); err != nil {
		t.Fatal(err)
	}
	n.url, n.hookURL = listen(t, handler), listen(t, n.receiver)
	return n
}

// listen serves a handler until the test ends, and returns its URL.
func listen(t *testing.T, handler http.Handler) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// configuration is that of a worker. Batches and portions are small, so that there are many.
func (n network) configuration(worker string) string {
	return fmt.Sprintf(`node: %s
cluster: {poll: 150ms, ttl: 600ms}
monitor: {listen: "127.0.0.1:0"}
api: {listen: "127.0.0.1:0"}
tuning: {events: 8, portion: 1, tick: 50ms}
chains:
  %s:
    kind: evm
    chainId: %d
    endpoint: %s
    poll: 50ms
    timeout: 5s
    confirmViolations: 1s
    markets:
      %s: {start: 1}
hooks:
  receiver: {url: %s, secret: "a secret of a test", collections: [%s]}
`, worker, n.Name, n.ID, n.url, devnet.MarketName, n.hookURL, strings.Join(devnet.Collections, ", "))
}
