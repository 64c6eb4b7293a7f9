package endpoint

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Refusal is what an endpoint means when it does not answer a request.
type Refusal struct {
	Class    string
	From, To int64         // a range of blocks that the endpoint would answer; 0, 0 if it names none
	Limit    int64         // the most of what is refused: blocks, results, calls or addresses; 0 if it names none
	Wait     time.Duration // how long to wait, if it says so
}

// IsRate says whether a refusal is about how often the endpoint is asked.
func (r Refusal) IsRate() bool { return r.Class == RateLimited || r.Class == ComputeUnits }

// IsSize says whether a refusal is about how much is asked for in one request.
func (r Refusal) IsSize() bool {
	switch r.Class {
	case RangeTooLarge, TooManyResults, AnswerTooLarge, TooManyAddresses:
		return true
	}
	return false
}

// rule is a row of the table of refusals. All that it names must match.
type rule struct {
	class    string
	statuses []int          // HTTP; none: any
	codes    []int64        // JSON-RPC; none: any
	text     *regexp.Regexp // nil: any
}

// rules is the table of what nodes and providers say when they refuse; the first rule that
// matches counts. Texts come before codes and statuses, which mean several things each, and
// texts about ranges before those about rates: sentences about ranges have "requests", "limit"
// and "exceeded", too. Collected from geth, Erigon, Nethermind, Besu, reth, Bor, Alchemy,
// Infura, QuickNode, Ankr, dRPC, LlamaNodes and public nodes of BNB Smart Chain and Polygon:
// their sources, their documentation and the issues of other indexers.
var rules = []rule{
	{class: Reverted, text: pattern(`^(error: )?(execution reverted|vm exception|vm execution error|reverted\b|invalid opcode|invalid jump|stack (under|over)flow|stack limit reached|write protection|return data out of bounds|evm error:? [a-z]*(revert|invalid|opcode|stack|jump))`)}, // before all others: contracts choose the words that follow
	{class: Reverted, codes: []int64{3}},
	{class: OutOfGas, text: pattern(`out ?of ?gas|gas (required|limit|too low)\b|intrinsic gas|gas uint64 overflow|exceeds? .*\bgas (cap|limit|allowance)`)},
	{class: ComputeUnits, statuses: []int{http.StatusTooManyRequests}, text: computeUnits},
	{class: RateLimited, statuses: []int{http.StatusTooManyRequests}},
	{class: Timeout, text: pattern(`deadline exceeded|request timeout|statement timeout|query timeout`)},
	{class: Pruned, text: pattern(`\b(last|recent) \d[\d,]* blocks`)},
	{class: Pruned, text: missingState},
	{class: UnknownBlock, text: pattern(`^invalid block range( params)?$|extends beyond`)}, // geth and reth, of a range beyond the head
	{class: BatchTooLarge, text: pattern(`batch(es)?\b.*\b(limit|max|too|not |un|disabled|exceed|large|at most|only|allowed|support|size)|(limit|max|too|not |disabled|exceed|many|at most|up to|only).*\bbatch|too many (rpc )?calls`)},
	{class: TooManyAddresses, text: pattern(`too many address|address(es)?\b.*\b(limit|max|exceed|too many|at most)|(limit|max|exceed\w*|at most)\b.*\baddress`)},
	{class: AnswerTooLarge, text: pattern(`(response|result|answer|payload|content|body|entity|output)\b.*\btoo (big|large|long)|(response|result|log|payload|answer) size|too (big|large) (response|result)|size (limit )?exceed|exceed\w* .*\bsize`)},
	{class: TooManyResults, text: pattern(`more than \d[\d,]* (results|logs|records|events)|max(imum)?[ -]?results|too many (results|logs|records|events)|\b(results|logs|records)\b.*\b(exceed|limit|too many)|exceed\w*\b.* (results|logs|records)\b`)},
	{class: RangeTooLarge, text: pattern(`\[0x[0-9a-f]+, ?0x[0-9a-f]+\]|block(s|number)? ?range|blocks? distance|query must be smaller|(retry|try) with .*\brange\b|range[^.]*\btoo|too (large|wide|big|long|many) (a )?(block )?(range|blocks)|range (limit|size|exceed|is limit)|\brange\b.*\b(limit|max|exceed|at most|smaller|reduce)|(limit|max|exceed|at most|smaller|reduce|up to)\w*\b.*\b(range|blocks)\b|maximum (is set to|allowed is)|free ?tier|eth_getlogs (is|are) limited`)},
	{class: ComputeUnits, text: computeUnits},
	{class: RateLimited, text: pattern(`rate.?limit|too many requests?\b|(requests?|calls|queries) (rate|limit|count|quota|per)|requests? .*\b(exceed|limit)|(exceed|limit)\w*.*\brequests?\b|per (second|minute|day)|/s(ec(ond)?)?\b|quota|credits|too fast|slow down|throttl|concurren|daily`)},
	{class: Pruned, text: pattern(`\bprun(ed|ing)\b|history .*(not available|unavailable|expired|gone)|histor(y|ical) .*not |no longer (available|kept|stored)|\barchiv(e|al)\b|older than|too old|earliest available|below the (oldest|earliest)|ancient`)},
	{class: UnknownBlock, text: pattern(`unknown block|(header|block|hash|height)s?\b.*\b(not (be )?(found|known|exist|yet|available)|unknown|cannot be found|could not be found|out of range)|not (found|yet|available).*\bblock|beyond (the )?(current )?head|after last accepted|not (currently |on the )?canonical|non-canonical|ahead of|greater than (the )?(latest|head)|future block`)},
	{class: Timeout, text: pattern(`time[ds]? ?-?out|deadline|took too long|too long|(execution|query|request) (aborted|cancel)`)},
	{class: MissingMethod, text: pattern(`method\b.*\b(not|un|does|disabled|denied|forbidden)|(not|un)\w* .*\bmethod|not whitelisted|unsupported|not supported|not implemented`)},
	{class: Unauthorized, text: pattern(`unauthori[sz]ed|forbidden|api.?key|authenticat|access denied|project id|invalid token|payment required`)},
	{class: RateLimited, codes: []int64{429, -32029, -32097}},
	{class: MissingMethod, codes: []int64{-32601, -32004}},
	{class: Pruned, codes: []int64{4444, -38001}},
	{class: TooManyResults, codes: []int64{-32005}},
	{class: RangeTooLarge, codes: []int64{-32614}},
	{class: AnswerTooLarge, statuses: []int{http.StatusRequestEntityTooLarge}},
	{class: Unauthorized, statuses: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusPaymentRequired}},
	{class: Pruned, statuses: []int{http.StatusGone}}, // an Aptos node, of pruned history
	{class: Timeout, statuses: []int{http.StatusRequestTimeout, http.StatusGatewayTimeout, 524, 522, 598}},
}

