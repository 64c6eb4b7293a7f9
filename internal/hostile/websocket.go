package hostile

import (
	"encoding/binary"
	"strings"
	"testing"
)

// upgrade opens a WebSocket.
func (to Target) upgrade() string {
	return to.request("GET", "/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==") + "\r\n"
}

// The first bytes of frames (RFC 6455).
const (
	text, part, continued, ping = 0x81, 0x01, 0x00, 0x89
	masked                      = 0x80
)

// frame is a frame of a client, masked with zeros.
func frame(first byte, payload string) string {
	header := []byte{first}
	switch n := len(payload); {
	case n < 126:
		header = append(header, masked|byte(n))
	case n < 1<<16:
		header = binary.BigEndian.AppendUint16(append(header, masked|126), uint16(n))
	default:
		header = binary.BigEndian.AppendUint64(append(header, masked|127), uint64(n))
	}
	return string(header) + "\x00\x00\x00\x00" + payload
}

// WebSockets are attacks on a listener of WebSockets that answers JSON-RPC.
func WebSockets(many int) []Attack {
	all := func(many int, frames ...string) func(testing.TB, Target, string) Release {
		return func(t testing.TB, to Target, _ string) Release {
			t.Helper()
			return to.hold(t, many, to.upgrade()+strings.Join(frames, ""))
		}
	}
	subscribe := frame(text, `{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}`)
	return []Attack{
		{"silent WebSockets", all(many)},
		{"subscriptions", all(many/10, strings.Repeat(subscribe, 100))},
		{"a frame of 2^63-1 bytes", all(many, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00[")},
		{"a message in many parts", all(many/10, frame(part, "["), strings.Repeat(frame(continued, ""), 10_000))},
		{"a large message in parts", all(many/10, frame(part, "["), strings.Repeat(frame(continued, strings.Repeat("[", 60_000)), 40))},
		{"pings", all(many/10, strings.Repeat(frame(ping, "x"), 10_000))},
		{"frames without a mask", all(many, "\x81\x01[")},
		{"reserved bits", all(many, "\xf1\x81\x00\x00\x00\x00[")},
		{"garbage", all(many, string(garbage(1000)))},
		{"deep JSON", all(many/10, frame(text, strings.Repeat("[", 900_000)))},
	}
}
