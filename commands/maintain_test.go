package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/worker"
)

// TestRewind takes chains back and lets the demo read them again: the documents
// are those that were there before.
func TestRewind(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	data, _ := whole(t)
	before := contents(t, data)
	for _, test := range []struct {
		chain, height, stream string
		most                  int // activities: a stream goes back to the end of one of its batches, at the height or below
	}{
		{"ethereum", "17000000", "ethereum/seaport/buy", 14},
		{"ethereum", "0", "ethereum/seaport/delist", 0},
		{"aptos", "2386800000", "aptos/tradeport/offer-accept", 14},
	} {
		t.Run(test.chain+" to "+test.height, func(t *testing.T) {
			said := output(t, data, "rewind", test.chain, "--to", test.height, "--data", data)
			if !strings.Contains(said, test.stream+" ") {
				t.Errorf("it does not say where %s stands:\n%s", test.stream, said)
			}
			of := fmt.Sprintf(`{chain: %q}`, test.chain)
			if n := len(find(t, data, "activities", of)); n > test.most || (n == 0) != (test.most == 0) {
				t.Errorf("%d activities are left of the chain, want at most %d, and some if any", n, test.most)
			}
			if n := len(find(t, data, "activities", fmt.Sprintf(`{chain: %q, "position.height": {$gt: %s}}`, test.chain, test.height))); n != 0 {
				t.Errorf("%d activities are left beyond the height", n)
			}
			if n := len(find(t, data, "orders", of)); (n == 0) != (test.most == 0) || n > test.most {
				t.Errorf("%d orders are left of %d activities", n, test.most)
			}
			if n := len(find(t, data, "activities", fmt.Sprintf(`{chain: {$ne: %q}}`, test.chain))); n < 18 {
				t.Errorf("%d activities are left of the other chain", n)
			}
			output(t, data, "demo", "--once", "--data", data)
			if contents(t, data) != before {
				t.Error("read again the documents are others")
			}
		})
	}
}

