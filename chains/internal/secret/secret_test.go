package secret

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
)

func parse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// known is an endpoint with a secret in each place that has room for one.
func known(t testing.TB) *Redactor {
	return New(parse(t, "https://us%3Aer:pa%2Fs%22s@node.example:8545/v2/p4thK/eth-mainnet/rpc/s%C3%A9gment-key?apikey=qu3ry&n=7&bare-key-1&sp=two+words&bad=%zz-escape#fragment-key"),
		http.Header{
			"Authorization": {"Bearer b3arer+/tok=en"},
			"X-Key":         {"k1-x"},
			"Cookie":        {`session="c00kie-value"; lang=xy`},
			"Proxy":         {"Basic " + base64.StdEncoding.EncodeToString([]byte("pr0xyuser:pr0xypass"))},
		})
}

func TestText(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "execution reverted: 7a v2 of eth-mainnet", "execution reverted: 7a v2 of eth-mainnet"},
		{"empty", " \n", ""},
		{"query value", "bad key qu3ry!", "bad key ***!"},
		{"inside of a word", "xqu3ryx", "x***x"},
		{"short value as a word", "7 of 77, n=7; n%3D7%20, \\n7 “7”", "*** of 77, n=***; n%3D***%20, \\n*** “***”"},
		{"query without a value", "bare-key-1", "***"},
		{"query with a space", "two words two+words two%20words", "*** *** ***"},
		{"line break for a space", "two\r\n words", "***"},
		{"bad escape", "%zz-escape", "***"},
		{"path", "/v2/p4thK/rpc", "/v2/***/rpc"},
		{"path beyond ASCII", "ségment-key s%C3%A9gment-key s%c3%a9gment-key s\\u00e9gment-key s\\xe9gment-key s&#233;gment-key", "*** *** *** *** *** ***"},
		{"fragment", "#fragment-key", "#***"},
		{"user", "us:er us%3aer", "*** ***"},
		{"password", `pa/s"s pa%2Fs%22s pa%2fs%22s pa\/s\"s pa/s\u0022s pa/s\x22s pa/s&#34;s pa&#x2F;s&quot;s`, "*** *** *** *** *** *** *** ***"},
		{"encoded twice", `pa%252Fs%2522s pa/s\\\"s pa/s\\u0022s pa/s&amp;#34;s pa%5C%2Fs%5C%22s`, "*** *** *** *** ***"},
		{"encoded three times", `pa/s\\\\\\\"s pa%25252Fs%252522s`, "*** ***"},
		{"surely needless encoding", `%71%75%33%72%79 \u0071u3r\u{79} \161u3ry`, "*** *** ***"},
		{"other case", "QU3RY", "***"},
		{"base64 of user and password", "Basic " + b64(`us:er:pa/s"s`), "Basic ***"},
		{"base64 without padding", strings.TrimRight(b64(`us:er:pa/s"s`), "=") + ".", "***."},
		{"base64 in base64's own escapes", url.QueryEscape(b64(`us:er:pa/s"s`)), "***"},
		{"base64 behind other bytes", b64("Authorization: Bearer b3arer+/tok=en"), "QXV0aG9yaXphdGlvbjogQmVhcmVyIG***"},
		{"base64 of a URL's kind", base64.URLEncoding.EncodeToString([]byte("b3arer+/tok=en")), "***"},
		{"hex", fmt.Sprintf("%x %X", "b3arer+/tok=en", "b3arer+/tok=en"), "*** ***"},
		{"header's word", "token b3arer+/tok=en is unknown", "token *** is unknown"},
		{"header's scheme", "Bearer authorisation needed", "Bearer authorisation needed"},
		{"header", "k1-x", "***"},
		{"cookie", "c00kie-value xy xyz", "*** *** xyz"},
		{"basic header", "pr0xyuser, pr0xypass, " + b64("pr0xyuser:pr0xypass"), "***, ***, ***"},
		{"cut off by the node", "b3arer... b3are... fragment… b3arer+/t", "***... b3are... ***… ***"},
		{"next to each other", "qu3ryqu3ryp4thK", "***"},
		{"overlapping", "qu3ry p4thKqu3ry", "*** ***"},
		{"control characters", "a\x1b[31mb\u009bc\u202ed\x7fe\xff", `a\x1b[31mb\u009bc\u202ed\x7fe\xff`},
		{"lines", "<html>\r\n\t<b>no\u2028</b>\n", "<html> <b>no </b>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := known(t).Text(test.text); got != test.want {
				t.Errorf("Text(%q) =\n%q, want\n%q", test.text, got, test.want)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		url, header, text, want string
	}{
		{"https://a:@host", "", "Basic YTo=, a", "Basic ***, ***"},
		{"https://key@host", "", "Basic a2V5Og==", "Basic ***"},
		{"https://ab:cd123@host", "", "ab:cd1", "***"},
		{"https://:p%20w%20x@host", "", "p+w+x", "***"},
		{"https://host/?k=%ff%fe1234", "", "\ufffd\ufffd1234 \\xff\\xfe1234 %FF%FE1234", "*** *** ***"},
		{"https://host/?k=a%20%20bcd", "", "a  bcd a%20%20bcd", "*** ***"},
		{"https://host/?k=two+words", "", fmt.Sprintf("two%%2Bwords %x %x", "two+words", "two words"), "*** *** ***"},
		{"https://host/?k=caf%C3%A9", "", `caf\xc3\xa9 caf\303\251 caf\u{e9} caf&eacute;`, "*** *** *** ***"},
		{"https://host/?k=%F0%9F%99%82key", "", `🙂key \ud83d\ude42key \uD83D\uDE42key \U0001f642key \\ud83d\\ude42key`, "*** *** *** *** ***"},
		{"https://host/?k=ABC", "", "abc, ABCD", "***, ABCD"},
		{"https://host/?k=A%0ABC", "", `a\nbc a%0Abc`, "*** ***"},
		{"https://host/x/key=w0rd;z", "", "w0rd, x, xx", "***, ***, xx"},
		{"https://host#k3y=w0rd", "", "k3y=w0rd w0rd", "*** ***"},
		{"https://host", "two  words", "two  words two words", "*** ***"},
		{"https://host", "Key a-b", "Key a-b", "Key ***"},
		{"https://host", "Bearer", "Bearer", "***"},
		{"https://host", "0123456789abcdef", fmt.Sprintf("%x", "012345"), "***"},
	} {
		header := http.Header{}
		if test.header != "" {
			header.Set("A", test.header)
		}
		if got := New(parse(t, test.url), header).Text(test.text); got != test.want {
			t.Errorf("%s, %s: Text(%q) = %q, want %q", test.url, test.header, test.text, got, test.want)
		}
	}
}

