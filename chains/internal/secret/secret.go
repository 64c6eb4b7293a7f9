// Package secret keeps an endpoint's secrets out of what is shown. Providers put keys
// into URLs and headers, and nodes, proxies and net/http repeat them in errors, in
// many an encoding.
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
	most   = 300     // that Text returns
	read   = 4 << 10 // that Text looks at
	unsure = 512     // at the end of what Text looks at, which are dropped if there was more: enough for the beginning of an encoded secret
)

const blot = "***"

// Redactor removes an endpoint's secrets from text and makes the rest printable.
type Redactor struct {
	forms map[byte][]form // by their first byte
}

// New makes the redactor of the endpoint with a URL and headers. The host is not
// taken for a secret.
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
	more := len(s) > read
	if more {
		s = s[:read]
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
	if len(s) <= most {
		return s
	}
	return strings.TrimSpace(strings.ToValidUTF8(s[:most-len(mark)], "")) + mark
}

// redact blots out all secrets in s. If there was more of the text, its end is
// dropped.
func (r *Redactor) redact(s string, more bool) string {
	sure := len(s)
	if more {
		sure = max(0, len(s)-unsure)
	}
	d := decode(s)
	var b strings.Builder
	done := 0 // what is before is written or blotted out
	blotted := false
	for i := range sure {
		end := r.hide(d, i)
		if d.steps >= mostSteps {
			end = len(s) // nobody knows what is there
		}
		if end == 0 {
			continue
		}
		if i > done || !blotted {
			b.WriteString(s[done:i] + blot)
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
			word := !f.word || d.begins(i) && d.ends(at)
			if at > end && (cut || whole && word) {
				end = at
			}
		}
	}
	return end
}

// Error is an error with the redacted text of err. errors.Is and errors.As find what
// err wraps; there is no way to unwrap it, as what is wrapped may tell secrets.
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
