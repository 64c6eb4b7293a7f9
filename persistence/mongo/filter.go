package mongo

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// The amount that has a sort form, and its field.
const (
	sortedAmount = "price"
	sortForm     = "priceSort"
)

// filterOf is a condition in MongoDB's own terms. No text of a user becomes an
// operator of it: ParseFilter takes no other names with a dollar.
func filterOf(condition persistence.Condition) (bson.D, error) {
	switch c := condition.(type) {
	case nil:
		return bson.D{}, nil
	case persistence.And:
		if len(c) == 0 {
			return bson.D{}, nil
		}
		return junction("$and", c)
	case persistence.Or:
		if len(c) == 0 {
			return nothing, nil
		}
		return junction("$or", c)
	case persistence.Not:
		return junction("$nor", []persistence.Condition{c.Condition})
	case persistence.Exists:
		return bson.D{is(c.Path, bson.D{{Key: "$exists", Value: true}})}, nil
	case persistence.Compare:
		return compare(c)
	}
	return nil, fmt.Errorf("filter: unknown condition %T", condition)
}

// nothing matches no document.
var nothing = bson.D{in("_id", []string{})}

func junction(operator string, parts []persistence.Condition) (bson.D, error) {
	filters := bson.A{}
	for _, part := range parts {
		filter, err := filterOf(part)
		if err != nil {
			return nil, err
		}
		filters = append(filters, filter)
	}
	return bson.D{is(operator, filters)}, nil
}

func compare(c persistence.Compare) (bson.D, error) {
	switch c.Operator {
	case persistence.Equal, persistence.Greater, persistence.GreaterOrEqual, persistence.Less, persistence.LessOrEqual:
	default:
		return nil, fmt.Errorf("filter: unknown operator %q", c.Operator)
	}
	switch operand := c.Operand.(type) {
	case time.Time:
		return compareTime(c.Path, c.Operator, operand), nil
	case nil, bool, int64, float64, string:
		return bson.D{is(c.Path, bson.D{is(string(c.Operator), operand)})}, nil
	case markets.Amount:
		return compareAmount(c.Path, c.Operator, operand), nil
	}
	return nil, fmt.Errorf("filter: %s compared with a %T", c.Path, c.Operand)
}

// compareTime compares a time with dates, which have milliseconds only.
func compareTime(path string, operator persistence.Operator, t time.Time) bson.D {
	date := t.Truncate(time.Millisecond)
	switch {
	case date.Equal(t):
	case operator == persistence.Equal:
		return nothing
	case operator == persistence.GreaterOrEqual:
		operator = persistence.Greater
	case operator == persistence.Less:
		operator = persistence.LessOrEqual
	}
	return bson.D{is(path, bson.D{is(string(operator), date)})}
}

// compareAmount compares amounts as the numbers that they are: by their sort form
// where there is one, and otherwise by the number of their digits and then by
// these.
func compareAmount(path string, operator persistence.Operator, amount markets.Amount) bson.D {
	switch {
	case operator == persistence.Equal:
		return bson.D{is(path, string(amount))}
	case path == sortedAmount:
		return bson.D{is(sortForm, bson.D{is(string(operator), []byte(documents.SortFormOf(amount)))})}
	}
	digits := len(amount)
	others := fmt.Sprintf("^.{%d,}$", digits+1)
	if operator == persistence.Less || operator == persistence.LessOrEqual {
		others = fmt.Sprintf("^.{1,%d}$", digits-1)
		if digits == 1 {
			others = "^$"
		}
	}
	same := fmt.Sprintf("^.{%d}$", digits)
	list, field, inList := strings.Cut(path, ".")
	if !inList {
		field = path
	}
	either := bson.D{is("$or", bson.A{
		bson.D{is(field, bson.D{is("$regex", others)})},
		bson.D{is(field, bson.D{is("$regex", same), is(string(operator), string(amount))})},
	})}
	if inList { // one element must meet all of it
		return bson.D{is(list, bson.D{is("$elemMatch", either)})}
	}
	return either
}
