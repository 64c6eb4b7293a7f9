package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// encoding is how a node or a proxy may write text.
type encoding struct {
	name   string
	encode func(string) string
}

// encodings are those that can be around each other.
var encodings = []encoding{
	{"plain", func(s string) string { return s }},
	{"query", url.QueryEscape},
	{"path", url.PathEscape},
	{"percent", percent},
	{"lower percent", func(s string) string { return lowerHex(url.QueryEscape(s)) }},
	{"json", func(s string) string {
		text, _ := json.Marshal(s)
		return string(text[1 : len(text)-1])
	}},
	{"quoted", func(s string) string { text := strconv.Quote(s); return text[1 : len(text)-1] }},
	{"quoted to ASCII", func(s string) string { text := strconv.QuoteToASCII(s); return text[1 : len(text)-1] }},
	{"unicode", func(s string) string {
		var b strings.Builder
		for _, r := range s {
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08X`, r)
			} else {
				fmt.Fprintf(&b, `\u%04X`, r)
			}
		}
		return b.String()
	}},
	{"html", html.EscapeString},
	{"html numbers", func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#x%X;", r)
		}
		return b.String()
	}},
}

// wrappings are those that are only around the secret itself.
var wrappings = []encoding{
	{"none", func(s string) string { return s }},
	{"upper hex", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }},
	{"hex", func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"base64, raw", func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }},
	{"base64 of URLs", func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }},
	{"base64 of URLs, raw", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
}

func lowerHex(s string) string {
	parts := strings.Split(s, "%")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToLower(parts[i][:2]) + parts[i][2:]
	}
	return strings.Join(parts, "%")
}

// drawSecret is a secret of four characters or more that no surrounding text has:
// each of its pieces is framed by characters that are in secrets only.
func drawSecret(rt *rapid.T, name string) string {
	odd := rapid.SampledFrom([]rune("QWqwé漢🙂0189/+=&?#%\"'\\<>:;,.-_~!@$^*()[]{}|` "))
	middle := rapid.SliceOfN(odd, 2, 40).Draw(rt, name)
	return "Q" + string(middle) + "q"
}

// place makes an endpoint with a secret somewhere.
func place(rt *rapid.T, secret string) *Redactor {
	u := &url.URL{Scheme: "https", Host: "node.example"}
	header := http.Header{}
	escaped := url.PathEscape(secret)
	if rapid.Bool().Draw(rt, "needless escapes") {
		escaped = percent(secret)
	}
	switch at := rapid.SampledFrom([]string{"user", "password", "path", "value", "name", "fragment", "header", "bearer", "basic"}).Draw(rt, "place"); at {
	case "user":
		u.User = url.User(secret)
	case "password":
		u.User = url.UserPassword("node", secret)
	case "path", "value", "name", "fragment":
		text := "https://node.example" + map[string]string{"path": "/v1/", "value": "/?key=", "name": "/?", "fragment": "#"}[at] + escaped
		if at != "path" {
			text = strings.NewReplacer("&", "%26", "+", "%2B", "=", "%3D", ";", "%3B").Replace(text[len("https://node.example"):])
			text = "https://node.example" + strings.Replace(text, "%3D", "=", map[string]int{"value": 1}[at])
		}
		var err error
		if u, err = url.Parse(text); err != nil {
			rt.Fatal(err)
		}
	case "header":
		header.Set("X-Key", secret)
	case "bearer":
		header.Set("Authorization", "Bearer "+secret)
	case "basic":
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("node:"+secret)))
	}
	return New(u, header)
}

// However a secret is written and whatever is around it, the secret is not shown in
// any way of writing.
func TestNoSecretIsShown(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := drawSecret(rt, "secret")
		r := place(rt, secret)
		written := rapid.SampledFrom(wrappings).Draw(rt, "wrapping").encode(secret)
		for _, e := range rapid.SliceOfN(rapid.SampledFrom(encodings), 0, 3).Draw(rt, "encodings") {
			written = e.encode(written)
		}
		around := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune(`%\&+"';ux0259#ab c`)), 0, 30, -1))
		before, after := around.Draw(rt, "before"), around.Draw(rt, "after")
		got := r.Text(before + written + after)
		if !strings.Contains(got, mask) && len(before) < maxText/6 {
			rt.Fatalf("%q is not found in %q: %q", secret, before+written+after, got)
		}
		check(rt, r, got)
		for _, w := range wrappings {
			for _, e := range encodings {
				if text := e.encode(w.encode(secret)); strings.Contains(got, text) {
					rt.Fatalf("%q is shown as %q: %q", secret, text, got)
				}
			}
		}
	})
}

