package faults

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The causes of refusals.
const (
	causeRange   = "range"
	causeResults = "results"
	causeSize    = "size"
	causeTimeout = "timeout"
	causeVague   = "vague"
	causeAddress = "addresses"
	causeBatch   = "batch"
	causeRate    = "rate"
	causePruned  = "pruned"
	causeState   = "state"
	causeHash    = "hash"
	causeMethod  = "method"
)

// Refusal is a provider's or a node's refusal. Placeholders in its words: {max} for the
// limit, {max,} with thousands separators, {maxk} in thousands, {asked} for the
// requested amount, {from} and {to} for the suggested range, {asked.from} and {asked.to}
// for the requested range, {method} for the method.
type Refusal struct {
	Name   string
	Cause  string
	Status int // of HTTP, 200 if zero
	Code   int // of JSON-RPC, 0: the words are not JSON-RPC
	Words  string
	Data   string
}

// Refusals returns the known refusals, collected from the tests and issues of
// ponder-sh/ponder (packages/utils/src/getLogsRetryHelper.ts), erpc/erpc
// (architecture/evm/error_normalizer.go), INFURA/infura#237, erigontech/erigon#20424,
// paradigmxyz/reth#8558, latticexyz/mud#1522, boundless-xyz/boundless#838,
// 0xPolygon/cdk-erigon#1706, enviodev/hyperindex#605 and aptos-labs/aptos-core#16585; those of
// state from 0xPolygon/bor#1303, ethereum/go-ethereum#32148, blockscout/blockscout#2219,
// erigontech/erigon#13198, paradigmxyz/reth#4092, NethermindEth/nethermind#9408,
// openethereum/parity-ethereum#11594, dymensionxyz/dymint#1354 and the sources of geth,
// Erigon, Nethermind and Besu; those of hashes from oasisprotocol/oasis-web3-gateway#132,
// iotaledger/wasp-legacy#486 and ConsenSys-archive/ganache#973.
func Refusals() []Refusal {
	return slices.Concat(rangeRefusals(), otherRefusals(), stateRefusals())
}

