package hostile

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// StreamAnswer is how a hostile server of Aptos' transaction stream answers: a call of gRPC,
// or a whole connection, after the settings of HTTP/2.
type StreamAnswer struct {
	Name       string
	Call       http.HandlerFunc
	Connection func(w io.Writer)
}

// Stream serves calls or connections, and returns the URL of the stream.
func (a StreamAnswer) Stream(t testing.TB) string {
	t.Helper()
	server := httptest.NewUnstartedServer(a.Call)
	if a.Connection != nil {
		server.Config.Handler = http.NotFoundHandler()
		server.Listener = &rawListener{server.Listener, a.Connection}
	}
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return "grpc://" + server.Listener.Addr().String()
}

// rawListener keeps its connections to itself, and answers them.
type rawListener struct {
	net.Listener
	answer func(w io.Writer)
}

// Accept implements net.Listener.
func (l *rawListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		go func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(limit))
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			if _, err := io.WriteString(conn, frame2(settings, 0, 0, "")); err == nil {
				l.answer(conn)
			}
		}()
	}
}

// inGRPC writes messages of a call without an end.
func inGRPC(write func(w http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		write(w)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

// prefix begins a message of a size.
func prefix(size int) string { return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(size))) }

// parts is a message of many equal parts.
func parts(part string, times int) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { repeated(prefix(len(part)*(times/1000)*1000), part, times, "")(w) }
}

// StreamAnswers are hostile answers of the transaction stream. The chain's id in them is 1.
func StreamAnswers() []StreamAnswer {
	const mebi = 1 << 20
	field := func(number byte, content string) string { // of a message of protobuf
		return string(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(content)))) + content
	}
	user := field(10, strings.Repeat(field(2, ""), 5000)) // a transaction's content with events
	all := func(name string, write func(w http.ResponseWriter)) StreamAnswer {
		return StreamAnswer{Name: name, Call: inGRPC(write)}
	}
	endlessly := func(part string) func(io.Writer) { return func(w io.Writer) { endless(w, part) } }
	return []StreamAnswer{
		all("silence", func(http.ResponseWriter) {}),
		all("a message of 4 GiB", func(w http.ResponseWriter) { _, _ = io.WriteString(w, prefix(1<<32-1)); endless(w, "\n") }),
		all("a message without an end", func(w http.ResponseWriter) { _, _ = io.WriteString(w, prefix(31*mebi)) }),
		all("30 MB of empty transactions", parts("\x0a\x00", 15*mebi)),
		all("30 MB of events", parts(field(1, user), 30*mebi/len(user))),
		all("30 MB of garbage", parts(string(garbage(30_000)), 1000)),
		all("empty messages", func(w http.ResponseWriter) { endless(w, prefix(0)) }),
		all("messages without transactions", func(w http.ResponseWriter) { endless(w, prefix(2)+"\x10\x01") }),
		all("a compressed message", func(w http.ResponseWriter) { endless(w, "\x01\x00\x00\x00\x01x") }),
		all("endless headers", func(w http.ResponseWriter) {
			for range 2000 {
				w.Header().Add("X", strings.Repeat("a", 1000))
			}
		}),
		{Name: "no gRPC", Call: func(w http.ResponseWriter, _ *http.Request) { endless(w, "<html>") }},
		{Name: "a long error", Call: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "8")
			w.Header().Set("Grpc-Message", strings.Repeat("%0A", 15_000))
		}},
		{Name: "pings", Connection: endlessly(frame2(pingFrame, 0, 0, "12345678"))},
		{Name: "settings", Connection: endlessly(frame2(settings, 0, 0, ""))},
		{Name: "continuations without an end", Connection: func(w io.Writer) {
			_, _ = io.WriteString(w, frame2(headers, 0, 1, "\x88"))
			endless(w, frame2(continuation, 0, 1, strings.Repeat("\x00\x01a\x01b", 3000)))
		}},
		{Name: "garbage", Connection: endlessly(string(garbage(4000)))},
	}
}
