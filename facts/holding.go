package facts

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/contract"
	"github.com/imart/event-worker/markets"
)

// The types of Seaport's items.
const (
	coinItem = iota
	erc20Item
	erc721Item
	erc1155Item
	erc721Criteria
)

// holding is what an order's maker must have of one token, and what the maker has.
type holding struct {
	kind     int
	needs    uint256.Int // after what is filled already
	has      *uint256.Int
	owner    *common.Address // of an ERC-721
	maker    common.Address
	operator common.Address
	allowed  *uint256.Int // of an ERC-20
	all      *bool        // whether the operator may move all of the maker's tokens
	single   *common.Address
	silent   bool
}

// askHoldings asks for what the order offers. An offered token counts once, whatever the
// number of items that it is in.
func (q *inquiry) askHoldings(asked *questionnaire, maker, operator common.Address) {
	type asset struct {
		kind  int
		token common.Address
		id    uint256.Int
	}
	known := map[asset]*holding{}
	for _, item := range q.order.Parameters.Offer {
		a := asset{kind: item.Type, token: common.HexToAddress(item.Token)}
		if item.Type >= erc721Item {
			a.id = number(item.Identifier)
		}
		h := known[a]
		if h == nil {
			h = &holding{kind: item.Type, maker: maker, operator: operator}
			known[a] = h
			q.holdings = append(q.holdings, h)
			h.ask(asked, a.token, &a.id)
		}
		amount := amountAt(item, q.order.Parameters, q.at)
		if _, overflow := h.needs.AddOverflow(&h.needs, &amount); overflow {
			h.needs.SetAllOne()
		}
	}
}

func (h *holding) ask(asked *questionnaire, token common.Address, id *uint256.Int) {
	balance := func(r chains.CallResult) { h.has = h.uint(r) }
	all := func(r chains.CallResult) {
		if ok, err := contract.Bool(r); err == nil {
			h.all = &ok
		} else {
			h.silent = true
		}
	}
	switch h.kind {
	case erc20Item:
		asked.ask(contract.BalanceOf(token, h.maker), balance)
		asked.ask(contract.Allowance(token, h.maker, h.operator), func(r chains.CallResult) { h.allowed = h.uint(r) })
	case erc721Item:
		asked.ask(contract.OwnerOf(token, id), func(r chains.CallResult) {
			owner, err := contract.Address(r)
			if err != nil { // burnt, or never minted
				owner = [20]byte{}
			}
			h.owner = (*common.Address)(&owner)
		})
		asked.ask(contract.IsApprovedForAll(token, h.maker, h.operator), all)
		asked.ask(contract.GetApproved(token, id), func(r chains.CallResult) {
			if approved, err := contract.Address(r); err == nil {
				h.single = (*common.Address)(&approved)
			}
		})
	case erc1155Item:
		asked.ask(contract.BalanceOfToken(token, h.maker, id), balance)
		asked.ask(contract.IsApprovedForAll(token, h.maker, h.operator), all)
	}
}

func (h *holding) uint(r chains.CallResult) *uint256.Int {
	v, err := contract.Uint(r)
	if err != nil {
		h.silent = true
		return nil
	}
	return v
}

// reduce takes off what is filled already. Of an order for several tokens of a collection
// that are not alike each fill is of one.
func (h *holding) reduce(state *contract.OrderState, parts *uint256.Int) {
	if parts.GtUint64(1) {
		h.needs.Div(&h.needs, parts)
		return
	}
	if state == nil || state.Size.IsZero() {
		return
	}
	rest := new(uint256.Int).Sub(state.Size, state.Filled)
	h.needs.MulDivOverflow(&h.needs, rest, state.Size)
}

// obstacle is what the maker lacks; known is false if that was not answered.
func (h *holding) obstacle() (reason markets.Reason, known bool) {
	switch h.kind {
	case coinItem: // nobody but the maker can give it
		return markets.NoBalance, true
	case erc20Item:
		switch {
		case h.has != nil && h.has.Lt(&h.needs):
			return markets.NoBalance, true
		case h.allowed != nil && h.allowed.Lt(&h.needs):
			return markets.NoAllowance, true
		}
	case erc721Item:
		switch {
		case h.owner != nil && *h.owner != h.maker:
			return markets.NotOwner, true
		case h.all != nil && !*h.all && h.single != nil && *h.single != h.operator:
			return markets.NoApproval, true
		case h.single != nil && *h.single == h.operator:
			return "", true
		}
	case erc1155Item:
		switch {
		case h.has != nil && h.has.Lt(&h.needs):
			return markets.NotOwner, true
		case h.all != nil && !*h.all:
			return markets.NoApproval, true
		}
	default: // which token it will be is not known
		return "", false
	}
	return "", !h.silent
}

// amountAt is an offered item's amount at a time, as Seaport computes it: on a straight line
// from the order's start to its end, rounded down.
func amountAt(item markets.OfferedItem, p *markets.Parameters, at uint64) uint256.Int {
	start, end := number(item.StartAmount), number(item.EndAmount)
	from, to := number(p.StartTime), number(p.EndTime)
	now := *uint256.NewInt(at)
	switch {
	case start.Eq(&end), !from.Lt(&to), !now.Gt(&from):
		return start
	case !now.Lt(&to):
		return end
	}
	whole := new(uint256.Int).Sub(&to, &from)
	elapsed := new(uint256.Int).Sub(&now, &from)
	if start.Lt(&end) {
		rise, _ := new(uint256.Int).MulDivOverflow(new(uint256.Int).Sub(&end, &start), elapsed, whole)
		return *rise.Add(&start, rise)
	}
	// start - ceil((start - end) * elapsed / whole) = end + floor((start - end) * left / whole)
	left := new(uint256.Int).Sub(whole, elapsed)
	rest, _ := new(uint256.Int).MulDivOverflow(new(uint256.Int).Sub(&start, &end), left, whole)
	return *rest.Add(&end, rest)
}

// number is a known amount; 0 if it is not one.
func number(a markets.Amount) uint256.Int {
	v, err := uint256.FromDecimal(string(a))
	if err != nil {
		return uint256.Int{}
	}
	return *v
}
