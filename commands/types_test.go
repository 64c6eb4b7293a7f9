package commands

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// bids reads Tradeport's bids for collections by the types of their events alone.
const bids = `market: bids
kind: aptos
chains:
  mainnet:
    chainId: 1
    account: "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"
    start: 2386889800
currencies:
  apt: {address: "0x1::aptos_coin::AptosCoin", symbol: APT, decimals: 8}
types: |
  struct biddings_v2::InsertCollectionBidEvent { bid: Object<Bid>, collection: Object<Collection>, bid_buyer: address, price: u64 }
  struct biddings_v2::DeleteCollectionBidEvent { bid: Object<Bid>, collection: Object<Collection>, bid_buyer: address, price: u64 }
streams:
  collection-offer:
    event: biddings_v2::InsertCollectionBidEvent
    becomes: {kind: offer_made, order: bid, maker: bid_buyer, token: {collection: collection, standard: aptos-object}, price: price, currency: apt}
  collection-offer-cancel:
    event: biddings_v2::DeleteCollectionBidEvent
    becomes: {kind: offer_cancelled, order: bid, maker: bid_buyer, token: {collection: collection, standard: aptos-object}, price: price, currency: apt}
`

// The same events by their types and by their handles, in one run.
func TestEventsByTypeAsByHandle(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "aptos")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bids.yaml"), bids)
	write(t, filepath.Join(dir, "event-worker.yaml"), fmt.Sprintf(`data: data
definitions: [bids.yaml]
chains:
  aptos:
    kind: aptos
    chainId: 1
    endpoint: %s
    recorded: true
    markets:
      bids: {}
      tradeport: {streams: [collection-offer, collection-offer-cancel]}
`, node.URL()))
	if text := output(t, dir, "config", "check"); !strings.Contains(text, "from version 2,386,889,800 on") || !strings.Contains(text, "from event 0 on") {
		t.Errorf("config check: %s", text)
	}
	output(t, dir, "run", "--once")
	data := filepath.Join(dir, "data")
	seen := func(market string) (all []string) {
		for _, a := range find(t, data, "activities", fmt.Sprintf(`{market: %q, "position.height": {$gte: 2386889800}}`, market), "--sort", "position.height") {
			delete(a, "_id")
			delete(a, "seq")
			delete(a, "market")
			all = append(all, fmt.Sprint(a))
		}
		return all
	}
	byType, byHandle := seen("bids"), seen("tradeport")
	if len(byType) != 2 || strings.Join(byType, "\n") != strings.Join(byHandle, "\n") {
		t.Errorf("by type\n%s\nby handle\n%s", strings.Join(byType, "\n"), strings.Join(byHandle, "\n"))
	}
	observers := find(t, data, "actors", `{kind: "observer", market: "bids"}`)
	if len(observers) != 4 {
		t.Errorf("%d observers", len(observers))
	}
	for _, a := range observers {
		if a["seq"] != a["head"] || a["lag"] != float64(0) {
			t.Errorf("it stands at %v, its head at %v, lag %v", a["seq"], a["head"], a["lag"])
		}
	}

	write(t, filepath.Join(dir, "bids.yaml"), strings.Replace(bids, "    start: 2386889800\n", "", 1))
	if _, stderr, code := result(t, dir, nil, "config", "check"); code != 1 || !strings.Contains(stderr, "start is missing: the first block (on Aptos ledger version)") {
		t.Errorf("without a start: exit code %d, %s", code, stderr)
	}
}
