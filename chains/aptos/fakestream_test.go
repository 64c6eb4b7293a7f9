package aptos

import (
	"encoding/json"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/markets"
)

const token = "s3cr3t-stream-key"

// stream serves a ledger's transactions over gRPC, batch in a response, and returns a
// chain that reads them.
func (l *ledger) stream(t testing.TB) *Chain {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawdata.Codec{}))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: rawdata.Service, HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: rawdata.Method, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error { return l.serve(s) }}},
	}, l)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	chain, err := New(Config{
		Endpoints: []chains.Endpoint{{URL: l.url}}, ChainID: 7, Sources: []markets.Source{byModule, byBoth, source("list"), source("buy")},
		Stream: "grpc://" + listener.Addr().String(), StreamToken: token, Log: l.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	l.streaming = chain
	return chain
}

// serve answers a GetTransactions.
func (l *ledger) serve(s grpc.ServerStream) error {
	var frame rawdata.Frame
	var request rawdata.Request
	if err := s.RecvMsg(&frame); err != nil {
		return err
	}
	if err := request.Read(frame.Bytes); err != nil {
		return err
	}
	l.mu.Lock()
	l.asked["stream"]++
	era, cut := l.era, l.cut
	l.mu.Unlock()
	given, _ := metadata.FromIncomingContext(s.Context())
	if auth := given.Get("authorization"); len(auth) != 1 || auth[0] != "Bearer "+token {
		return fmt.Errorf("authorization %q", auth)
	}
	for next, sent := int64(request.Start), 0; request.Count == 0 || next < int64(request.Start+request.Count); {
		l.mu.Lock()
		moved, response, err := l.moved, rawdata.Response{ChainID: 7}, l.refuse
		if l.era != era || cut > 0 && sent == cut {
			l.mu.Unlock()
			return nil
		}
		for range l.batch {
			if next > l.top || err != nil {
				break
			}
			body, _ := json.Marshal(l.whole(next))
			t, _ := rawdata.FromREST(body)
			if l.lieStream != nil {
				l.lieStream(&t)
			}
			response.Transactions = append(response.Transactions, t.Append(nil))
			next++
		}
		if l.otherChain {
			response.ChainID = 8
		}
		l.mu.Unlock()
		if err != nil {
			return err
		}
		if len(response.Transactions) == 0 {
			select {
			case <-s.Context().Done():
				return s.Context().Err()
			case <-moved:
			}
			continue
		}
		sent++
		if err := s.SendMsg(&rawdata.Frame{Bytes: response.Append(nil)}); err != nil {
			return err
		}
	}
	return nil
}
