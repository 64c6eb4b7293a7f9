package facts

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/contract"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport"
	"github.com/imart/event-worker/markets/seaport/signature"
	"github.com/imart/event-worker/persistence"
)

// maxTaken is how many signed orders are taken in at a block.
const maxTaken = 200

// candidate is a signed order that was submitted, with the questions asked before it is
// accepted.
type candidate struct {
	id       string // of its document
	order    signature.Order
	contract common.Address
	key      string
	call     *signature.Call // decides on the signature; nil if it is good
	state    *contract.OrderState
	counter  *uint256.Int
	accepted bool  // by the maker's contract
	refused  error // nil unless it cannot be taken in
	later    bool  // the market's contracts did not answer: it stays pending
}

// takeIn takes signed orders in: it returns their events, and the orders that they open.
func (r *reader) takeIn(ctx context.Context, b block, limit int) ([]markets.Event, []chosen, error) {
	pending, err := r.store.PendingSigned(ctx, r.Ref, min(max(limit, 1), maxTaken))
	if err != nil || len(pending) == 0 {
		return nil, nil, err
	}
	candidates, err := r.contract.judge(ctx, b, r.Market, pending)
	if err != nil {
		return nil, nil, err
	}
	known, err := r.known(ctx, candidates)
	if err != nil {
		return nil, nil, err
	}
	var events []markets.Event
	var opened []chosen
	for i := range candidates {
		if candidates[i].later {
			continue
		}
		e, order := r.take(b, &candidates[i], known)
		events = append(events, e)
		if order != nil {
			known[order.Key] = *order
			opened = append(opened, chosen{*order, demanded})
		}
	}
	return events, opened, nil
}

// known are the documents of the candidates' orders that are open.
func (r *reader) known(ctx context.Context, candidates []candidate) (map[string]markets.Order, error) {
	var keys []string
	for _, c := range candidates {
		if c.key != "" {
			keys = append(keys, c.key)
		}
	}
	found, err := r.store.OrdersWith(ctx, r.Ref, keys)
	known := map[string]markets.Order{}
	for _, o := range found {
		known[o.Key] = o
	}
	return known, err
}

// take is the event of a candidate, and the order that it opens; nil if it is refused.
func (r *reader) take(b block, c *candidate, known map[string]markets.Order) (markets.Event, *markets.Order) {
	order, exists := known[c.key]
	if c.refused == nil && exists && order.Signature != "" {
		c.refused = fmt.Errorf("the order %s was submitted before", c.key)
	}
	if c.refused == nil {
		e, err := seaport.Listing(c.contract.Hex(), c.order.Parameters, c.order.Hash(), r.Known)
		if err == nil {
			e.Signature, e.Signed = "0x"+hex.EncodeToString(c.order.Signature), c.id
			e.Position, e.Time = markets.Position{Height: b.Seq}, b.time
			if !exists {
				order = markets.Order{Chain: r.Ref.Chain, Market: r.Ref.Market, Key: c.key, First: e.Position}
			}
			order.Apply(e)
			order.Checked = nil
			return e, &order
		}
		c.refused = err
	}
	return markets.Event{Kind: markets.SignedRefused, Signed: c.id, Reason: bounded(c.refused.Error())}, nil
}

// bounded is a reason that fits into a document.
func bounded(reason string) string {
	const most = 500
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "") + "…"
	}
	return reason
}

// judge asks the contracts about signed orders. Those that are not to be taken in are refused
// with a reason.
func (c *contracts) judge(ctx context.Context, b block, m Market, pending []persistence.PendingOrder) ([]candidate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.learn(ctx, b, m.Contracts); err != nil {
		return nil, err
	}
	candidates := make([]candidate, len(pending))
	var asked questionnaire
	for i, p := range pending {
		candidates[i] = c.candidate(b, m, p)
		candidates[i].ask(&asked)
	}
	if err := asked.answer(ctx, c.asker, b); err != nil {
		return nil, err
	}
	for i := range candidates {
		candidates[i].decide(b.time)
	}
	return candidates, nil
}

// candidate reads a signed order, and finds the contract that it is for.
func (c *contracts) candidate(b block, m Market, p persistence.PendingOrder) candidate {
	out := candidate{id: p.ID}
	if out.order, out.refused = signature.Parse(p.Text); out.refused != nil {
		return out
	}
	all := m.Contracts
	if given := out.order.Contract; given != "" {
		if all = []string{given}; !slices.Contains(m.Contracts, given) {
			out.refused = fmt.Errorf("contract: %s is not one of the market's: %v", given, m.Contracts)
			return out
		}
	}
	out.refused = fmt.Errorf("contract: no known version of Seaport for chain %d at %v", c.chainID, all)
	for _, name := range all {
		address := common.HexToAddress(name)
		s := c.seaports[address]
		if s == nil {
			out.later = out.later || c.silent[address] || !b.head // it may be deployed above
			continue
		}
		verdict, err := out.order.Verify(s.domain)
		if err == nil && (verdict.Valid || out.call == nil) {
			out.contract, out.call, out.refused = s.domain.Contract, verdict.Call, nil
		}
		if verdict.Valid {
			out.later = false
			break
		}
	}
	if out.refused == nil {
		out.key = seaport.Key(out.contract.Hex(), out.order.Hash())
	}
	return out
}

func (c *candidate) ask(asked *questionnaire) {
	if c.refused != nil {
		return
	}
	maker := common.HexToAddress(c.order.Parameters.Offerer)
	asked.ask(contract.OrderStatus(c.contract, c.order.Hash()), func(r chains.CallResult) {
		if state, err := contract.Status(r); err == nil {
			c.state = &state
		}
		c.later = c.later || errors.Is(r.Err, chains.ErrUnanswerable)
	})
	asked.ask(contract.Counter(c.contract, maker), func(r chains.CallResult) {
		c.counter, _ = contract.Uint(r)
		c.later = c.later || errors.Is(r.Err, chains.ErrUnanswerable)
	})
	if c.call != nil {
		asked.ask(contract.IsValidSignature(c.call.To, c.call.Digest, c.call.Signature), func(r chains.CallResult) {
			valid, err := contract.Valid(r)
			c.accepted = valid && err == nil
		})
	}
}

// decide refuses an order that can no longer be filled, or never could.
func (c *candidate) decide(now time.Time) {
	if c.refused != nil {
		return
	}
	end := number(c.order.Parameters.EndTime)
	switch {
	case c.state == nil || c.counter == nil:
		c.refused = fmt.Errorf("contract: %s does not answer as Seaport does", c.contract)
	case c.call != nil && !c.accepted && !c.state.Validated:
		c.refused = fmt.Errorf("signature: neither the offerer's key nor a contract at %s accepts it for Seaport at %s", c.call.To, c.contract)
	case string(markets.AmountOf(c.counter)) != string(c.order.Parameters.Counter):
		c.refused = fmt.Errorf("parameters.counter: it is %s, and the maker's is %s", c.order.Parameters.Counter, c.counter)
	case c.state.Cancelled:
		c.refused = fmt.Errorf("the order is cancelled")
	case !c.state.Size.IsZero() && c.state.Filled.Eq(c.state.Size):
		c.refused = fmt.Errorf("the order is filled")
	case end.IsUint64() && end.Uint64() <= uint64(max(now.Unix(), 0)):
		c.refused = fmt.Errorf("parameters.endTime: the order ended at %s", time.Unix(int64(end.Uint64()), 0).UTC().Format(time.RFC3339))
	}
}
