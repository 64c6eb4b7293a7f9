package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// made is a folder of recordings of IMart's chains, with events that are made: of two EVM
// galleries, and of everything on Aptos.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	madeBSC(t, filepath.Join(dir, "bsc"))
	madeAptos(t, filepath.Join(dir, "aptos-testnet"))
	return dir
}

// What the contract logs, as its source declares it.
const (
	galleryChanged = "event GalleryChanged(uint256 indexed id, string eventType, address collection, uint256 tokenId, address owner, string spaceType, string name, string metadataUri, bool isToken, uint64 timestamp, address[] payees, uint256[] commissionRates, address commissionPool, address[] admissions)"
	exhibitChanged = "event ExhibitChanged(uint256 indexed id, string eventType, uint256 galleryId, address collection, uint256 tokenId, address origin, uint64 expiration, uint256 price, string location, string url, string detail, uint64 timestamp)"
	transferred    = "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)"
)

func madeBSC(t *testing.T, dir string) {
	t.Helper()
	curation := common.HexToAddress("0x9677bE3ca5ee3F5973D91FF053F0BA1eCa59809F")
	nft, owner, buyer := common.HexToAddress("0xe721"), common.HexToAddress("0xa1"), common.HexToAddress("0xb1")
	gallery := func(id int, uri string) markets.Raw {
		return markettest.Log(t, curation, galleryChanged, id, "GalleryCreated", nft, id, owner, "3d", fmt.Sprint("Hall ", id), uri, true, 1,
			[]common.Address{owner}, []*big.Int{big.NewInt(250)}, curation, []common.Address{})
	}
	exhibit := func(id int, what string) markets.Raw {
		return markettest.Log(t, curation, exhibitChanged, id, what, 1, nft, 40+id, owner, 4_000_000_000, 5000, "", "https://example.com", "", 1)
	}
	blocks := map[int64][]markets.Raw{
		100: {gallery(1, `data:application/json,{"name": "Hall 1"}`)},
		103: {exhibit(1, "ExhibitListed"), exhibit(2, "ExhibitListed"), exhibit(3, "ExhibitListed")},
		180: {markettest.Log(t, nft, transferred, curation, buyer, 41), exhibit(1, "ExhibitSold")},
		190: {exhibit(2, "ExhibitCanceled"), gallery(2, "ipfs://hall2")},
	}
	write(t, filepath.Join(dir, "chain.json"), map[string]any{
		"kind": "evm", "chainId": 56, "blockSeconds": 1, "safeDepth": 10, "finalityDepth": 20, "follow": map[string]int64{"from": 150, "around": 60, "beyond": 1000},
	})
	for number, logs := range blocks {
		hash := common.BigToHash(big.NewInt(number << 32))
		var answered []map[string]any
		for i, l := range logs {
			topics := []common.Hash{}
			for _, topic := range l.Topics {
				topics = append(topics, topic)
			}
			answered = append(answered, map[string]any{
				"address": common.Address(l.Address), "topics": topics, "data": hexutil.Bytes(l.Data), "blockNumber": hexutil.Uint64(number), "blockHash": hash,
				"transactionHash": common.BigToHash(big.NewInt(number)), "transactionIndex": "0x0", "logIndex": hexutil.Uint64(i), "removed": false,
			})
		}
		write(t, filepath.Join(dir, "blocks", fmt.Sprint(number, ".json")), map[string]any{
			"number": number, "hash": hash, "timestamp": 1_700_000_000 + number, "timestampSource": "interpolated", "logs": answered,
		})
	}
}

// madeAptos has the example of each of IMart's events, each in a transaction of its own.
func madeAptos(t *testing.T, dir string) {
	t.Helper()
	m, err := catalogue.Market("imart-aptos", definition.Site{ChainID: 2})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../markets/catalogue/testdata/imart-aptos-events.json")
	if err != nil {
		t.Fatal(err)
	}
	var examples map[string]json.RawMessage // by the handle's name and field
	if err := json.Unmarshal(text, &examples); err != nil {
		t.Fatal(err)
	}
	account, handles := "", map[string]int{}
	data := map[int]json.RawMessage{} // by the handle's number
	for i, s := range m.Streams {
		account, _, _ = strings.Cut(s.Source.Handle, "::")
		handles[account+"/"+s.Source.Handle+"/"+s.Source.Field] = i
		data[i] = examples[s.Source.Handle[strings.LastIndex(s.Source.Handle, ":")+1:]+"/"+s.Source.Field]
	}
	write(t, filepath.Join(dir, "chain.json"), map[string]any{
		"kind": "aptos", "chainId": 2, "oldestVersion": 0, "follow": map[string]int64{"from": 1000, "around": 20, "beyond": 1000}, "handles": handles,
	})
	for _, number := range slices.Sorted(maps.Keys(data)) {
		version := strconv.Itoa(1000 + 7*number)
		write(t, filepath.Join(dir, "transactions", version+".json"), map[string]any{
			"type": "user_transaction", "version": version, "hash": common.BigToHash(big.NewInt(int64(number) + 1)), "success": true, "vm_status": "Executed successfully",
			"timestamp": fmt.Sprint(1_700_000_000_000_000 + number), "changes": []any{}, "sender": "0xa1", "payload": map[string]string{"type": "entry_function_payload"},
			"events": []any{map[string]any{
				"guid":            map[string]string{"creation_number": strconv.Itoa(number), "account_address": account},
				"sequence_number": "0", "type": "0x5::m::E", "data": data[number],
			}},
		})
	}
}

func write(t *testing.T, file string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
