package aptos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/chains/internal/rawdata"
)

// stream is the client of one server of the transaction stream.
type stream struct {
	host     string
	token    string
	chainID  uint64
	conn     *grpc.ClientConn
	timeout  time.Duration
	wanted   map[string]bool
	accounts map[string]bool
	log      *slog.Logger
	ctx      context.Context

	mu       sync.Mutex
	sessions []*session // the most recently used is last
	health   streamHealth
}

// Bounds of a stream.
const (
	maxMessage   = 32 << 20 // bytes; servers send up to about 20 MB
	streamWindow = 1 << 20  // bytes in flight of one flow
	connWindow   = 4 << 20
)

var errStreamURL = errors.New("stream must be https://host:port or grpc://host:port") // the URL itself is secret

func newStream(c *Chain, cfg Config) (*stream, error) {
	at, err := url.Parse(cfg.Stream)
	if err != nil || at.Host == "" || strings.Trim(at.Path, "/") != "" || at.User != nil || at.RawQuery != "" {
		return nil, errStreamURL
	}
	secure := credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	port := "443"
	switch at.Scheme {
	case "https":
	case "grpc":
		secure, port = insecure.NewCredentials(), "80"
	default:
		return nil, errStreamURL
	}
	host := at.Host
	if at.Port() == "" {
		host = net.JoinHostPort(at.Hostname(), port)
	}
	conn, err := grpc.NewClient("dns:///"+host,
		grpc.WithTransportCredentials(secure),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawdata.Codec{}), grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithStaticStreamWindowSize(streamWindow), grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithMaxHeaderListSize(64<<10),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, errStreamURL
	}
	s := &stream{
		host: at.Host, token: cfg.StreamToken, chainID: cfg.ChainID, conn: conn, timeout: cfg.Timeout,
		wanted: c.wanted, accounts: c.accounts, log: c.log, ctx: c.ctx,
	}
	if s.timeout <= 0 {
		s.timeout = 30 * time.Second
	}
	return s, nil
}

func (s *stream) close() {
	if s != nil {
		_ = s.conn.Close()
	}
}

// call is one GetTransactions.
type call struct {
	*stream
	connection grpc.ClientStream
	frame      rawdata.Frame
	response   rawdata.Response
}

// call asks for transactions from a version on: count of them or, if that is 0, all that there
// are and will be. It ends with its context.
func (s *stream) call(ctx context.Context, start, count int64) (*call, error) {
	s.countRequest()
	if s.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.token)
	}
	c, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+rawdata.Service+"/"+rawdata.Method)
	if err != nil {
		return nil, s.error(err)
	}
	request := rawdata.Request{Start: uint64(start), Count: uint64(count)}
	if err := c.SendMsg(&rawdata.Frame{Bytes: request.Append(nil)}); err != nil && !errors.Is(err, io.EOF) { // receiving returns the error
		return nil, s.error(err)
	}
	if err := c.CloseSend(); err != nil {
		return nil, s.error(err)
	}
	return &call{stream: s, connection: c}, nil
}

// next receives the next response, which is valid until the one after it.
func (c *call) next() ([][]byte, error) {
	if err := c.connection.RecvMsg(&c.frame); err != nil {
		return nil, c.error(err)
	}
	if err := c.response.Read(c.frame.Bytes); err != nil {
		return nil, c.errorf("response: %w", err)
	}
	if id := c.response.ChainID; id != c.chainID {
		return nil, c.errorf("%w: the stream's chain id is %d, the configured one %d", chains.ErrWrongChain, id, c.chainID)
	}
	return c.response.Transactions, nil
}

func (s *stream) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", s.host, fmt.Errorf(format, args...))
}

// StreamError is an error of the transaction stream's server, or of the connection to it.
type StreamError struct {
	Host string
	Code codes.Code
	Text string // one line without secrets
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("%s: transaction stream: %s: %s", e.Host, e.Code, e.Text)
}

// Class is the class that the error is counted in.
func (e *StreamError) Class() string {
	switch e.Code {
	case codes.Unavailable:
		return endpoint.Transport
	case codes.DeadlineExceeded:
		return endpoint.Timeout
	case codes.ResourceExhausted:
		return endpoint.RateLimited
	case codes.Unauthenticated, codes.PermissionDenied:
		return endpoint.Unauthorized
	}
	return endpoint.RPC
}

// error turns an error of gRPC into a StreamError.
func (s *stream) error(err error) error {
	if errors.Is(err, io.EOF) {
		return &StreamError{s.host, codes.Unavailable, "it ended"}
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	told := status.Convert(err)
	if told.Code() == codes.Canceled {
		return fmt.Errorf("%w: %s", context.Canceled, s.host)
	}
	return &StreamError{s.host, told.Code(), s.printable(told.Message())}
}

// printable returns text of the server as one line, shortened and without the token.
func (s *stream) printable(text string) string {
	const most = 300
	if s.token != "" {
		text = strings.ReplaceAll(text, s.token, "***")
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// transactions asks for the transactions of versions that are close together.
func (s *stream) transactions(ctx context.Context, versions []int64) ([]*transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	first, last := versions[0], versions[len(versions)-1]
	c, err := s.call(ctx, first, last-first+1)
	if err != nil {
		return nil, err
	}
	var out []*transaction
	var t rawdata.Transaction
	for next := first; next <= last; {
		messages, err := c.next()
		if err != nil {
			return nil, err
		}
		if len(messages) == 0 {
			return nil, s.errorf("response without transactions")
		}
		for _, m := range messages {
			if next > last {
				break
			}
			if err := t.Read(m); err != nil {
				return nil, s.errorf("version %d: %w", next, err)
			}
			if err := checkVersion(&t, next); err != nil {
				return nil, s.errorf("%w", err)
			}
			if slices.Contains(versions, next) {
				parsed, err := parseStreamed(&t)
				if err != nil {
					return nil, s.errorf("version %d: %w", next, err)
				}
				out = append(out, parsed)
			}
			next++
		}
	}
	return out, nil
}