// check says whether a text is within the bounds and printable.
func check(t interface{ Fatalf(string, ...any) }, r *Redactor, got string) {
	if len(got) > maxText || !utf8.ValidString(got) || strings.TrimSpace(got) != got {
		t.Fatalf("%d bytes: %q", len(got), got)
	}
	for _, c := range got {
		if !unicode.IsPrint(c) {
			t.Fatalf("%q is in %q", c, got)
		}
	}
}

// What is no secret stays, and what is redacted once is not redacted further.
func TestTextStays(t *testing.T) {
	r := known(t)
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(strings.Fields(
			`block 0x12ab 1,000 éé limit "range" {"code":-32000} a+b 50% \n &amp; v1 mainnet 漢字 bearer key`)), 0, 20).Draw(rt, "words"), " ")
		if got := r.Text(text); got != text {
			rt.Fatalf("%q becomes %q", text, got)
		}
		secrets := rapid.SliceOfN(rapid.SampledFrom([]string{"qu3ry", "7", "b3arer+/tok=en", `pa/s"s`, "\x1b", "\n", text}), 0, 9).Draw(rt, "secrets")
		once := r.Text(strings.Join(secrets, " "))
		if twice := r.Text(once); twice != once {
			rt.Fatalf("%q becomes %q", once, twice)
		}
	})
}

func FuzzRedactor(f *testing.F) {
	for _, seed := range [][3]string{
		{"k3y-value", "bad key k3y-value", ""},
		{"ké/y", `k\u00e9\/y k%C3%A9%2fy a+6kveQ==`, "x\x1b[2J"},
		{`a\b%25"&amp;c`, `a\\b%2525\"&amp;amp;c`, `\\\\\\\\%25%25&#&#x;`},
		{"\xff\xfe\x00 ", "\xff\xfe\x00", "\\xff\\xfe"},
		{"1", "1 11 n=1", "\u202e\u009b\r\n"},
		{strings.Repeat("ab", 300), strings.Repeat("ab", 3000), "\\ud83d\\ude00\\U0010ffff\\u{1f642}"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, secret, text, after string) {
		r := New(&url.URL{Host: "h", User: url.UserPassword(secret, text), Path: "/" + after, RawQuery: secret, Fragment: after}, http.Header{"A": {secret, "Basic " + after}})
		for _, s := range []string{text, text + secret + after, percent(secret) + after, after + secret + secret} {
			check(t, r, r.Text(s))
		}
		// Alone, so that nothing else can look like the secret.
		r = New(nil, http.Header{"A": {secret}})
		secret = strings.TrimSpace(secret)
		if utf8.RuneCountInString(secret) < short || len(secret) > maxRead/20 || strings.Trim(secret, "* ") == "" {
			return
		}
		for _, s := range []string{secret, percent(secret), fmt.Sprintf("%q", secret), fmt.Sprintf("%x", secret)} {
			if got := r.Text(s); !strings.Contains(got, mask) {
				t.Fatalf("%q is not found in %q: %q", secret, s, got)
			}
		}
	})
}

func BenchmarkText(b *testing.B) {
	r := known(b)
	for name, text := range map[string]string{
		"short": `{"code":-32005,"message":"limit exceeded for qu3ry"}`,
		"page":  strings.Repeat("<p>Bad gateway: &quot;node&quot; 100%\n", 100),
		"worst": strings.Repeat(`\\%5c&#92;`, 400),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}
