// Package secret keeps an endpoint's secrets out of what is shown. Providers put keys into
// URLs and headers, and nodes, proxies and net/http repeat them in errors, in many encodings.
//
// For example, for an endpoint at https://eth.example.com/v2/k3y-f0r-us the text
//
//	dial https:\/\/eth.example.com\/v2\/k3y%2Df0r%2Dus failed
//
// becomes "dial https:\/\/eth.example.com\/v2\/*** failed": the host and words of paths that many
// URLs have are shown; keys are not, whether escaped for JSON, HTML, URLs or in base64.
package secret

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/printable"
)

// Bounds of texts in bytes.
const (
	maxText = 300     // that Text returns
	maxRead = 4 << 10 // that Text looks at
	dropped = 512     // from the end of a longer text: there may be the beginning of an encoded secret
)

const mask = "***"

// Redactor removes an endpoint's secrets from text and makes the rest printable.
type Redactor struct {
	forms map[byte][]form // by their first byte
}

// New makes the redactor of an endpoint with a URL and headers. The host is not secret.
func New(u *url.URL, header http.Header) *Redactor {
	r := &Redactor{forms: map[byte][]form{}}
	known := map[string]bool{}
	for _, f := range slices.Concat(urlForms(u), headerForms(header)) {
		f.text = lower(f.text)
		if f.text == "" || known[f.text] {
			continue
		}
		known[f.text] = true
		r.forms[f.text[0]] = append(r.forms[f.text[0]], f)
	}
	return r
}

// Text returns s on one line of at most 300 bytes, printable and without secrets.
func (r *Redactor) Text(s string) string {
	more := len(s) > maxRead
	if more {
		s = s[:maxRead]
	}
	// Before the search: a line break within a secret must not hide it.
	s = strings.Join(strings.Fields(s), " ")
	return shorten(Printable(r.redact(s, more)), more)
}

// shorten cuts s to the bound, and marks the cut.
func shorten(s string, more bool) string {
	const mark = "…"
	if more {
		s += mark
	}
	if len(s) <= maxText {
		return s
	}
	return strings.TrimSpace(strings.ToValidUTF8(s[:maxText-len(mark)], "")) + mark
}

// redact blots out all secrets in s. If there was more of the text, its end is
// dropped.
func (r *Redactor) redact(s string, more bool) string {
	sure := len(s)
	if more {
		sure = max(0, len(s)-dropped)
	}
	d := decode(s)
	var b strings.Builder
	done := 0 // what is before is written or blotted out
	blotted := false
	for i := range sure {
		end := r.hide(d, i)
		if d.steps >= maxSteps {
			end = len(s) // the rest is unknown
		}
		if end == 0 {
			continue
		}
		if i > done || !blotted {
			b.WriteString(s[done:i] + mask)
			blotted = true
		}
		done = max(done, end)
	}
	b.WriteString(s[min(done, sure):sure])
	return b.String()
}

// hide is the end of the longest secret that begins at i, 0 if there is none.
func (r *Redactor) hide(d *decoded, i int) int {
	end := 0
	for _, u := range d.units[i] {
		for _, f := range r.forms[u.value[0]] {
			n, at := d.match(f.text, i)
			whole := n == len(f.text)
			cut := n >= f.least
			word := !f.word || d.startsWord(i) && d.endsWord(at)
			if at > end && (cut || whole && word) {
				end = at
			}
		}
	}
	return end
}

// Error is an error with the redacted text of err. errors.Is and errors.As find what
// err wraps; it cannot be unwrapped, as the wrapped error may have secrets.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	return &redacted{text: r.Text(err.Error()), err: err}
}

type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }

// GoString is what %#v prints.
func (e *redacted) GoString() string { return e.text }

func (e *redacted) Is(target error) bool { return errors.Is(e.err, target) }

func (e *redacted) As(target any) bool { return errors.As(e.err, target) }

// Printable escapes every character of s that is not printable, such as line breaks
// and escape sequences.
func Printable(s string) string { return printable.Text(s) }

// lower is s with ASCII letters in lower case. All else stays, and so do positions.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