// missingState is how nodes say that they do not have the state of a block. It comes before
// what else the sentences are about: blocks, headers, and traces of programs.
var missingState = pattern(`missing ?trie ?node|missingtrienode|node .*\bis missing from the db|\bno state (available|found)|(historical|world|required) state\b.*\b(not|un|miss)|state\b.* (is |was |has been |was already )?(not (available|found|ready)|unavailable|pruned|missing)|state histor(y|ies)|history is not fully indexed|data before .* is not available|failed to load state|version (mismatch|does not exist)|state pruning`)

var computeUnits = pattern(`compute units|\bcu\b|throughput|capacity`)

func pattern(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// Classify reads a refusal: the HTTP status if it is not 200, else 0; the code of a JSON-RPC
// error, 0 if there is none; and the text that came with either.
func Classify(status int, code int64, text string) Refusal {
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		text = "" // an HTML page, which may have any words
	}
	r := Refusal{Class: classify(status, code, text)}
	r.From, r.To = rangeIn(text)
	if r.To > 0 && r.Class != RangeTooLarge && r.Class != TooManyResults && r.Class != AnswerTooLarge {
		r.From, r.To = 0, 0
	}
	switch r.Class {
	case RangeTooLarge, BatchTooLarge, TooManyAddresses:
		r.Limit = limitIn(text)
	case RateLimited, ComputeUnits:
		r.Wait = waitIn(text)
	}
	return r
}

