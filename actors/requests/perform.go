package requests

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// errRefused says that a request makes no sense as it is.
var errRefused = errors.New("refused")

// maxNotes is how many reasons an answer has.
const maxNotes = 20

// final reports whether an error stays however often a request is tried.
func final(err error) bool {
	return slices.ContainsFunc([]error{
		errRefused, maintenance.ErrNothingToRewind, maintenance.ErrNoRaw, maintenance.ErrNotYet,
		maintenance.ErrUnknownStream, maintenance.ErrNoDeadLetter,
	}, func(e error) bool { return errors.Is(err, e) })
}

// perform does what a request asks for, and leaves the answer in it. It may be repeated, by
// another owner too.
func (o *owner) perform(ctx context.Context, m *maintenance.Maintainer, r *persistence.Request) error {
	if r.Market == "" && r.Stream != "" {
		return fmt.Errorf("%w: a stream needs its market", errRefused)
	}
	of := maintenance.Scope{Market: r.Market, Stream: r.Stream}
	switch r.Kind {
	case persistence.RewindRequest:
		return o.rewind(ctx, m, of, r)
	case persistence.RetryRequest:
		return o.retry(ctx, m, of, r)
	case persistence.RedecodeRequest:
		return o.redecode(ctx, m, r)
	case persistence.RefoldRequest:
		if r.Market == "" || len(r.Keys) == 0 {
			return fmt.Errorf("%w: name the market and the keys of the documents", errRefused)
		}
		return m.Refold(ctx, r.Market, r.Keys)
	case persistence.PauseRequest, persistence.ResumeRequest:
		if r.Market == "" {
			return fmt.Errorf("%w: name the market, or the stream", errRefused)
		}
		_, err := m.Pause(ctx, of, r.Kind == persistence.PauseRequest, o.streams()...)
		return err
	}
	return fmt.Errorf("%w: this version of the worker does not know the kind %q", errRefused, r.Kind)
}

// rewind records the transitions to undo before it undoes any: the next owner would find
// fewer.
func (o *owner) rewind(ctx context.Context, m *maintenance.Maintainer, of maintenance.Scope, r *persistence.Request) error {
	if r.Height == nil || *r.Height < 0 {
		return fmt.Errorf("%w: a rewind needs a height that is not negative", errRefused)
	}
	if r.Answer == nil {
		plan, err := maintenance.Plan(ctx, o.cfg.Store, o.chain, of, *r.Height)
		if err != nil {
			return err
		}
		r.Answer = &plan
		if err := o.cfg.Queue.ReportRequest(ctx, *r); err != nil {
			r.Answer = nil
			return err
		}
	}
	if r.DryRun {
		return nil
	}
	err := m.Rewind(ctx, of, *r.Height)
	if errors.Is(err, maintenance.ErrNothingToRewind) { // an earlier execution has undone it
		return nil
	}
	return err
}

// retry counts the dead letters before any is decoded, for the same reason.
func (o *owner) retry(ctx context.Context, m *maintenance.Maintainer, of maintenance.Scope, r *persistence.Request) error {
	again := r.Answer != nil
	if !again {
		n, err := m.DeadLetters(ctx, of, r.DeadLetter)
		if err != nil {
			return err
		}
		r.Answer = &persistence.Answer{Remaining: n}
		if err := o.cfg.Queue.ReportRequest(ctx, *r); err != nil {
			r.Answer = nil
			return err
		}
	}
	var notes []string
	_, remaining, err := m.RetryAll(ctx, of, r.DeadLetter, o.definition, func(err error) {
		if len(notes) < maxNotes {
			notes = append(notes, supervision.OneLine(err))
		}
	})
	if errors.Is(err, maintenance.ErrNoDeadLetter) && again { // decoded by an earlier attempt
		err = nil
	}
	if err != nil {
		return err
	}
	all := r.Answer.Decoded + r.Answer.Remaining
	r.Answer = &persistence.Answer{Decoded: all - remaining, Remaining: remaining, Notes: notes}
	return nil
}

func (o *owner) redecode(ctx context.Context, m *maintenance.Maintainer, r *persistence.Request) error {
	if r.Market == "" && r.Height == nil {
		return o.renew(ctx, m, r)
	}
	if r.Market == "" || r.Stream == "" {
		return fmt.Errorf("%w: name one stream to decode again", errRefused)
	}
	kind, stream, err := o.definition(markets.DeadLetter{Market: r.Market, Stream: r.Stream})
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	height := int64(-1)
	if r.Height != nil {
		height = *r.Height
	}
	n, err := m.Redecode(ctx, kind, r.Market, stream, height)
	if err != nil {
		return err
	}
	r.Answer = &persistence.Answer{Decoded: int64(n)}
	if r.Starts > 1 {
		r.Answer.Notes = []string{"a take-over has interrupted it: events that were not decoded again by then are read from the node"}
	}
	return nil
}

// renew makes the streams again whose definition has changed. The answer is written after each:
// to the chain's next owner that stream is no longer a changed one.
func (o *owner) renew(ctx context.Context, m *maintenance.Maintainer, r *persistence.Request) error {
	if r.Answer == nil {
		r.Answer = &persistence.Answer{}
	}
	return m.Renew(ctx, o.cfg.Markets[o.chain], func(renewed maintenance.Renewed) error {
		if renewed.Reread == nil {
			r.Answer.Decoded += int64(renewed.Decoded)
		}
		r.Answer.Notes = append(r.Answer.Notes, renewed.String())
		return o.cfg.Queue.ReportRequest(ctx, *r)
	})
}

// definition is the definition of a stream on the chain.
func (o *owner) definition(d markets.DeadLetter) (markets.ChainKind, markets.Stream, error) {
	for _, m := range o.cfg.Markets[o.chain] {
		for _, s := range m.Streams {
			if m.Name == d.Market && s.Name == d.Stream {
				return m.Kind, s, nil
			}
		}
	}
	return "", markets.Stream{}, fmt.Errorf("%s/%s/%s: %w in the worker's configuration", o.chain, d.Market, d.Stream, maintenance.ErrUnknownStream)
}

// streams are all streams of the chain.
func (o *owner) streams() []maintenance.Scope {
	var all []maintenance.Scope
	for _, m := range o.cfg.Markets[o.chain] {
		for _, s := range m.Streams {
			all = append(all, maintenance.Scope{Market: m.Name, Stream: s.Name})
		}
	}
	return all
}