func stateRefusals() []Refusal {
	const params, server, internal = -32602, -32000, -32603
	return []Refusal{
		{Name: "geth-state", Cause: causeState, Code: server, Words: "missing trie node c6ebfa185e24077a555f06caaf4b78d9e0ae9dcb7a693ec753e856f49f55c85c (path ) state 0xc6ebfa185e24077a555f06caaf4b78d9e0ae9dcb7a693ec753e856f49f55c85c is not available, not found"},
		{Name: "geth-old-state", Cause: causeState, Code: server, Words: "missing trie node 8b1604e0d19d9be9a94cab027e74134e674bccdbf8d6a3f09a23abe52fd356fa (path )"},
		{Name: "geth-path-state", Cause: causeState, Code: server, Words: "state 0x669c5301b4a7abb7d1cd82d98f1c8a0d39e4dc0c3f807086c73e3172eb0c256f is not available"},
		{Name: "geth-history-state", Cause: causeState, Code: server, Words: "historical state 669c5301b4a7abb7d1cd82d98f1c8a0d39e4dc0c3f807086c73e3172eb0c256f is not available"},
		{Name: "geth-pruned-state", Cause: causeState, Code: server, Words: "historical state has been pruned, first: {max}, state: {asked}"},
		{Name: "geth-unindexed-state", Cause: causeState, Code: server, Words: "history is not fully indexed, requested: {asked}, indexed: {max}"},
		{Name: "geth-reexec-state", Cause: causeState, Code: server, Words: "required historical state unavailable (reexec=128)"},
		{Name: "geth-scheme-state", Cause: causeState, Code: server, Words: "historical state not available in path scheme yet"},
		{Name: "erigon-state", Cause: causeState, Code: server, Words: "old data not available due to pruning"},
		{Name: "erigon-files-state", Cause: causeState, Code: server, Words: "state transitaion failed: seek with txNum={asked} but data before txNum={max} is not available: blockNum=16999999, txNum={asked}, seek with txNum={asked} but data before txNum={max} is not available"},
		{Name: "nethermind-state", Cause: causeState, Code: -32002, Words: "No state available for block {asked} (0x9d9af8...cdcb6f31)"},
		{Name: "nethermind-trie-state", Cause: causeState, Code: internal, Words: "Internal error", Data: "Nethermind.Trie.MissingTrieNodeException: Node A: P:2 H:0x992eacd1f3b44a51b91065eb946c1fda63da35b3e05497ef6e71f3d9f0c3688b is missing from the DB at Nethermind.Trie.Pruning.ReadOnlyTrieStore.LoadRlp in /src/Nethermind/Nethermind.Trie/TrieNode.cs:line 337"},
		{Name: "besu-state", Cause: causeState, Code: server, Words: "World state unavailable"},
		{Name: "reth-state", Cause: causeState, Code: internal, Words: "State at block #{asked} is pruned"},
		{Name: "reth-number-state", Cause: causeState, Code: internal, Words: "no state found for block number {asked}"},
		{Name: "reth-proofs-state", Cause: causeState, Code: server, Words: "historical state is not available"},
		{Name: "openethereum-state", Cause: causeState, Code: server, Words: "This request is not supported because your node is running with state pruning. Run with --pruning=archive."},
		{Name: "cosmos-state", Cause: causeState, Code: server, Words: "failed to load state at height {asked}; version does not exist (latest height: {max}): invalid request"},
		{Name: "infura-state", Cause: causeState, Code: server, Words: "project ID does not have access to archive state"},
		{Name: "publicnode-state", Cause: causeState, Status: 403, Code: params, Words: "Archive requests require a personal token"},

		{Name: "geth-hash", Cause: causeHash, Code: params, Words: "invalid argument 1: hex string without 0x prefix"},
		{Name: "oasis-hash", Cause: causeHash, Code: params, Words: "invalid argument 1: hex number > 64 bits"},
		{Name: "ganache-hash", Cause: causeHash, Code: internal, Words: "Cannot convert string to buffer. toBuffer only supports 0x-prefixed hex strings and this string was given: 0x[object Object]"},
	}
}

