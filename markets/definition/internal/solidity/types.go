package solidity

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// Uint256s is uint256[].
var Uint256s = abi.Type{T: abi.SliceTy, Elem: &abi.Type{T: abi.UintTy, Size: 256}}

// TypeOf is the type of a parameter's values in expressions.
func TypeOf(parameter abi.Argument) types.Type {
	if parameter.Indexed && isHashed(parameter.Type) {
		return types.String
	}
	return typeOf(parameter.Type)
}

// isHashed says whether a topic holds only the hash of a type's value.
func isHashed(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy, abi.ArrayTy, abi.TupleTy:
		return true
	}
	return false
}

func typeOf(t abi.Type) types.Type {
	switch t.T {
	case abi.IntTy, abi.UintTy:
		return expression.NumberType
	case abi.BoolTy:
		return types.Bool
	case abi.SliceTy, abi.ArrayTy:
		return types.Array(typeOf(*t.Elem))
	case abi.TupleTy:
		fields := types.Map{}
		for i, name := range t.TupleRawNames {
			fields[name] = typeOf(*t.TupleElems[i])
		}
		return fields
	}
	return types.String
}

// resolve returns the type of a parameter, if Solidity has it and values of it can be read.
func resolve(p abi.ArgumentMarshaling) (abi.Type, error) {
	if err := checkDepth(p, 0); err != nil {
		return abi.Type{}, err
	}
	t, err := abi.NewType(p.Type, "", p.Components)
	if err != nil {
		return abi.Type{}, err
	}
	return t, checkType(t)
}

// checkDepth refuses types that are nested too deeply, before go-ethereum reads them: its
// memory is quadratic in the depth. depth is the number of tuples around the parameter.
func checkDepth(p abi.ArgumentMarshaling, depth int) error {
	switch {
	case strings.Count(p.Type, "[") > maxArrays:
		return errDeepArrays
	case depth >= maxTuples && len(p.Components) > 0:
		return errDeepTuples
	}
	for _, c := range p.Components {
		if err := checkDepth(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// canonical is the name of a type that is not a tuple, from its size and its element.
func canonical(t abi.Type) string {
	switch t.T {
	case abi.IntTy:
		return fmt.Sprint("int", t.Size)
	case abi.UintTy:
		return fmt.Sprint("uint", t.Size)
	case abi.BoolTy:
		return "bool"
	case abi.StringTy:
		return "string"
	case abi.BytesTy:
		return "bytes"
	case abi.FixedBytesTy:
		return fmt.Sprint("bytes", t.Size)
	case abi.AddressTy:
		return "address"
	case abi.FunctionTy:
		return "function"
	case abi.SliceTy:
		return t.Elem.String() + "[]"
	case abi.ArrayTy:
		return fmt.Sprintf("%s[%d]", t.Elem, t.Size)
	}
	return t.String()
}

// checkType refuses what go-ethereum accepts and Solidity does not: names such as bool0 and
// sizes such as uint257, tuples without fields or with two of one name. Arrays are no
// larger than events can be.
func checkType(t abi.Type) error {
	if t.String() != canonical(t) {
		return fmt.Errorf("there is no type %s", t)
	}
	switch t.T {
	case abi.IntTy, abi.UintTy:
		if t.Size%8 != 0 || t.Size < 8 || t.Size > 256 {
			return fmt.Errorf("there is no type %s", t)
		}
	case abi.FixedBytesTy:
		if t.Size < 1 || t.Size > 32 {
			return fmt.Errorf("there is no type %s", t)
		}
	case abi.SliceTy:
		return checkType(*t.Elem)
	case abi.ArrayTy:
		if err := checkType(*t.Elem); err != nil {
			return err
		}
		if t.Size > expression.MaxValues || t.Size*headSize(*t.Elem) > expression.MaxValues*wordSize {
			return fmt.Errorf("%s: %w", t, expression.ErrTooManyValues)
		}
	case abi.TupleTy:
		if len(t.TupleElems) == 0 {
			return errors.New("a tuple without fields")
		}
		for i, e := range t.TupleElems {
			if name := t.TupleRawNames[i]; slices.Contains(t.TupleRawNames[:i], name) {
				return fmt.Errorf("a tuple has two fields %s", name)
			}
			if err := checkType(*e); err != nil {
				return err
			}
		}
	}
	return nil
}

// declared is a type as Solidity declares it, a tuple with the names of its fields.
func declared(t abi.Type) string {
	switch t.T {
	case abi.SliceTy:
		return declared(*t.Elem) + "[]"
	case abi.ArrayTy:
		return fmt.Sprintf("%s[%d]", declared(*t.Elem), t.Size)
	case abi.TupleTy:
		parts := make([]string, len(t.TupleElems))
		for i, e := range t.TupleElems {
			parts[i] = declared(*e) + " " + t.TupleRawNames[i]
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	return t.String()
}

// wordSize is the size in bytes of the units that the ABI encodes everything in.
const wordSize = 32

// headSize is the size in bytes of a type's head (Solidity ABI specification, "Formal
// Specification of the Encoding").
func headSize(t abi.Type) int {
	if isDynamic(t) {
		return wordSize
	}
	switch t.T {
	case abi.ArrayTy:
		return t.Size * headSize(*t.Elem)
	case abi.TupleTy:
		size := 0
		for _, e := range t.TupleElems {
			size += headSize(*e)
		}
		return size
	}
	return wordSize
}

// isDynamic says whether a type has no fixed size: its head is the offset of its tail.
func isDynamic(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy:
		return true
	case abi.ArrayTy:
		return isDynamic(*t.Elem)
	case abi.TupleTy:
		for _, e := range t.TupleElems {
			if isDynamic(*e) {
				return true
			}
		}
	}
	return false
}
