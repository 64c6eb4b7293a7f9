package replay_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/internal/npmtest"
)

// The official TypeScript SDK reads a recorded Aptos node.
func TestTheOfficialSDKReadsARecordedNode(t *testing.T) {
	packages := npmtest.Install(t, "aptos-sdk", filepath.Join("testdata", "sdk"))
	r := open(t, "aptos")
	node := replaytest.Serve(t, r)
	node.Finish()

	const version = 2386455218
	const account = "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"
	var stderr bytes.Buffer
	js := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "sdk", "read.js"),
		node.URL(), strconv.Itoa(version), account, account+"::listings_v2::ListingStore", "buy_events")
	js.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(packages, "node_modules"))
	js.Stderr = &stderr
	out, err := js.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	type transaction struct{ Version, Hash string }
	var got struct {
		Ledger struct {
			Version string `json:"ledger_version"`
		}
		ChainID     int
		Transaction json.RawMessage
		ByHash      json.RawMessage
		Page        []transaction
		Handles     map[string]struct{ Counter string }
		Events      []struct {
			Sequence string `json:"sequence_number"`
		}
		Missing struct {
			Status int
			Code   string
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	recorded, err := os.ReadFile("../../testdata/recordings/aptos/transactions/" + strconv.Itoa(version) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, got.Transaction, recorded) || !sameJSON(t, got.ByHash, recorded) {
		t.Errorf("the transaction is\n%s\nby its hash\n%s", got.Transaction, got.ByHash)
	}
	if got.ChainID != 1 || got.Ledger.Version != strconv.FormatInt(node.Head(), 10) {
		t.Errorf("chain %d at version %s, want 1 at %d", got.ChainID, got.Ledger.Version, node.Head())
	}
	if len(got.Page) != 3 || got.Page[0].Version != strconv.Itoa(version-1) || got.Page[2].Version != strconv.Itoa(version+1) {
		t.Errorf("page %+v", got.Page)
	}
	numbers := r.Numbers(account, account+"::listings_v2::ListingStore", "buy_events")
	if len(got.Events) != len(numbers) || len(numbers) == 0 {
		t.Fatalf("events %+v, recorded are %v", got.Events, numbers)
	}
	last := numbers[len(numbers)-1]
	for i, e := range got.Events {
		if e.Sequence != strconv.FormatInt(numbers[i], 10) {
			t.Errorf("event %d has the number %s, want %d", i, e.Sequence, numbers[i])
		}
	}
	if c := got.Handles["buy_events"].Counter; c != strconv.FormatInt(last+1, 10) {
		t.Errorf("the handle's counter is %s, its last event %d", c, last)
	}
	if got.Missing.Status != 404 || got.Missing.Code != "transaction_not_found" {
		t.Errorf("a version to come: %+v", got.Missing)
	}
}

// sameJSON says whether two texts are the same JSON.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}
