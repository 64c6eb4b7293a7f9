package documents

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Validator is what the server checks documents of the collection with. It accepts
// the documents of this package and no fields or types that they don't have.
func (c Collection) Validator() bson.D {
	return bson.D{{Key: "$jsonSchema", Value: append(objectRules(c.Fields), bson.E{Key: "description", Value: c.Description})}}
}

// objectRules are the rules of a document of ours.
func objectRules(fields []Field) bson.D {
	required, properties := bson.A{}, bson.D{}
	for _, f := range fields {
		if f.Required {
			required = append(required, f.Name)
		}
		rules := valueRules(f)
		if f.List {
			rules = bson.D{{Key: "bsonType", Value: "array"}, {Key: "items", Value: rules}}
		}
		properties = append(properties, bson.E{Key: f.Name, Value: append(rules, bson.E{Key: "description", Value: f.Description})})
	}
	rules := bson.D{{Key: "bsonType", Value: "object"}}
	if len(required) > 0 { // the server takes no empty list
		rules = append(rules, bson.E{Key: "required", Value: required})
	}
	return append(rules, bson.E{Key: "properties", Value: properties}, bson.E{Key: "additionalProperties", Value: false})
}

// valueRules are the rules of a field's value, or of each if it is a list.
func valueRules(f Field) bson.D {
	switch {
	case f.Type == Object:
		return objectRules(f.Fields)
	case f.Type == Counts:
		count := bson.D{{Key: "bsonType", Value: string(Long)}}
		return bson.D{{Key: "bsonType", Value: string(Object)}, {Key: "additionalProperties", Value: count}}
	case f.Type == Amount:
		// The server's $ would let a line break follow.
		pattern := strings.TrimSuffix(amountPattern, "$") + `\z`
		return bson.D{{Key: "bsonType", Value: string(String)}, {Key: "pattern", Value: pattern}}
	case f.Type == AnyID:
		return bson.D{}
	case f.Type == Free:
		return bson.D{{Key: "bsonType", Value: bson.A{"object", "array", "string"}}}
	}
	rules := bson.D{{Key: "bsonType", Value: string(f.Type)}}
	if f.Enum != nil {
		rules = append(rules, bson.E{Key: "enum", Value: f.Enum.Values})
	}
	return rules
}
