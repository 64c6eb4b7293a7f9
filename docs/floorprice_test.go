package docs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/npmtest"
	"github.com/imart/event-worker/internal/required"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

const floorPage = "floor-price.md"

// The configuration of the page is valid.
func TestConfigurationOfTheFloorPage(t *testing.T) {
	for _, b := range readPage(t, floorPage).blocks() {
		if b.language != "yaml" {
			continue
		}
		file := filepath.Join(t.TempDir(), config.DefaultFile)
		if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, []string{"ETHEREUM_KEY=key"})
		if err != nil || len(cfg.Chains) != 1 || cfg.Chains[0].Markets[0].Starts["list"].Kind != config.AtLatest {
			t.Errorf("%+v, %v", cfg, err)
		}
		return
	}
	t.Error("the page has no configuration")
}

// The query of the page has the documented result and uses an index. The programs of the
// page print the floor and each change of it.
func TestFloorOfThePage(t *testing.T) {
	thorough.Only(t)
	uri := mongotest.Database(t)
	db, program := connect(t, uri), build(t)
	program.run(t, uri, "event-worker demo --once")
	crowd(t, db)
	openBazaar(t, db)
	page := readPage(t, floorPage)
	queries := page.queries(t, func(block) bool { return true })
	if len(queries) != 1 {
		t.Fatalf("%d queries", len(queries))
	}
	if err := db.answers(t.Context(), queries[0]); err != nil {
		t.Error(err)
	}
	db.proveIndexed(t, queries[0])
	t.Run("mongosh", func(t *testing.T) {
		if err := mongosh(t).answers(t.Context(), uri, page, queries); err != nil {
			t.Error(err)
		}
	})
	address := serveFloor(t, program, uri)
	t.Run("curl", func(t *testing.T) { curlFloor(t, program, uri, address, page) })
	t.Run("program on the feed", func(t *testing.T) {
		if _, err := exec.LookPath("node"); err != nil {
			required.Skip(t, "openapi", "put node, 20 or later, on PATH")
		}
		followFloor(t, db, uri, page, "/feed", t.TempDir(), "http://"+address)
	})
	reopen(t, db)
	t.Run("program on MongoDB", func(t *testing.T) {
		followFloor(t, db, uri, page, "import { MongoClient }", npmtest.Install(t, "mongodb-driver", "testdata/driver"))
	})
}

// serveFloor serves the API of the database until the end of the test.
func serveFloor(t *testing.T, program program, uri string) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	serve := program.command(ctx, uri, "event-worker", "serve", "--listen", "127.0.0.1:0")
	serve.Path, serve.Err = program.binary(), nil
	serve.Stderr = os.Stderr
	out, err := serve.StdoutPipe()
	if err == nil {
		err = serve.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = serve.Wait() // it was killed
	})
	said, err := bufio.NewReader(out).ReadString('\n')
	found := regexp.MustCompile(`http://(\S+) until`).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("serve prints %q, %v", said, err)
	}
	return found[1]
}

// curlFloor runs the shell lines of the page that use the API.
func curlFloor(t *testing.T, program program, uri, address string, page page) {
	if _, err := exec.LookPath("curl"); err != nil {
		required.Skip(t, "curl", "put curl on PATH")
	}
	blocks := page.blocks()
	i := slices.IndexFunc(blocks, func(b block) bool { return b.language == "sh" && strings.Contains(b.text, "curl ") })
	if i < 0 || !strings.Contains(blocks[i].text, config.DefaultAPI) {
		t.Fatalf("the page has no request to %s", config.DefaultAPI)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	script := strings.ReplaceAll(blocks[i].text, config.DefaultAPI, address)
	answer, err := program.command(ctx, uri, "sh", "-c", script).Output()
	var found struct {
		Data []struct {
			UnitPrice string
			Token     struct{ ID string }
			Final     *bool
		}
	}
	if err == nil {
		err = json.Unmarshal(answer, &found)
	}
	if err != nil || len(found.Data) != 1 || found.Data[0].UnitPrice != "250000000000000000" || found.Data[0].Token.ID != "11" || found.Data[0].Final == nil {
		t.Errorf("%v: %s", err, answer)
	}
}

// floors are the lines that the programs of the page print while the cheapest listings are
// sold one by one.
var floors = []struct{ printed, sold string }{
	{"250000000000000000 for token 11", "ask-5"},
	{"400000000000000000 for token 8", "ask-2"},
	{"500000000000000000 for token 7", "ask-1"},
	{"nothing to buy", ""},
}

// followFloor runs the program of the page that contains a text while the cheapest listings
// are sold.
func followFloor(t *testing.T, db database, uri string, page page, text, folder string, args ...string) {
	blocks := page.blocks()
	i := slices.IndexFunc(blocks, func(b block) bool { return b.language == "js" && strings.Contains(b.text, text) })
	if i < 0 {
		t.Fatal("the page has no program")
	}
	file := filepath.Join(folder, fmt.Sprintf("floor-%d.mjs", os.Getpid()))
	if err := os.WriteFile(file, []byte(blocks[i].text), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node := program{folder}.command(ctx, uri, "node", slices.Concat([]string{file}, args, []string{bazaarCollection})...)
	node.Stderr = os.Stderr
	out, err := node.StdoutPipe()
	if err == nil {
		err = node.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = node.Wait() // it was killed
	}()
	lines := bufio.NewScanner(out)
	for _, want := range floors {
		if !lines.Scan() || lines.Text() != want.printed {
			t.Fatalf("the program prints %q, want %q; %v", lines.Text(), want.printed, lines.Err())
		}
		if want.sold != "" {
			setStatus(t, db, want.sold, markets.Sold)
		}
	}
}

// reopen makes the sold listings open again.
func reopen(t *testing.T, db database) {
	t.Helper()
	for _, floor := range floors {
		if floor.sold != "" {
			setStatus(t, db, floor.sold, markets.Listing)
		}
	}
}

func setStatus(t *testing.T, db database, key string, status markets.Status) {
	t.Helper()
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "status", Value: status}}}}
	result, err := db.Collection(persistence.Orders).UpdateOne(t.Context(), bson.D{{Key: "_id", Value: bson.Regex{Pattern: "/" + key + "$"}}}, set)
	if err != nil || result.MatchedCount != 1 {
		t.Fatalf("%s: %+v, %v", key, result, err)
	}
}
