package secret

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// form is a secret in one of the ways in which it is written.
type form struct {
	text  string
	least int  // so many bytes of its beginning tell too much
	word  bool // only as a word of its own: elsewhere it is there by chance
}

const (
	short  = 4 // a secret of fewer characters is looked for as a word
	prefix = 6 // characters of a longer secret that tell too much
)

// forms are the ways in which a secret is written, apart from encodings of single characters,
// which decoded undoes.
func forms(secret string) []form {
	secret = strings.TrimSpace(secret)
	if utf8.RuneCountInString(secret) < short {
		return []form{{secret, math.MaxInt, true}}
	}
	all := []form{
		{secret, prefix, false},
		{strings.Join(strings.Fields(secret), " "), prefix, false}, // as Text has it
		{string([]rune(secret)), prefix, false},                    // as JSON has what is not UTF-8
		{hex.EncodeToString([]byte(secret)), 2 * prefix, false},
	}
	return append(all, base64Forms(secret)...)
}

// base64Forms are a secret in base64, alone and after other bytes: its characters depend on
// how many bytes precede it.
func base64Forms(secret string) []form {
	const least = prefix * 8 / 6
	var all []form
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		text := encoding.EncodeToString([]byte(secret))
		all = append(all, form{text, least, false}, form{strings.TrimRight(text, "="), least, false})
		for before := range 3 {
			first := (before*8 + 5) / 6 // the first character with bits of the secret only
			last := (before + len(secret)) * 8 / 6
			text := encoding.EncodeToString([]byte("\x00\x00"[:before] + secret))[first:last]
			if len(text) >= least {
				all = append(all, form{text, least, false})
			}
		}
	}
	return all
}

// urlForms are the forms of the secrets in a URL: of everything but scheme and host.
func urlForms(u *url.URL) []form {
	if u == nil {
		return nil
	}
	var all []form
	add := func(secrets ...string) {
		for _, s := range secrets {
			all = append(all, forms(s)...)
		}
	}
	name := u.User.Username()
	password, _ := u.User.Password()
	if name != "" || password != "" {
		add(name, password, name+":"+password)
		all = append(all, base64Forms(name+":"+password)...) // however short
	}
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		if whole := unescaped(segment, url.PathUnescape); !isPublicSegment(whole) {
			add(whole)
			add(parameters(segment)...)
		}
	}
	add(parameters(u.RawQuery)...)
	add(u.Fragment)
	add(parameters(u.EscapedFragment())...)
	return all
}

// parameters are the secrets of a query: its values, and names without a value.
func parameters(query string) []string {
	var secrets []string
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if value == "" {
			value = name
		}
		secrets = append(secrets, unescaped(value, url.QueryUnescape), unescaped(value, url.PathUnescape))
	}
	return secrets
}

func unescaped(s string, unescape func(string) (string, error)) string {
	if text, err := unescape(s); err == nil {
		return text
	}
	return s
}

// headerForms are the forms of the secrets in headers: of values and of their words, except a
// leading scheme as in "Bearer X".
func headerForms(header http.Header) []form {
	var all []form
	for _, values := range header {
		for _, value := range values {
			for _, s := range headerSecrets(value) {
				all = append(all, forms(s)...)
			}
		}
	}
	return all
}

func headerSecrets(value string) []string {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if rest = strings.TrimSpace(rest); rest != "" && slices.Contains(schemes, strings.ToLower(scheme)) {
		value = rest
	}
	secrets := []string{value}
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(" \t,;", r) }) {
		secrets = append(secrets, word)
		if name, inner, ok := strings.Cut(word, "="); ok && name != "" {
			secrets = append(secrets, strings.Trim(inner, `"`))
		}
		if decoded, err := base64.StdEncoding.DecodeString(word); err == nil && strings.EqualFold(scheme, "basic") {
			name, password, _ := strings.Cut(string(decoded), ":")
			secrets = append(secrets, string(decoded), name, password)
		}
	}
	return secrets
}

// schemes are the words before secrets in headers, in lower case.
var schemes = []string{"apikey", "basic", "bearer", "digest", "hmac", "key", "negotiate", "token"}

// isPublicSegment says whether a segment of a path is a version or made of words that many
// URLs have.
func isPublicSegment(segment string) bool {
	segment = strings.ToLower(segment)
	if version.MatchString(segment) {
		return true
	}
	for part := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if !slices.Contains(words, part) {
			return false
		}
	}
	return true
}

var version = regexp.MustCompile(`^v\d{1,3}(\.\d{1,3}){0,2}$`)

// words of paths that are not secret: kinds of interfaces, chains and networks, and the ids of
// chains.
var words = strings.Fields(`
	api apis archive bc client ext full fullnode graphql grpc http https json jsonrpc
	light main node nodes ogrpc public rest rpc rpcs websocket ws wss
	amoy aptos arb arbitrum avalanche avax base bnb bsc c devnet era eth ether ethereum
	evm fantom gnosis goerli holesky hoodi linea mainnet mantle matic mumbai nova one op
	opbnb optimism polygon pos scroll sepolia testnet xdai zkevm zksync
	1 10 56 97 100 137 204 250 324 5000 8453 42161 42170 43114 59144 534352 11155111`)