// classifyBody reads the body of an answer with another status than 200: text, or a JSON-RPC
// error, of which only the message counts, as names of fields would match, too.
func classifyBody(status int, body []byte) Refusal {
	var answer struct {
		Error struct {
			Code    json.RawMessage
			Message string
		}
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error.Message == "" {
		return Classify(status, 0, string(body))
	}
	code, _ := strconv.ParseInt(strings.Trim(string(answer.Error.Code), `"`), 10, 64)
	return Classify(status, code, answer.Error.Message)
}

func classify(status int, code int64, text string) string {
	for _, rule := range rules {
		if rule.matches(status, code, text) {
			return rule.class
		}
	}
	switch {
	case status >= 500:
		return HTTP5xx
	case status >= 400:
		return HTTP4xx
	case code != 0 || text != "" && status == 0:
		return RPC
	}
	return Other
}

func (r rule) matches(status int, code int64, text string) bool {
	return (len(r.statuses) == 0 || slices.Contains(r.statuses, status)) &&
		(len(r.codes) == 0 || slices.Contains(r.codes, code)) &&
		(r.text == nil || r.text.MatchString(text))
}

var (
	hexRange     = regexp.MustCompile(`\[(0x[0-9a-fA-F]{1,16}), ?(0x[0-9a-fA-F]{1,16})\]`)
	decimalRange = regexp.MustCompile(`(?i)range:? (\d{1,18}) ?(?:-|to|\.\.) ?(\d{1,18})`)
)

// rangeIn returns the range of blocks that a text offers, or 0, 0.
func rangeIn(text string) (from, to int64) {
	for _, pattern := range []*regexp.Regexp{hexRange, decimalRange} {
		if m := pattern.FindStringSubmatch(text); m != nil {
			from, errFrom := strconv.ParseInt(m[1], 0, 64)
			to, errTo := strconv.ParseInt(m[2], 0, 64)
			if errFrom == nil && errTo == nil && 0 <= from && from <= to {
				return from, to
			}
		}
	}
	return 0, 0
}

// limits are the ways in which a text names the most that is answered; the first match counts.
var limits = []*regexp.Regexp{
	pattern(`\d+ ?> ?` + number),
	pattern(`exceeds? (?:the )?(?:server )?(?:max(?:imum)? )?(?:block )?(?:range )?(?:limit )?(?:of )?` + number),
	pattern(`(?:limited to|up to|at most|no more than|more than|greater than|smaller than size|over|limit(?: is| of)?:?|only)(?: an?)? ` + number),
	pattern(`max(?:imum)?\b(?: \[from, to\])?[^\d.,;]{0,40}(?:[:=]|\bis|\bto|\bof) ?` + number),
	pattern(`max(?:imum)?(?: block)?(?: range)?(?: size)? ` + number),
	pattern(`limit, narrow your filter: ` + number),
	pattern(number + `[ -](?:block )?(?:range|blocks?)(?: range)? (?:limit|max)`),
}

const number = `(\d[\d,_]*k?)\b`

// otherUnits follow numbers that are not of blocks, calls or addresses.
var otherUnits = pattern(`^ ?(?:ms|s|sec(?:ond)?s?|m|min(?:ute)?s?|h|hours?|days?|%|bytes|[kmg]i?b)\b`)

func limitIn(text string) int64 {
	for _, pattern := range limits {
		m := pattern.FindStringSubmatchIndex(text)
		if m == nil || otherUnits.MatchString(text[m[3]:]) {
			continue
		}
		digits := strings.NewReplacer(",", "", "_", "", "k", "000", "K", "000").Replace(text[m[2]:m[3]])
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

var waits = pattern(`(?:retry|try again|wait|back ?off)\D{0,20}(\d{1,6}(?:\.\d{1,3})?) ?(ms|milliseconds?|s|sec|seconds?|m|min|minutes?)\b`)

// maxWait bounds for how long an endpoint can make a chain wait.
const maxWait = 10 * time.Minute

func waitIn(text string) time.Duration {
	m := waits.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0
	}
	unit := time.Second
	switch {
	case strings.HasPrefix(strings.ToLower(m[2]), "ms"), strings.HasPrefix(strings.ToLower(m[2]), "milli"):
		unit = time.Millisecond
	case strings.HasPrefix(strings.ToLower(m[2]), "m"):
		unit = time.Minute
	}
	return min(time.Duration(n*float64(unit)), maxWait)
}

// retryAfter reads the header Retry-After: seconds, or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), maxWait)
	}
	return 0
}
