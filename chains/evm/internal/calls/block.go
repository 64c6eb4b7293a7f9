package calls

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// block is the parameter that names the block.
func (s *session) block() any {
	if s.byNumber {
		return eth.Quantity(s.at.Seq)
	}
	return eth.AtHash(s.at.Hash)
}

// refusesHash says whether an error is of an endpoint that does not take a block's hash as a
// parameter.
func (s *session) refusesHash(err error) bool {
	said, ok := errors.AsType[*jsonrpc.Error](err)
	if !ok || s.byNumber {
		return false
	}
	const invalidParams = -32602
	if said.Code == invalidParams || endpoint.ClassOf(err) == endpoint.MissingMethod {
		return true
	}
	return strings.Contains(said.Message, "unmarshal") || strings.Contains(said.Message, "0x-prefixed") // some give another code
}

// ErrOtherBlock: the endpoint answers for another block than the one asked for.
var ErrOtherBlock = errors.New("the endpoint answers for another block")

// sendAt sends calls together with one for the header at the block's height, which must be
// that of the block; ran says whether the answers of the calls are of the block of that
// header. With an error nothing of the answers is to be believed, unless proven. By number the
// header must still be the same once the calls are answered.
func (s *session) sendAt(ctx context.Context, ran func(eth.Header) bool, calls ...*jsonrpc.Call) (proven bool, err error) {
	var h eth.Header
	getBlock := eth.BlockByNumber(eth.Quantity(s.at.Seq), &h)
	err = s.Send(ctx, append([]*jsonrpc.Call{getBlock}, calls...)...)
	if !getBlock.Answered {
		return false, err
	}
	h, wrong := s.check(ctx, s.Client, s.at, getBlock.Err, h)
	switch {
	case wrong != nil:
		return false, wrong
	case !ran(h) && !s.byNumber: // some nodes do not read the parameter, and answer for the head
		return false, errByNumber
	case !ran(h):
		return false, s.Malformed("%w (%d)", ErrOtherBlock, s.at.Seq)
	case s.byNumber:
		if changed := s.checkBlock(ctx); changed != nil {
			return false, changed
		}
	}
	return true, err
}

// probe is code that returns the time and the number of the block that it is run in:
// TIMESTAMP, 0, MSTORE, NUMBER, 32, MSTORE, RETURN(0, 64).
var probe = []byte{0x42, 0x60, 0x00, 0x52, 0x43, 0x60, 0x20, 0x52, 0x60, 0x40, 0x60, 0x00, 0xf3}

// sendProbed is sendAt with the probe to tell in which block calls are run. Some nodes do not
// run it.
func (s *session) sendProbed(ctx context.Context, calls ...*jsonrpc.Call) (proven bool, err error) {
	out := eth.Output{Limit: 64}
	runProbe := eth.CallContract(nil, probe, s.block(), &out)
	hasRun := func() bool { return runProbe.Answered && runProbe.Err == nil && len(out.Data) == 64 }
	ran := func(h eth.Header) bool { return !hasRun() || ranIn(h, out.Data[:32], out.Data[32:]) }
	proven, err = s.sendAt(ctx, ran, append([]*jsonrpc.Call{runProbe}, calls...)...)
	s.works = s.works || proven && hasRun()
	return proven, err
}

// ranIn says whether code that was run in a block with a time and number was run in the block
// of a header. One of them is enough: rollups have odd numbers, or odd times.
func ranIn(h eth.Header, time, number []byte) bool {
	return len(time) == 32 && number64(time) == uint64(h.Time.Unix()) || len(number) == 32 && number64(number) == uint64(h.Number)
}

// number64 is the least significant 64 bits of a word.
func number64(word []byte) uint64 { return binary.BigEndian.Uint64(word[len(word)-8:]) }

// checkBlock asks whether the block is on the endpoint's chain.
func (s *session) checkBlock(ctx context.Context) error {
	var h eth.Header
	getBlock := eth.BlockByNumber(eth.Quantity(s.at.Seq), &h)
	if err := s.Send(ctx, getBlock); err != nil {
		return err
	}
	_, err := s.check(ctx, s.Client, s.at, getBlock.Err, h)
	return err
}
