package replay

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/imart/event-worker/chains/internal/rawdata"
)

// Stream serves the transactions of a recorded Aptos chain over gRPC, as the
// transaction stream does (aptos.indexer.v1.RawData).
type Stream struct {
	node   *Node
	token  string
	server *grpc.Server
	url    string
	done   chan struct{}
}

// batch is how many transactions a response holds at most.
const batch = 100

// ServeStream serves a node's transactions up to its head, at addr, until the context
// ends or the stream is closed. With a token it wants to be asked with it.
func (n *Node) ServeStream(ctx context.Context, addr, token string) (*Stream, error) {
	if n.recording.Kind != Aptos {
		return nil, fmt.Errorf("replay stream: %s chains have none", n.recording.Kind)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("replay stream: %w", err)
	}
	s := &Stream{node: n, token: token, url: "grpc://" + listener.Addr().String(), done: make(chan struct{})}
	s.server = grpc.NewServer(grpc.ForceServerCodecV2(rawdata.Codec{}), grpc.MaxRecvMsgSize(64<<10))
	s.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: rawdata.Service,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: rawdata.Method, ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			return s.transactions(stream)
		}}},
	}, s)
	stop := context.AfterFunc(ctx, s.server.Stop)
	go func() {
		defer close(s.done)
		defer stop()
		_ = s.server.Serve(listener)
	}()
	return s, nil
}

// URL is what a client is configured with.
func (s *Stream) URL() string { return s.url }

// Close stops serving and waits until it has.
func (s *Stream) Close() {
	s.server.Stop()
	<-s.done
}

// transactions answers a GetTransactions.
func (s *Stream) transactions(stream grpc.ServerStream) error {
	s.node.count("stream")
	if given, _ := metadata.FromIncomingContext(stream.Context()); s.token != "" && fmt.Sprint(given.Get("authorization")) != "[Bearer "+s.token+"]" {
		return status.Error(codes.Unauthenticated, "API key not found")
	}
	var frame rawdata.Frame
	if err := stream.RecvMsg(&frame); err != nil {
		return err
	}
	var request rawdata.Request
	if err := request.Read(frame.Bytes); err != nil || request.Start > maxHeight || request.Count > maxHeight {
		return status.Error(codes.InvalidArgument, "bad request")
	}
	next, end := int64(request.Start), int64(-1)
	if request.Count > 0 {
		end = next + int64(request.Count)
	}
	for end < 0 || next < end {
		head, moved := s.node.headAndMoved()
		if next > head {
			select {
			case <-stream.Context().Done():
				return stream.Context().Err()
			case <-moved:
				continue
			}
		}
		to := min(head+1, next+batch)
		if end >= 0 {
			to = min(to, end)
		}
		response := rawdata.Response{ChainID: s.node.recording.ChainID}
		for ; next < to; next++ {
			t, err := rawdata.FromREST(s.node.recording.ledger.body(next))
			if err != nil {
				return status.Error(codes.Internal, err.Error())
			}
			response.Transactions = append(response.Transactions, t.Append(nil))
		}
		if err := stream.SendMsg(&rawdata.Frame{Bytes: response.Append(nil)}); err != nil {
			return err
		}
	}
	return nil
}
