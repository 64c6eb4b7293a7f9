package docs_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/required"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	process "github.com/imart/event-worker/worker"
)

// The example client prints the floor price of a collection, and prints it again when it
// changes. Changes of other orders come as removals, and print nothing.
func TestExampleClient(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		required.Skip(t, "openapi", "put node, 20 or later, on PATH")
	}
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const token, collection = "a-token-for-the-client", "0x8a90CAb2b38dba80c64b7734e58Ee1dB38B8992e"
	server, err := process.ServeAPI(t.Context(), config.API{Listen: "127.0.0.1:0", Token: token}, store, process.Access{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	list := func(key string, price markets.Amount, in string) {
		t.Helper()
		o := markets.Order{
			Chain: "ethereum", Market: "imart", Key: key, Side: markets.Ask, Status: markets.Listing, Price: price, UnitPrice: price, Quantity: "1",
			Token: markets.Token{Collection: in, ID: key}, Currency: markets.Currency{Symbol: "ETH", Decimals: 18},
		}
		err := store.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "imart"}, nil, func(tx persistence.Tx) error {
			return tx.PutOrders([]markets.Order{o})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	list("1", "2000000000000000000", collection)
	list("2", "10000000000000000000", collection)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	node := exec.CommandContext(ctx, "node", filepath.Join("examples", "client.mjs"), server.URL(), collection)
	node.Env = append(node.Environ(), "TOKEN="+token)
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("%q, want %q", lines.Text(), want)
		}
	}
	expect("2000000000000000000 wei, #1")
	list("3", "1", "0x0000000000000000000000000000000000000001") // of another collection
	list("4", "900000000000000000", collection)
	expect("900000000000000000 wei, #4")
	list("5", "800000000000000000", collection)
	expect("800000000000000000 wei, #5")
	cancel()
	fmt.Fprint(t.Output(), node.Wait()) // killed
}
