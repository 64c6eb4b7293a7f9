package expression_test

import (
	"fmt"
	"math/big"

	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

func Example() {
	scope := expression.NewScope(markets.EVM, types.Map{"price": expression.NumberType, "feeBps": expression.NumberType, "buyer": types.String})
	fee, err := scope.Compile("price * feeBps / 10000", expression.NumberKind)
	if err != nil {
		panic(err)
	}
	value, err := expression.NewEvaluator().Evaluate(fee, expression.Values{
		"price": expression.NumberOf(big.NewInt(1999)), "feeBps": expression.NumberOf(big.NewInt(250)),
	})
	fmt.Println(value, err, fee.Names())

	_, err = scope.Compile("price * buyer", expression.NumberKind)
	fmt.Println(err, "at column", err.(expression.CompileError).Column)
	// Output:
	// 49 <nil> [feeBps price]
	// invalid operation: * (mismatched types number and text) at column 6
}