func rangeRefusals() []Refusal {
	const bad, params, server, limit = -32600, -32602, -32000, -32005
	return []Refusal{
		{Name: "alchemy", Cause: causeRange, Status: 400, Code: bad, Words: "You can make eth_getLogs requests with up to a {max} block range. Based on your parameters, this block range should work: [{from}, {to}]"},
		{Name: "alchemy-free", Cause: causeRange, Status: 400, Code: bad, Words: "Under the Free tier plan, you can make eth_getLogs requests with up to a {max} block range. Based on your parameters, this block range should work: [{from}, {to}]. Upgrade to PAYG for expanded block range."},
		{Name: "alchemy-200", Cause: causeRange, Code: bad, Words: "You can make eth_getLogs requests with up to a {max} block range. Based on your parameters, this block range should work: [{from}, {to}]"},
		{Name: "infura", Cause: causeRange, Code: params, Words: "range {asked} exceeds limit of {max}"},
		{Name: "quicknode", Cause: causeRange, Status: 413, Code: -32614, Words: "eth_getLogs is limited to a {max,} range"},
		{Name: "quicknode-free", Cause: causeRange, Code: params, Words: "eth_getLogs is limited to a {max} range, upgrade from free plan to increase limit"},
		{Name: "ankr", Cause: causeRange, Code: bad, Words: "block range is too wide"},
		{Name: "ankr-tac", Cause: causeRange, Code: server, Words: "maximum [from, to] blocks distance: {max}"},
		{Name: "merkle", Cause: causeRange, Code: server, Words: "eth_getLogs range is too large, max is {maxk} blocks"},
		{Name: "llamanodes", Cause: causeRange, Code: params, Words: "query exceeds max block range {max}"},
		{Name: "publicnode", Cause: causeRange, Status: 403, Code: -32701, Words: "exceed maximum block range: {max}"},
		{Name: "bsc", Cause: causeRange, Code: limit, Words: "limit exceeded"},
		{Name: "bsc-range", Cause: causeRange, Code: server, Words: "exceed maximum block range: {max}"},
		{Name: "polygon", Cause: causeRange, Code: -32062, Words: "Block range is too large"},
		{Name: "optimism", Cause: causeRange, Code: -32020, Words: "Block range is too large"},
		{Name: "base", Cause: causeRange, Code: -32614, Words: "block range too large"},
		{Name: "coinbase", Cause: causeRange, Code: limit, Words: "please limit the query to at most {max} blocks"},
		{Name: "chainstack", Cause: causeRange, Code: params, Words: "Block range limit exceeded. See more details at https://docs.chainstack.com/docs/limits#evm-range-limits"},
		{Name: "blockpi", Cause: causeRange, Code: params, Words: "eth_getLogs is limited to {max} block range"},
		{Name: "blast", Cause: causeRange, Status: 400, Code: server, Words: "block range exceeds the range allowed for your plan ({asked} > {max})"},
		{Name: "1rpc", Cause: causeRange, Code: server, Words: "eth_getLogs is limited to a {max} range"},
		{Name: "thirdweb", Cause: causeRange, Code: params, Words: "Maximum allowed number of requested blocks is {max}"},
		{Name: "cloudflare", Cause: causeRange, Code: -32047, Words: "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: {max}"},
		{Name: "max-range", Cause: causeRange, Code: server, Words: "Max range: {max}"},
		{Name: "drpc", Cause: causeRange, Status: 400, Code: 35, Words: "ranges over {max} blocks are not supported on freetier"},
		{Name: "avalanche", Cause: causeRange, Code: server, Words: "requested too many blocks from {asked.from} to {asked.to}, maximum is set to {max}"},
		{Name: "aurora", Cause: causeRange, Code: server, Words: "up to a {max} block range"},
		{Name: "moonriver", Cause: causeRange, Code: -32603, Words: "block range is too wide (maximum {max})"},
		{Name: "harmony", Cause: causeRange, Code: server, Words: "query must be smaller than size {max}"},
		{Name: "swell", Cause: causeRange, Code: server, Words: "block range greater than {max} max"},
		{Name: "somnia", Cause: causeRange, Code: server, Words: "block range exceeds {max}"},
		{Name: "morph", Cause: causeRange, Code: server, Words: "block range is larger than max block range, block range = {asked}, max block range = {max}"},
		{Name: "cdk-erigon", Cause: causeRange, Code: limit, Words: "block range too large, max range: {max}"},
		{Name: "erigon", Cause: causeRange, Code: params, Words: "query block range exceeds server limit, narrow your filter: {max}"},
		{Name: "reth", Cause: causeRange, Code: params, Words: "query exceeds max block range {max}"},
		{Name: "too-high", Cause: causeRange, Code: bad, Words: "block range too high"},
		{Name: "requests", Cause: causeRange, Code: server, Words: "too many blocks for this rate plan: requests are limited to a {max} block range"},
	}
}

