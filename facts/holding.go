package facts

import (
	"errors"

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

// holding is what an order's maker must have of one token, and what the maker has. What was
// not answered is nil.
type holding struct {
	kind     int
	items    []markets.OfferedItem // all that offer the token
	maker    common.Address
	operator common.Address
	has      *uint256.Int
	allowed  *uint256.Int // of an ERC-20
	all      *bool        // whether the operator may move all of the maker's tokens
	single   *bool        // whether it may move this one
}

// askHoldings asks for what the order offers. A token is one holding, whatever the number of
// items that offer it.
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
		h.items = append(h.items, item)
	}
}

func (h *holding) ask(asked *questionnaire, token common.Address, id *uint256.Int) {
	switch h.kind {
	case erc20Item:
		asked.ask(contract.BalanceOf(token, h.maker), readUint(&h.has))
		asked.ask(contract.Allowance(token, h.maker, h.operator), readUint(&h.allowed))
	case erc721Item:
		asked.ask(contract.OwnerOf(token, id), h.readOwner)
		asked.ask(contract.IsApprovedForAll(token, h.maker, h.operator), readBool(&h.all))
		asked.ask(contract.GetApproved(token, id), func(r chains.CallResult) {
			if approved, err := contract.Address(r); err == nil {
				single := approved == h.operator
				h.single = &single
			}
		})
	case erc1155Item:
		asked.ask(contract.BalanceOfToken(token, h.maker, id), readUint(&h.has))
		asked.ask(contract.IsApprovedForAll(token, h.maker, h.operator), readBool(&h.all))
		h.single = new(false)
	}
}

// readOwner reads the owner of an ERC-721, which reverts where the token was burnt or never
// minted.
func (h *holding) readOwner(r chains.CallResult) {
	owner, err := contract.Address(r)
	switch {
	case err == nil && owner == h.maker:
		h.has = uint256.NewInt(1)
	case err == nil, errors.Is(err, chains.ErrReverted):
		h.has = new(uint256.Int)
	}
}

func readUint(to **uint256.Int) func(chains.CallResult) {
	return func(r chains.CallResult) { *to, _ = contract.Uint(r) }
}

func readBool(to **bool) func(chains.CallResult) {
	return func(r chains.CallResult) {
		if is, err := contract.Bool(r); err == nil {
			*to = &is
		}
	}
}

// needs is how much of the token a fill of a share of the order takes.
func (h *holding) needs(p *markets.Parameters, s share, at uint64) *uint256.Int {
	sum := new(uint256.Int)
	for _, item := range h.items {
		amount := amountAt(s.of(number(item.StartAmount)), s.of(number(item.EndAmount)), p, at)
		if _, overflow := sum.AddOverflow(sum, &amount); overflow {
			return sum.SetAllOne()
		}
	}
	return sum
}

// obstacle is what the maker lacks to give an amount; known is false if that was not
// answered.
func (h *holding) obstacle(needs *uint256.Int) (reason markets.Reason, known bool) {
	poor, forbidden := markets.NotOwner, markets.NoApproval
	switch h.kind {
	case coinItem: // only the maker's own transaction can pay in the chain's coin
		return markets.NoBalance, true
	case erc20Item:
		poor, forbidden = markets.NoBalance, markets.NoAllowance
	case erc721Item, erc1155Item:
	default: // which token it will be is not known
		return "", false
	}
	has, may := covers(h.has, needs), h.mayMove(needs)
	switch {
	case has != nil && !*has:
		return poor, true
	case may != nil && !*may:
		return forbidden, true
	}
	return "", has != nil && may != nil
}

// mayMove is whether the operator may move an amount of the maker's; nil if not known.
func (h *holding) mayMove(needs *uint256.Int) *bool {
	switch {
	case h.kind == erc20Item:
		return covers(h.allowed, needs)
	case h.single != nil && *h.single:
		return h.single
	case h.single == nil && h.all != nil && !*h.all:
		return nil
	}
	return h.all
}

// covers says whether an amount is enough; nil if the amount is not known.
func covers(has, needs *uint256.Int) *bool {
	if has == nil {
		return nil
	}
	return new(!has.Lt(needs))
}

// share is a part of an order, as a fraction.
type share struct{ numerator, denominator uint256.Int }

// of is the share of an amount, rounded down.
func (s share) of(amount uint256.Int) uint256.Int {
	part, _ := new(uint256.Int).MulDivOverflow(&amount, &s.numerator, &s.denominator)
	return *part
}

// amountAt is an offered amount at a time, as Seaport computes it: on a straight line from the
// order's start to its end, rounded down.
func amountAt(start, end uint256.Int, p *markets.Parameters, at uint64) uint256.Int {
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

// number is an amount as a number; 0 if it is unknown.
func number(a markets.Amount) uint256.Int {
	v, err := uint256.FromDecimal(string(a))
	if err != nil {
		return uint256.Int{}
	}
	return *v
}