func TestTextWithoutSecrets(t *testing.T) {
	for _, r := range []*Redactor{New(nil, nil), New(parse(t, "https://host"), nil), New(parse(t, "wss://:@host/?&=#"), http.Header{"A": {"", " "}})} {
		if got, want := r.Text("a : = & ***\n1 v1 base64: Og=="), "a : = & *** 1 v1 base64: Og=="; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPathWords(t *testing.T) {
	for _, segment := range []string{"", "v1", "V2", "v3", "v1.2", "rpc", "mainnet", "eth", "ETH-Mainnet", "ext", "8453", "json-rpc"} {
		if !isPublicSegment(segment) {
			t.Errorf("%q is taken for a secret", segment)
		}
	}
	for _, segment := range []string{"v", "v1x", "vault", "v1234", "abc", "8454", "eth-mainnet-5ecret", "mainnet1", "12345"} {
		if isPublicSegment(segment) {
			t.Errorf("%q is taken for a word", segment)
		}
	}
}

// A text that is cut shows no part of the secret at the cut.
func TestBounds(t *testing.T) {
	const key = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	r := New(parse(t, "https://host/"+key), nil)
	encodings := map[string]string{"plain": key, "percent": percent(key), "base64": base64.StdEncoding.EncodeToString([]byte(key))}
	for name, encoded := range encodings {
		for n := range 3 * len(encoded) {
			for _, text := range []string{
				strings.Repeat("-", maxText-n%maxText) + encoded + strings.Repeat("-", n),
				strings.Repeat(" ", maxRead-dropped-n) + encoded + encoded + strings.Repeat(" ", maxRead),
				strings.Repeat(" ", maxRead-n) + encoded + encoded,
				strings.Repeat(key, 55) + strings.Repeat("+", n) + encoded + encoded,
			} {
				got := r.Text(text)
				if len(got) > maxText || strings.ContainsAny(got, "0123456789abcdefghijklmnopqrstuvwxyz%") {
					t.Fatalf("%s, %d: %d bytes, %q", name, n, len(got), got)
				}
			}
		}
	}
	if got := New(nil, nil).Text(strings.Repeat("é", 500)); got != strings.Repeat("é", 148)+"…" {
		t.Errorf("%d bytes, %q", len(got), got)
	}
	if got := New(nil, nil).Text(strings.Repeat("a", maxText)); got != strings.Repeat("a", maxText) {
		t.Errorf("%d bytes, %q", len(got), got)
	}
}

// What takes too long to look through is not shown.
func TestTooManyWaysToRead(t *testing.T) {
	backslashes := strings.Repeat(`\`, 2000)
	r := New(nil, http.Header{"A": {backslashes + "a"}})
	if got := r.Text("x" + backslashes + backslashes + "b"); got != "x***" {
		t.Errorf("%q", got)
	}
}

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

type valueError string

func (e valueError) Error() string { return string(e) }

type timeoutError struct{ what string }

func (e *timeoutError) Error() string   { return e.what }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return false }

func TestError(t *testing.T) {
	r := New(parse(t, "https://host/s3cr3t"), nil)
	if r.Error(nil) != nil {
		t.Error("nil becomes an error")
	}
	cause := &timeoutError{"s3cr3t\n"}
	inner := fmt.Errorf("at s3cr3t: %w, %w", cause, fs.ErrNotExist)
	err := fmt.Errorf("host: %w", r.Error(inner))
	if want := "host: at ***: *** , file does not exist"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, cause) || errors.Is(err, context.Canceled) {
		t.Error("errors.Is finds what is not wrapped, or does not find what is")
	}
	var found *timeoutError
	if !errors.As(err, &found) || found != cause {
		t.Error("errors.As does not find what is wrapped")
	}
	if typed, ok := errors.AsType[*timeoutError](err); !ok || typed != cause {
		t.Error("errors.AsType does not find what is wrapped")
	}
	if typed, ok := errors.AsType[net.Error](err); !ok || !typed.Timeout() {
		t.Error("errors.AsType does not find an interface")
	}
	if text := fmt.Sprintf("%#v", r.Error(valueError("s3cr3t"))); strings.Contains(text, "s3cr3t") {
		t.Errorf("%%#v prints %s", text)
	}
	for step := err; step != nil; step = errors.Unwrap(step) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s"} {
			if text := fmt.Sprintf(verb, step); strings.Contains(text, "s3cr3t") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}

// What net/http says of a server that repeats what it was sent, broken in many ways.
func TestErrorsOfTransport(t *testing.T) {
	const key = `s3cr"t/k\ey-1`
	u := &url.URL{Scheme: "http", User: url.UserPassword("me-user", key), Path: "/" + key, RawQuery: "key=" + url.QueryEscape(key)}
	header := http.Header{"X-Key": {key}}
	repeated := 0
	for _, answer := range []string{
		"%s\r\n\r\n",
		"HTTP/1.1 %s\r\n\r\n",
		"HTTP/%s 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"HTTP/1.1 200 OK\r\n %s: x\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://[%s\r\n\r\n",
	} {
		for name, echo := range map[string]func(string) string{
			"request": func(request string) string { return strings.Join(strings.Fields(request), " ") },
			"key":     func(string) string { return key },
			"quoted":  func(string) string { return fmt.Sprintf("%q", key) },
		} {
			host := serve(t, func(request string) string { return fmt.Sprintf(answer, echo(request)) })
			at := *u
			at.Host = host
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.String(), strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header = header
			response, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(request)
			if err == nil {
				response.Body.Close()
				if location := response.Header.Get("Location"); location != "" {
					_, err = url.Parse(location)
				}
			}
			if err == nil {
				t.Errorf("%q, %s: no error", answer, name)
				continue
			}
			raw, text := err.Error(), New(&at, header).Error(err).Error()
			if strings.Contains(raw, "s3cr") {
				repeated++
			}
			if strings.Contains(text, "s3cr") || strings.Contains(text, "ey-1") || strings.Contains(text, "bWUtdXNl") {
				t.Errorf("%s becomes %s", raw, text)
			}
		}
	}
	if repeated < 15 {
		t.Errorf("net/http repeats the secret in %d errors only", repeated)
	}
}

// serve answers one request in raw bytes, which are made of the request's head.
func serve(t *testing.T, answer func(request string) string) (host string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		dump, err := httputil.DumpRequest(request, true)
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(answer(string(dump))))
	}()
	return listener.Addr().String()
}

func TestPrintable(t *testing.T) {
	text := Printable("\x1b[2J\u009b\u202e\u2028\x7f\ufeff\xff\n漢字")
	if text != `\x1b[2J\u009b\u202e\u2028\x7f\ufeff\xff\n漢字` || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q", text)
	}
}
