package commands

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/commands/internal/demo"
	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/internal/thorough"
)

// plant damages the log in a data folder: it changes the price of a sale, and deletes
// another sale and the cancellations of collection offers on Aptos.
func plant(t *testing.T, data string) {
	t.Helper()
	teststore.Execute(t, data, `
UPDATE activities SET doc = json_set(doc, '$.price', '7') WHERE id = (SELECT id FROM activities WHERE doc ->> '$.chain' = 'ethereum' AND doc ->> '$.stream' = 'buy' ORDER BY id LIMIT 1 OFFSET 3);
DELETE FROM activities WHERE id = (SELECT id FROM activities WHERE doc ->> '$.chain' = 'ethereum' AND doc ->> '$.stream' = 'buy' ORDER BY id LIMIT 1 OFFSET 5);
DELETE FROM activities WHERE doc ->> '$.stream' = 'collection-offer-cancel';
`)
}

// Verify finds the damage by comparison with the recording, and reading the streams again
// restores the log.
func TestVerify(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	data, _ := whole(t)
	before := contents(t, data)
	verify := func(args ...string) (string, int) {
		out, stderr, code := result(t, data, nil, append([]string{"verify", "--data", data}, args...)...)
		return out + stderr, code
	}
	if said, code := verify("ethereum"); code != 0 || !strings.Contains(said, "\n42 of 42 events agree, 100 %: blocks 15,990,000 to 18,270,716, read from the demo's recording.\n") {
		t.Errorf("undamaged: %s", said)
	}
	if said, code := verify("aptos/tradeport/list"); code != 0 || !strings.Contains(said, "\n2 of 2 events agree, 100 %: versions 1 to ") {
		t.Errorf("one stream: %s", said)
	}
	plant(t, data)
	said, code := verify("ethereum")
	for _, want := range []string{
		"different seaport/buy  15,999,999.182.55  bought  0xba00e47e1a5c1e4d360e1a30f831aaae65b068a386b655f5fd1609cd4a7a5182@0x0000", "\n          price: \"7\" in the log, \"1500000000000000\" on the chain\n",
		"missing   seaport/buy  15,999,999.207.88  bought  0x872222d1", "\n40 of 42 events agree, 95.24 %", "event-worker: verify: 2 of 42 events and 6 of 108 documents differ\n",
		"extra     seaport orders  0x872222d1", "\n          price: \"1500000000000000\" in the document, \"7\" by the log\n",
	} {
		if !strings.Contains(said, want) || code != 1 {
			t.Errorf("damaged: it does not say %q: %s", want, said)
		}
	}
	if said, code := verify("ethereum", "--to", "15999998"); code != 0 || !strings.Contains(said, "agree, 100 %") {
		t.Errorf("below the damage: %s", said)
	}
	checkJSON(t, data)
	if said, code := verify("ethereum", "--repair", "--dry-run"); code != 1 || !strings.Contains(said, "A rewind of ethereum/seaport/buy to 15,999,998 would undo:") {
		t.Errorf("dry run: %s", said)
	}
	for _, chain := range []string{"ethereum", "aptos"} {
		if said, code := verify(chain, "--repair"); code != 1 || !strings.Contains(said, "Rewound "+chain) || !strings.Contains(said, "run the worker, which reads the rewound streams again") {
			t.Errorf("repair: %s", said)
		}
	}
	output(t, data, "demo", "--once", "--data", data)
	if contents(t, data) != before {
		t.Error("the documents differ after they were read again")
	}
	if said, code := verify("ethereum", "--repair"); code != 0 || strings.Contains(said, "ewound") {
		t.Errorf("repaired: %s", said)
	}
	plantInDocuments(t, data)
	said, code = verify("ethereum", "--log-only")
	if code != 0 || strings.Contains(said, "documents") {
		t.Errorf("the log only: %s", said)
	}
	said, code = verify("ethereum", "--repair")
	for _, want := range []string{"missing   seaport orders  0x", "different seaport orders  0x", "\n          status: \"REJECTED\" in the document, ", "\nRepair: 2 documents folded again from the log.\n", "\n108 of 108 documents agree with the log, 100 %.\n"} {
		if !strings.Contains(said, want) || code != 0 {
			t.Errorf("documents: it does not say %q (%d): %s", want, code, said)
		}
	}
	if contents(t, data) != before {
		t.Error("the documents differ after they were folded again")
	}
}

// plantInDocuments changes an order, and deletes another one.
func plantInDocuments(t *testing.T, data string) {
	t.Helper()
	teststore.Execute(t, data, `
UPDATE orders SET doc = json_set(doc, '$.status', 'REJECTED') WHERE id = (SELECT id FROM orders WHERE doc ->> '$.chain' = 'ethereum' ORDER BY id LIMIT 1);
DELETE FROM orders WHERE id = (SELECT id FROM orders WHERE doc ->> '$.chain' = 'ethereum' ORDER BY id LIMIT 1 OFFSET 2);
`)
}

// checkJSON expects a line for each difference, then the report.
func checkJSON(t *testing.T, data string) {
	t.Helper()
	out, _, _ := result(t, data, nil, "verify", "ethereum", "--json", "--data", data)
	var kinds []audit.Kind
	var report audit.Report
	for text := range strings.Lines(out) {
		var line struct {
			Difference *audit.Difference
			Report     *audit.Report
		}
		switch err := json.Unmarshal([]byte(text), &line); {
		case err != nil:
			t.Errorf("%s: %v", text, err)
		case line.Difference != nil:
			if line.Difference.Collection == "" {
				kinds = append(kinds, line.Difference.Kind)
			}
		case line.Report != nil:
			report = *line.Report
		}
	}
	if len(kinds) != 2 || kinds[0] != audit.Different || kinds[1] != audit.Missing || report.Differ() != 2 || len(report.Streams) != 4 {
		t.Errorf("JSON: %v, %+v", kinds, report)
	}
}

