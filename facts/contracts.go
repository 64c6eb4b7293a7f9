package facts

import (
	"context"
	"errors"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/contract"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/signature"
)

// contracts asks the contracts of markets and tokens. What Seaport and its conduit controller
// say of themselves it asks once: it is the same on every branch on which they are deployed.
type contracts struct {
	asker   Asker
	chainID uint64
	owners  bool // of tokens are asked for

	mu       sync.Mutex
	seaports map[common.Address]*deployment
	silent   map[common.Address]bool // of those asked last, without an answer from any endpoint
	conduits map[conduit]common.Address
}

// deployment is what a Seaport contract says of itself.
type deployment struct {
	domain     signature.Domain
	controller common.Address
}

// conduit is a conduit by its key.
type conduit struct {
	controller common.Address
	key        common.Hash
}

func newContracts(asker Asker, chainID uint64) *contracts {
	return &contracts{asker: asker, chainID: chainID, seaports: map[common.Address]*deployment{}, conduits: map[conduit]common.Address{}}
}

// facts returns what contracts say of each order at a block.
func (c *contracts) facts(ctx context.Context, b block, orders []markets.Order) ([]markets.Fact, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	addresses := make([]string, len(orders))
	for i := range orders {
		addresses[i] = orders[i].Contract
	}
	if err := c.learn(ctx, b, addresses); err != nil {
		return nil, err
	}
	if err := c.learnConduits(ctx, b, orders); err != nil {
		return nil, err
	}
	var asked questionnaire
	inquiries := make([]*inquiry, len(orders))
	for i := range orders {
		inquiries[i] = c.inquire(&asked, b, &orders[i])
	}
	if err := asked.answer(ctx, c.asker, b); err != nil {
		return nil, err
	}
	facts := make([]markets.Fact, len(orders))
	for i, q := range inquiries {
		facts[i] = q.fact()
	}
	return facts, nil
}

// learn identifies the Seaport contracts that are not known yet. One whose domain separator
// does not match is asked again next time.
func (c *contracts) learn(ctx context.Context, b block, addresses []string) error {
	var asked questionnaire
	c.silent = map[common.Address]bool{}
	for _, name := range addresses {
		address := common.HexToAddress(name)
		if c.seaports[address] != nil {
			continue
		}
		asked.ask(contract.Information(address), func(r chains.CallResult) {
			said, err := contract.SeaportOf(r)
			domain := signature.Domain{Version: said.Version, ChainID: c.chainID, Contract: address}
			if err == nil && domain.Separator() == said.DomainSeparator {
				c.seaports[address] = &deployment{domain, said.ConduitController}
			}
			c.silent[address] = errors.Is(err, chains.ErrUnanswerable)
		})
	}
	return asked.answer(ctx, c.asker, b)
}

// learnConduits asks for the addresses of conduits that are not known yet.
func (c *contracts) learnConduits(ctx context.Context, b block, orders []markets.Order) error {
	var asked questionnaire
	pending := map[conduit]bool{}
	for i := range orders {
		s := c.seaports[common.HexToAddress(orders[i].Contract)]
		if s == nil || orders[i].Conduit == "" {
			continue
		}
		k := conduit{s.controller, common.HexToHash(orders[i].Conduit)}
		if _, known := c.conduits[k]; known || pending[k] {
			continue
		}
		pending[k] = true
		asked.ask(contract.Conduit(k.controller, k.key), func(r chains.CallResult) {
			if address, exists, err := contract.ConduitOf(r); err == nil && exists {
				c.conduits[k] = address
			}
		})
	}
	return asked.answer(ctx, c.asker, b)
}

// operator is the contract that moves an order's tokens; false if that is not known.
func (c *contracts) operator(o *markets.Order) (common.Address, bool) {
	if o.Conduit == "" {
		return common.HexToAddress(o.Contract), true
	}
	s := c.seaports[common.HexToAddress(o.Contract)]
	if s == nil {
		return common.Address{}, false
	}
	address, ok := c.conduits[conduit{s.controller, common.HexToHash(o.Conduit)}]
	return address, ok
}

// questionnaire is the calls of one block, each once, and who waits for their answers.
type questionnaire struct {
	calls   []chains.ContractCall
	waiting [][]func(chains.CallResult)
	at      map[question]int
}

type question struct {
	to   common.Address
	data string
}

// ask adds a call.
func (q *questionnaire) ask(call chains.ContractCall, then func(chains.CallResult)) {
	key := question{call.To, string(call.Data)}
	i, known := q.at[key]
	if !known {
		if q.at == nil {
			q.at = map[question]int{}
		}
		i = len(q.calls)
		q.at[key] = i
		q.calls, q.waiting = append(q.calls, call), append(q.waiting, nil)
	}
	q.waiting[i] = append(q.waiting[i], then)
}

// answer makes the calls, and hands out their answers.
func (q *questionnaire) answer(ctx context.Context, asker Asker, b block) error {
	if len(q.calls) == 0 {
		return nil
	}
	results, err := asker.Call(ctx, b.Place, q.calls)
	if err != nil {
		return err
	}
	for i, r := range results {
		for _, then := range q.waiting[i] {
			then(r)
		}
	}
	return nil
}