// TestRewindTwice finds nothing to do the second time, and says so.
func TestRewindTwice(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	said := output(t, data, "rewind", "aptos", "--to", "0", "--data", data)
	if strings.Count(said, "its start") != 9 {
		t.Errorf("not every stream stands at its start:\n%s", said)
	}
	_, stderr, code := result(t, data, nil, "rewind", "aptos", "--to", "0", "--data", data)
	if code != 1 || !strings.Contains(stderr, "nothing lies beyond that height") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestMaintenanceInVain expects one clear line and the documents left alone.
func TestMaintenanceInVain(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	before := contents(t, data)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"rewind", "--to", "1"}, "rewind: no chain given"},
		{[]string{"rewind", "ethereum"}, "rewind: no height given: pass a block number or ledger version with --to"},
		{[]string{"rewind", "ethereum", "--to", "-1"}, "rewind: --to -1: the height must not be negative"},
		{[]string{"rewind", "ethereum", "aptos", "--to", "1"}, `rewind: unexpected "aptos" after the chain`},
		{[]string{"rewind", "bsc", "--to", "1"}, `rewind: unknown chain "bsc": the data contain aptos, ethereum`},
		{[]string{"rewind", "ethereum", "--to", "18270781"}, "nothing lies beyond that height: the chain was read up to 18,270,780"},
		{[]string{"retry", "--id", "ethereum/seaport/buy/1.2.3/0x1"}, "retry: no dead letter has that id: query dead_letters lists them"},
		{[]string{"retry", "--market", "seaport"}, `retry: --market "seaport": must be chain/market`},
		{[]string{"retry", "--market", "bsc/seaport"}, `retry: unknown chain "bsc"`},
		{[]string{"retry", "--market", "ethereum/opensee"}, `retry: --market "ethereum/opensee": unknown market "opensee": known are aavegotchi`},
	} {
		_, stderr, code := result(t, data, nil, append(test.args, "--data", data)...)
		if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: exit code %d, %s", test.args, code, stderr)
		}
	}
	for _, args := range [][]string{{"retry"}, {"retry", "--market", "aptos/tradeport"}} {
		if said := output(t, data, append(args, "--data", data)...); said != "There are no dead letters to retry.\n" {
			t.Errorf("%v without dead letters: %s", args, said)
		}
	}
	if contents(t, data) != before {
		t.Error("the documents have changed")
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, args := range [][]string{{"retry"}, {"rewind", "ethereum", "--to", "1"}} {
		if _, stderr, code := result(t, data, nil, append(args, "--data", none)...); code != 1 || !strings.Contains(stderr, "there is no event worker database") {
			t.Errorf("%v without data: exit code %d, %s", args, code, stderr)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a data folder was made")
	}
}

// TestRetry follows a chain with an older program, which cannot decode what
// happens on Seaport in one block. Retried with this one, the documents are those
// of a worker that could from the beginning, the chain's coin included.
func TestRetry(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	dir, never := t.TempDir(), t.TempDir()
	for _, dir := range []string{dir, never} {
		withOption(t, configured(t, dir, node.URL(), 1), "coin: BNB")
	}
	older(t, dir, "buy", 17_000_000)
	letters := find(t, filepath.Join(dir, "data"), "dead_letters", "{}")
	if len(letters) < 7 {
		t.Fatalf("%d dead letters", len(letters))
	}
	if _, stderr, code := result(t, t.TempDir(), nil, "retry", "--data", filepath.Join(dir, "data")); code != 1 || !strings.Contains(stderr, "name one with --config") {
		t.Errorf("without a configuration: exit code %d, %s", code, stderr)
	}
	if said := output(t, dir, "retry", "--id", fmt.Sprint(letters[0]["_id"])); !strings.Contains(said, "Decoded 1 of 1 dead letter:") {
		t.Errorf("one: %s", said)
	}
	if said, want := output(t, dir, "retry", "--market", "ethereum/seaport"), fmt.Sprintf("Decoded %[1]d of %[1]d dead letters:", len(letters)-1); !strings.Contains(said, want) {
		t.Errorf("the others: %s", said)
	}
	output(t, never, "run", "--once")
	got, want := contents(t, filepath.Join(dir, "data")), contents(t, filepath.Join(never, "data"))
	if got != want {
		t.Errorf("the documents are\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(want, `"symbol":"BNB"`) || strings.Contains(want, `"symbol":"ETH"`) {
		t.Error("the chain's coin is not the configured one")
	}
	if n := len(find(t, filepath.Join(dir, "data"), "actors", `{deadLetters: {$ne: 0}, kind: "observer"}`)); n != 0 {
		t.Errorf("%d observers count dead letters that are gone", n)
	}
	output(t, dir, "run", "--once")
	if contents(t, filepath.Join(dir, "data")) != want {
		t.Error("started again the documents change")
	}
}

// older runs a folder's configuration once with a program that cannot decode what
// a stream has at a height.
func older(t *testing.T, dir, stream string, height int64) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	cfg, err := config.Load(filepath.Join(dir, "event-worker.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := worker.Chains(cfg, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	defer sources[0].Chain.Close()
	for i, s := range sources[0].Markets[0].Streams {
		if s.Name == stream {
			sources[0].Markets[0].Streams[i].Decode = ignorant(s.Decode, height)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w, err := worker.Open(ctx, worker.Options{Config: cfg, Data: location{folder: filepath.Join(dir, "data")}, Log: log, Chains: sources, Once: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Follow(ctx, time.Hour, nobody{}); err != nil {
		t.Fatal(err)
	}
}

// ignorant is a decoder that knows nothing of what is at a height.
func ignorant(decode func([]markets.Raw) ([]markets.Event, []markets.Failure), height int64) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
	return func(transaction []markets.Raw) ([]markets.Event, []markets.Failure) {
		if transaction[0].Position.Height != height {
			return decode(transaction)
		}
		var failures []markets.Failure
		for _, raw := range transaction {
			failures = append(failures, markets.Failure{Raw: raw, Reason: errors.New("not known to this version")})
		}
		return nil, failures
	}
}

// nobody watches.
type nobody struct{}

func (nobody) Look(context.Context) error     { return nil }
func (nobody) CaughtUp(context.Context) error { return nil }

// TestRetryOfWhatRemains has one letter that is damaged and one that its stream
// has not come past.
func TestRetryOfWhatRemains(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	damaged := markets.DeadLetter{
		Chain: "aptos", Market: "tradeport", Stream: "buy", Seq: 61_370, Position: markets.Position{Height: 2_386_000_000, Log: 3},
		Transaction: "0x1", Reason: "bad price", Raw: []byte(`[{"Position": {"height": 2386000000, "log": 3}, "Seq": 61370, "Type": "0x1::a::B", "JSON": {}}]`),
	}
	ahead := damaged
	ahead.Seq, ahead.Position, ahead.Raw = 99_999, markets.Position{Height: 2_999_999_999}, []byte(`[]`)
	bury(t, data, damaged, ahead)
	before := contents(t, data)
	said := output(t, data, "retry", "--data", data)
	for _, want := range []string{
		"dead letter " + damaged.ID() + " still cannot be decoded: ",
		"dead letter " + ahead.ID() + ": aptos/tradeport/buy/activity has not come past it: not yet: run the worker first",
		"Decoded none of 2 dead letters.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	for _, letter := range []markets.DeadLetter{damaged, ahead} {
		stdout, stderr, code := result(t, data, nil, "retry", "--data", data, "--id", letter.ID())
		if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, letter.ID()) {
			t.Errorf("%s alone: exit code %d, %s%s", letter.ID(), code, stdout, stderr)
		}
	}
	if contents(t, data) != before {
		t.Error("the documents have changed")
	}
}

// bury puts dead letters of the demo's buys on Tradeport into its data.
func bury(t *testing.T, data string, letters ...markets.DeadLetter) {
	t.Helper()
	ctx := t.Context()
	store, err := embedded.Open(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	epoch, err := store.TakeOver(ctx, "aptos", config.DemoNode)
	if err != nil {
		t.Fatal(err)
	}
	log, err := store.Claim(ctx, persistence.Claim{
		ID: "aptos/tradeport/buy/activity", Kind: "observer", Chain: "aptos", Market: "tradeport", Stream: "buy",
		Node: config.DemoNode, Epoch: epoch,
	})
	if err != nil {
		t.Fatal(err)
	}
	move := persistence.Move{Actor: log.Ref(), From: log.Place, To: log.Place, DeadLetters: int64(len(letters)), Report: log.Report}
	err = store.Commit(ctx, persistence.MarketRef{Chain: "aptos", Market: "tradeport"}, []persistence.Move{move}, func(tx persistence.Tx) error {
		return tx.Append(nil, letters)
	})
	if err != nil {
		t.Fatal(err)
	}
}