func otherRefusals() []Refusal {
	const params, server, internal, limit = -32602, -32000, -32603, -32005
	return []Refusal{
		{Name: "infura-results", Cause: causeResults, Code: limit, Words: "query returned more than {max} results. Try with this block range [{from}, {to}]."},
		{Name: "geth-results", Cause: causeResults, Code: limit, Words: "query returned more than {max} results"},
		{Name: "reth-results", Cause: causeResults, Code: params, Words: "query exceeds max results {max}, retry with the range {retry.from}-{retry.to}"},
		{Name: "llamanodes-results", Cause: causeResults, Code: params, Words: "query exceeds max results {max}"},
		{Name: "arbitrum-results", Cause: causeResults, Code: server, Words: "logs matched by query exceeds limit of {max}"},
		{Name: "erigon-results", Cause: causeResults, Code: server, Words: "query returned more than {max} results, narrow your filter"},
		{Name: "nethermind-results", Cause: causeResults, Code: limit, Words: "Too many logs requested. Max logs per response is {max}."},
		{Name: "vague-results", Cause: causeResults, Code: server, Words: "too many results"},

		{Name: "alchemy-size", Cause: causeSize, Status: 400, Code: params, Words: "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [{from}, {to}]"},
		{Name: "jsonrpsee-size", Cause: causeSize, Code: -32008, Words: "Response is too big", Data: "Exceeded max limit of {max}"},
		{Name: "zksync-size", Cause: causeSize, Code: -32702, Words: "Response is too big", Data: "Exceeded max limit of {max}"},
		{Name: "optimism-size", Cause: causeSize, Code: -32020, Words: "backend response too large"},
		{Name: "1rpc-size", Cause: causeSize, Code: server, Words: "response size should not greater than {max} bytes"},
		{Name: "geth-size", Cause: causeSize, Code: -32003, Words: "response too large"},
		{Name: "http-size", Cause: causeSize, Status: http.StatusRequestEntityTooLarge, Words: "Request Entity Too Large"},

		{Name: "infura-timeout", Cause: causeTimeout, Code: limit, Words: "query timeout of 10 seconds exceeded"},
		{Name: "execution-timeout", Cause: causeTimeout, Code: server, Words: "execution timeout"},
		{Name: "geth-timeout", Cause: causeTimeout, Code: -32002, Words: "request timed out"},
		{Name: "drpc-timeout", Cause: causeTimeout, Status: 408, Code: 30, Words: "Request timeout on the free tier, please upgrade your tier to the paid one"},
		{Name: "context-timeout", Cause: causeTimeout, Code: server, Words: "context deadline exceeded"},
		{Name: "log-timeout", Cause: causeTimeout, Code: internal, Words: "failed to get logs for block range: canceling statement due to statement timeout"},

		{Name: "vague", Cause: causeVague, Code: -32001, Words: "Unable to complete request at this time."},
		{Name: "vague-internal", Cause: causeVague, Code: internal, Words: "Internal error"},
		{Name: "vague-server", Cause: causeVague, Code: server, Words: "server error"},
		{Name: "vague-empty", Cause: causeVague, Code: server, Words: ""},
		{Name: "no-backend", Cause: causeVague, Status: 503, Code: -32011, Words: "no backend is currently healthy to serve traffic"},
		{Name: "nethermind-cancelled", Cause: causeVague, Code: internal, Words: "{method} request was canceled due to enabled timeout."},

		{Name: "addresses", Cause: causeAddress, Code: params, Words: "exceed max addresses or topics per search position"},
		{Name: "publicnode-addresses", Cause: causeAddress, Status: 403, Code: -32701, Words: "Please specify less number of address, at most {max}"},

		{Name: "drpc-batch", Cause: causeBatch, Status: 500, Code: 31, Words: "batches of more than {max} requests are not allowed on the free tier"},
		{Name: "no-batches", Cause: causeBatch, Code: -32600, Words: "batch requests are disabled"},
		{Name: "geth-batch", Cause: causeBatch, Code: -32600, Words: "batch too large"},
		{Name: "alchemy-batch", Cause: causeBatch, Status: 400, Code: -32600, Words: "You can only send up to {max} requests in a single batch"},
		{Name: "http-batch", Cause: causeBatch, Status: http.StatusRequestEntityTooLarge, Words: "Payload Too Large"},

		{Name: "alchemy-rate", Cause: causeRate, Status: 429, Code: 429, Words: "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message. If not, check out https://docs.alchemy.com/reference/throughput"},
		{Name: "infura-rate", Cause: causeRate, Status: 429, Code: limit, Words: "project ID request rate exceeded"},
		{Name: "infura-daily", Cause: causeRate, Status: 402, Code: limit, Words: "daily request count exceeded, request rate limited"},
		{Name: "quicknode-rate", Cause: causeRate, Code: -32012, Words: "credits limited to {max}/sec"},
		{Name: "quicknode-requests", Cause: causeRate, Status: 429, Code: -32007, Words: "{max}/second request limit reached - reduce calls per second or upgrade your account at quicknode.com"},
		{Name: "drpc-rate", Cause: causeRate, Status: 429, Code: 15, Words: "Too many request, try again later"},
		{Name: "ankr-rate", Cause: causeRate, Status: 429, Code: -32029, Words: "Too many requests, exceeded the quota"},
		{Name: "polygon-rate", Cause: causeRate, Status: 429, Code: -32090, Words: "Too many requests, reason: call rate limit exhausted, retry in 10s"},
		{Name: "optimism-rate", Cause: causeRate, Status: 429, Code: -32016, Words: "over rate limit"},
		{Name: "http-rate", Cause: causeRate, Status: 429, Words: "Too Many Requests"},

		{Name: "geth-pruned", Cause: causePruned, Code: 4444, Words: "pruned history unavailable"},
		{Name: "erigon-pruned", Cause: causePruned, Code: server, Words: "history has been pruned for this block"},
		{Name: "state-pruned", Cause: causePruned, Code: server, Words: "missing trie node: header not found"},
		{Name: "publicnode-pruned", Cause: causePruned, Status: 403, Code: -32701, Words: "This block is too old: order a dedicated archive node"},

		{Name: "no-method", Cause: causeMethod, Code: -32601, Words: "the method {method} does not exist/is not available"},
		{Name: "unsupported-method", Cause: causeMethod, Code: -32004, Words: "Unsupported method: {method}. See available methods at https://docs.alchemy.com"},
		{Name: "not-whitelisted", Cause: causeMethod, Status: 403, Code: server, Words: "rpc method is not whitelisted"},
	}
}