// A running worker reads the streams again at the command's request; then the range is
// verified.
func TestVerifyWithAWorker(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	data := t.TempDir()
	p := launch(t, data, "demo", "--data", data, "--pace", "2ms")
	p.says("The recorded chains now advance")
	undisturbed, _ := whole(t)
	before := contents(t, undisturbed)
	eventually(t, "all is read and folded", func() bool { return contents(t, data) == before })
	plant(t, data)
	plantInDocuments(t, data)
	for _, chain := range []string{"ethereum", "aptos"} {
		said := output(t, data, "verify", chain, "--repair", "--data", data)
		if strings.Count(said, "events agree") != 2 || !strings.Contains(said[strings.Index(said, "Rewound "+chain):], "agree, 100 %") {
			t.Errorf("repair: %s", said)
		}
	}
	eventually(t, "the documents are the same", func() bool { return contents(t, data) == before })
	p.ends(syscall.SIGTERM)
}

// The same for a cluster on MongoDB: an order is changed, one is deleted and one is
// invented.
func TestVerifyOnMongoDBWithAWorker(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	c.advance(2 * time.Millisecond)
	one := c.start("one", calm)
	c.finish()
	c.expectWhole()
	plantInMongoDB(t, c.database)
	said, stderr, code := result(t, c.dir, c.database, "verify", "ethereum", "--repair")
	for _, want := range []string{
		"missing   seaport/buy  15,999,999.", "missing   seaport orders  0x", "extra     seaport orders  0xinvented\n", "\n          status: \"REJECTED\" in the document, ",
		"\nRewound ethereum/seaport/buy to ", "\n42 of 42 events agree, 100 %", " documents agree with the log, 100 %.\n",
	} {
		if !strings.Contains(said, want) || code != 0 {
			t.Errorf("it does not say %q (%d): %s%s", want, code, said, stderr)
		}
	}
	c.expectWhole()
	said, stderr, code = result(t, c.dir, c.database, "verify", "ethereum/seaport/buy", "--endpoint", lying(t, c)+"/ethereum")
	if code != 1 || strings.Count(said, "\nextra     seaport/buy  ") != 35 || !strings.Contains(stderr, "35 of 35 events differ") {
		t.Errorf("by a node that lies (%d): %s%s", code, said, stderr)
	}
	one.ends(syscall.SIGTERM)
}

// lying returns the URL of a node that omits all logs, and whose blooms do not reveal it.
func lying(t *testing.T, c *team) string {
	t.Helper()
	profile, err := faults.Parse("lies.yaml", []byte("faults:\n  - {fault: logs-missing, how: empty}\n  - {fault: bloom}\n"))
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faults.New(profile, 1, demo.ByPath(c.chains), faults.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(func() { proxy.Close(); server.Close() })
	return server.URL
}

// plantInMongoDB damages the log and the documents of Ethereum.
func plantInMongoDB(t *testing.T, d database) {
	t.Helper()
	uri := strings.TrimPrefix(d[0], "MONGODB_URI=")
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	address, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	db := client.Database(strings.TrimPrefix(address.Path, "/"))
	var all []bson.D
	found, err := db.Collection("orders").Find(t.Context(), bson.D{{Key: "chain", Value: "ethereum"}}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(3))
	if err == nil {
		err = found.All(t.Context(), &all)
	}
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	id := func(i int) bson.D { return bson.D{{Key: "_id", Value: all[i][0].Value}} }
	invented := slices.Clone(all[2])
	for i, e := range invented {
		switch e.Key {
		case "_id":
			invented[i].Value = "ethereum/seaport/0xinvented"
		case "key":
			invented[i].Value = "0xinvented"
		}
	}
	buys := bson.D{{Key: "chain", Value: "ethereum"}, {Key: "stream", Value: "buy"}, {Key: "position.height", Value: 15999999}}
	_, err1 := db.Collection("orders").UpdateOne(t.Context(), id(0), bson.D{{Key: "$set", Value: bson.D{{Key: "status", Value: "REJECTED"}}}})
	_, err2 := db.Collection("orders").DeleteOne(t.Context(), id(1))
	_, err3 := db.Collection("orders").InsertOne(t.Context(), invented)
	_, err4 := db.Collection("activities").DeleteOne(t.Context(), buys)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyErrors(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	for _, test := range []struct{ args, want string }{
		{"", "expected one argument, a chain, such as ethereum"},
		{"nix", `verify: unknown chain "nix": the data contain aptos, ethereum`},
		{"ethereum/seaprot", `ethereum has no market "seaprot" (did you mean seaport?)`},
		{"ethereum/seaport/bye", `ethereum/seaport has no stream "bye" (did you mean buy?)`},
		{"ethereum/seaport --market nix", `--market "nix": ethereum/seaport is of another market`},
		{"ethereum --from 9 --to 8", "--to 8: must not be below --from 9"},
		{"ethereum --from -1", "must not be negative"},
		{"ethereum --dry-run", "--dry-run: needs --repair"},
		{"ethereum --endpoint https://example.com/secret", "no configuration with the chain's endpoints and markets"},
	} {
		_, stderr, code := result(t, data, nil, append([]string{"verify", "--data", data}, strings.Fields(test.args)...)...)
		if code != 1 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "secret") {
			t.Errorf("%s: %s, want %s", test.args, stderr, test.want)
		}
	}
}
