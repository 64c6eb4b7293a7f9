package mongo

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// terms translates filters and sort keys on a collection's documents into MongoDB
// queries.
type terms struct{ of documents.Collection }

// filter translates a condition. User text never becomes an operator: ParseFilter
// rejects unknown names that start with a dollar sign.
func (t terms) filter(condition persistence.Condition) (bson.D, error) {
	switch c := condition.(type) {
	case nil:
		return bson.D{}, nil
	case persistence.And:
		if len(c) == 0 {
			return bson.D{}, nil
		}
		filter, err := t.junction("$and", c)
		if key := persistence.RecordLogOf(c); key != "" && t.of.Name == persistence.Activities {
			filter = append(filter, is("concerns", key)) // which has an index
		}
		return filter, err
	case persistence.Or:
		if len(c) == 0 {
			return nothing, nil
		}
		return t.junction("$or", c)
	case persistence.Not:
		return t.junction("$nor", []persistence.Condition{c.Condition})
	case persistence.Exists:
		return bson.D{is(c.Path, bson.D{{Key: "$exists", Value: true}})}, nil
	case persistence.Compare:
		return t.compare(c)
	}
	return nil, fmt.Errorf("filter: unknown condition %T", condition)
}

var nothing = bson.D{in("_id", []string{})}

func (t terms) junction(operator string, parts []persistence.Condition) (bson.D, error) {
	filters := bson.A{}
	for _, part := range parts {
		filter, err := t.filter(part)
		if err != nil {
			return nil, err
		}
		filters = append(filters, filter)
	}
	return bson.D{is(operator, filters)}, nil
}

func (t terms) compare(c persistence.Compare) (bson.D, error) {
	switch c.Operator {
	case persistence.Equal, persistence.Greater, persistence.GreaterOrEqual, persistence.Less, persistence.LessOrEqual:
	default:
		return nil, fmt.Errorf("filter: unknown operator %q", c.Operator)
	}
	switch operand := c.Operand.(type) {
	case string:
		if t.of.At(c.Path).Type == documents.AnyID {
			return bson.D{is(c.Path, bson.D{is(string(c.Operator), documents.DocumentID(operand))})}, nil
		}
		return bson.D{is(c.Path, bson.D{is(string(c.Operator), operand)})}, nil
	case time.Time:
		return compareTime(c.Path, c.Operator, operand), nil
	case nil, bool, int64, float64:
		return bson.D{is(c.Path, bson.D{is(string(c.Operator), operand)})}, nil
	case markets.Amount:
		return t.compareAmount(c.Path, c.Operator, operand), nil
	}
	return nil, fmt.Errorf("filter: %s compared with a %T", c.Path, c.Operand)
}

// compareTime compares a time with stored dates, which have millisecond resolution.
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

// compareAmount compares amounts numerically: by their sort form where the document has
// one, otherwise by the number of digits and then by the digits.
func (t terms) compareAmount(path string, operator persistence.Operator, amount markets.Amount) bson.D {
	form := t.of.At(path).SortForm
	switch {
	case operator == persistence.Equal && form != "":
		return bson.D{is(form, []byte(documents.SortFormOf(amount))), is(path, string(amount))} // the sort form has indexes
	case operator == persistence.Equal:
		return bson.D{is(path, string(amount))}
	case form != "":
		return bson.D{is(form, bson.D{is(string(operator), []byte(documents.SortFormOf(amount)))})}
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
	list, field := t.of.List(path)
	if list == "" {
		field = path
	}
	either := bson.D{is("$or", bson.A{
		bson.D{is(field, bson.D{is("$regex", others)})},
		bson.D{is(field, bson.D{is("$regex", same), is(string(operator), string(amount))})},
	})}
	if list != "" { // a single element must satisfy the whole condition
		return bson.D{is(list, bson.D{is("$elemMatch", either)})}
	}
	return either
}