// refusal finds a refusal by its name.
func refusal(name string) Refusal {
	all := Refusals()
	return all[slices.IndexFunc(all, func(r Refusal) bool { return r.Name == name })]
}

// refusalNames returns the names of the refusals with the given causes.
func refusalNames(causes ...string) []string {
	var names []string
	for _, r := range Refusals() {
		if slices.Contains(causes, r.Cause) {
			names = append(names, r.Name)
		}
	}
	return names
}

// facts are the values of a refusal's placeholders.
type facts struct {
	max, asked int64
	span       span // the requested range
	work       span // the suggested range
}

// of returns the refusal as the answer to a call.
func (r Refusal) of(c *call, f facts) *answer {
	fill := strings.NewReplacer(
		"{max}", strconv.FormatInt(f.max, 10), "{max,}", commas(f.max), "{maxk}", thousands(f.max), "{asked}", strconv.FormatInt(f.asked, 10),
		"{asked.from}", strconv.FormatInt(f.span.from, 10), "{asked.to}", strconv.FormatInt(f.span.to, 10),
		"{from}", hexNumber(f.work.from), "{to}", hexNumber(f.work.to),
		"{retry.from}", strconv.FormatInt(f.work.from, 10), "{retry.to}", strconv.FormatInt(f.work.to, 10), "{method}", c.method)
	words := fill.Replace(r.Words)
	if r.Code == 0 {
		return &answer{call: c, status: r.Status, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte(words + "\n")}
	}
	a := c.fail(r.Code, words)
	if r.Data != "" {
		a.err.Data = jsonOf(fill.Replace(r.Data))
	}
	// With its own status the refusal is the whole response. In a batch providers answer
	// 200.
	if r.Status != 0 && !c.batched {
		a.status, a.header = r.Status, http.Header{"Content-Type": {"application/json"}}
		a.body = encoded(a)
	}
	return a
}

// encoded returns an answer encoded as a single response.
func encoded(a *answer) json.RawMessage {
	r := newResponse()
	r.answers = []*answer{a}
	return r.encode()
}

func commas(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func thousands(n int64) string {
	if n%1000 == 0 && n > 0 {
		return strconv.FormatInt(n/1000, 10) + "k"
	}
	return strconv.FormatInt(n, 10)
}
