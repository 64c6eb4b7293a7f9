package facts

import (
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/contract"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/signature"
)

// The types of Seaport's orders that need their zone's consent, or are made by a contract as
// they are filled.
const (
	fullRestricted    = 2
	partialRestricted = 3
	contractOrder     = 4
)

// inquiry is the questions about one order, and their answers.
type inquiry struct {
	order    *markets.Order
	at       uint64 // the block's time, in seconds since 1970
	state    *contract.OrderState
	counter  *uint256.Int
	holdings []*holding
	silent   bool   // something was not answered
	signed   *bool  // whether the signature is good; nil if that is not known
	owner    string // of the token that a bid is for, if it is asked for
}

// inquire asks about an order.
func (c *contracts) inquire(asked *questionnaire, b block, o *markets.Order) *inquiry {
	q := &inquiry{order: o, at: uint64(max(b.time.Unix(), 0))}
	market := common.HexToAddress(o.Contract)
	hash, _, _ := strings.Cut(o.Key, "@")
	asked.ask(contract.OrderStatus(market, common.HexToHash(hash)), func(r chains.CallResult) {
		if state, err := contract.Status(r); err == nil {
			q.state = &state
		} else {
			q.silent = true
		}
	})
	if o.Parameters == nil || !o.Status.Alive() {
		return q
	}
	if c.owners && o.Checked == nil {
		q.askOwner(asked)
	}
	maker := common.HexToAddress(o.Parameters.Offerer)
	asked.ask(contract.Counter(market, maker), func(r chains.CallResult) {
		if counter, err := contract.Uint(r); err == nil {
			q.counter = counter
		} else {
			q.silent = true
		}
	})
	operator, known := c.operator(o)
	if !known {
		q.silent = true
		return q
	}
	q.askHoldings(asked, maker, operator)
	c.askSignature(asked, q)
	return q
}

// askOwner asks for the owner of the token that a bid is for, if the bid is open to any
// owner.
func (q *inquiry) askOwner(asked *questionnaire) {
	o := q.order
	if o.Side != markets.Bid || o.Token.Standard != markets.ERC721 || len(o.Bundle) > 0 || o.Criteria != "" || o.ReservedFor != "" {
		return
	}
	id, err := uint256.FromDecimal(o.Token.ID)
	if err != nil { // any token of the collection
		return
	}
	asked.ask(contract.OwnerOf(common.HexToAddress(o.Token.Collection), id), func(r chains.CallResult) {
		if owner, err := contract.Address(r); err == nil && owner != [20]byte{} {
			q.owner = common.Address(owner).Hex()
		}
	})
}

// askSignature asks the maker's contract whether a signature is still good that no key made.
func (c *contracts) askSignature(asked *questionnaire, q *inquiry) {
	s := c.seaports[common.HexToAddress(q.order.Contract)]
	if q.order.Signature == "" || s == nil || !q.order.Parameters.Counter.Known() {
		return
	}
	order := signature.Order{Parameters: *q.order.Parameters, Signature: common.FromHex(q.order.Signature)}
	verdict, err := order.Verify(s.domain)
	if err != nil {
		return
	}
	q.signed = &verdict.Valid
	if verdict.Call != nil {
		asked.ask(contract.IsValidSignature(verdict.Call.To, verdict.Call.Digest, verdict.Call.Signature), func(r chains.CallResult) {
			valid, err := contract.Valid(r)
			valid = valid && err == nil
			q.signed = &valid
		})
	}
}

// fact is what the answers say.
func (q *inquiry) fact() markets.Fact {
	f := markets.Fact{State: q.contractState(), Owner: q.owner}
	if q.order.Status.Alive() {
		f.Fillable = q.fillability()
	}
	return f
}

// share returns the largest part of the order that one fill can take: the unfilled part or,
// if a fill names one token of several, that token.
func (q *inquiry) share() share {
	one := *uint256.NewInt(1)
	if parts := q.parts(); parts.GtUint64(1) {
		return share{one, parts}
	}
	if q.state == nil || q.state.Size.IsZero() {
		return share{one, one}
	}
	return share{*new(uint256.Int).Sub(q.state.Size, q.state.Filled), *q.state.Size}
}

// parts is the least number of fills that take the whole order: a fill names one token of each
// item that leaves the choice to the taker.
func (q *inquiry) parts() (most uint256.Int) {
	if q.order.Parameters == nil {
		return most
	}
	for _, item := range q.order.Parameters.Consideration {
		if amount := number(item.StartAmount); item.Type == erc721Criteria && amount.Gt(&most) {
			most = amount
		}
	}
	return most
}

func (q *inquiry) contractState() *markets.ContractState {
	if q.state == nil {
		return nil
	}
	return &markets.ContractState{
		Validated: q.state.Validated, Cancelled: q.state.Cancelled,
		Filled: markets.AmountOf(q.state.Filled), Size: markets.AmountOf(q.state.Size),
	}
}

// fillability is whether a stranger can fill what remains of the order.
func (q *inquiry) fillability() *markets.Fillability {
	reasons, unknown := q.obstacles()
	switch {
	case len(reasons) > 0:
		return &markets.Fillability{Answer: markets.No, Reasons: reasons}
	case unknown:
		return &markets.Fillability{Answer: markets.Unknown}
	}
	return &markets.Fillability{Answer: markets.Yes}
}

// obstacles are the reasons for which the order cannot be filled, and whether there may be
// more that are not known.
func (q *inquiry) obstacles() (reasons []markets.Reason, unknown bool) {
	o, p := q.order, q.order.Parameters
	add := func(r markets.Reason) {
		if !slices.Contains(reasons, r) {
			reasons = append(reasons, r)
		}
	}
	unknown = q.silent || p == nil
	if q.state != nil {
		if q.state.Cancelled {
			add(markets.WasCancelled)
		}
		if !q.state.Size.IsZero() && q.state.Filled.Eq(q.state.Size) {
			add(markets.WasFilled)
		}
	}
	if p == nil {
		return reasons, unknown
	}
	if q.counter != nil && !q.hasCounter() {
		add(markets.CounterRisen)
	}
	if q.state != nil && !q.state.Validated {
		switch {
		case o.Signature == "", q.signed != nil && !*q.signed:
			add(markets.BadSignature)
		case q.signed == nil:
			unknown = true
		}
	}
	switch p.OrderType {
	case fullRestricted, partialRestricted:
		add(markets.ZoneDecides)
	case contractOrder:
		unknown = true
	}
	if parts := q.parts(); p.OrderType%2 == 0 && parts.GtUint64(1) {
		unknown = true // it takes one token of them all, and no fill names several
	}
	if o.ReservedFor != "" {
		add(markets.PrivateOrder)
	}
	part := q.share()
	for _, h := range q.holdings {
		reason, known := h.obstacle(h.needs(p, part, q.at))
		unknown = unknown || !known
		if reason != "" {
			add(reason)
		}
	}
	return reasons, unknown
}

// hasCounter says whether the order is made for the maker's counter: the counter is part of
// what its key is the hash of.
func (q *inquiry) hasCounter() bool {
	p := *q.order.Parameters
	p.Counter = markets.AmountOf(q.counter)
	hash, _, _ := strings.Cut(q.order.Key, "@")
	return signature.Order{Parameters: p}.Hash() == common.HexToHash(hash)
}
