package documents

import (
	"bytes"
	"encoding/json"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// JSONSchema is a JSON Schema (draft 2020-12) of the collections' documents in their
// JSON form: without the fields that only MongoDB has, dates as RFC 3339 has them,
// 64-bit numbers as integers. Each document, and each that is within one, has a
// definition by its model's name.
func JSONSchema(collections []Collection) ([]byte, error) {
	anyOf, definitions := bson.A{}, bson.D{}
	for _, m := range modelsOf(collections) {
		definitions = append(definitions, bson.E{Key: m.Name, Value: definitionOf(m)})
		if m.Collection != nil {
			anyOf = append(anyOf, reference(m.Name))
		}
	}
	raw, err := bson.Marshal(bson.D{
		{Key: "$schema", Value: "https://json-schema.org/draft/2020-12/schema"},
		{Key: "title", Value: "Documents of the event worker"},
		{Key: "anyOf", Value: anyOf},
		{Key: "$defs", Value: definitions},
	})
	if err != nil {
		return nil, err
	}
	text, err := appendText(nil, bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, text, "", "  ")
	out.WriteByte('\n')
	return out.Bytes(), err
}

func definitionOf(m model) bson.D {
	required, properties := bson.A{}, bson.D{}
	fields := inJSON(m.Fields)
	if m.Collection != nil {
		fields = m.Collection.Shown()
	}
	for _, f := range fields {
		if f.Required {
			required = append(required, f.Name)
		}
		properties = append(properties, bson.E{Key: f.Name, Value: propertyOf(f)})
	}
	out := bson.D{{Key: "type", Value: "object"}}
	if m.Collection != nil {
		out = append(out, bson.E{Key: "description", Value: m.Collection.Description})
	}
	return append(out,
		bson.E{Key: "properties", Value: properties},
		bson.E{Key: "required", Value: required},
		bson.E{Key: "additionalProperties", Value: false},
	)
}

func propertyOf(f Field) bson.D {
	value := jsonValue(f)
	if f.List {
		value = bson.D{{Key: "type", Value: "array"}, {Key: "items", Value: value}}
	}
	return append(value, bson.E{Key: "description", Value: f.Description})
}

// jsonValue is the schema of a field's value, or of each if it is a list.
func jsonValue(f Field) bson.D {
	switch f.Type {
	case Object:
		return reference(f.Model)
	case Free:
		return bson.D{}
	case Counts:
		count := bson.D{{Key: "type", Value: "integer"}}
		return bson.D{{Key: "type", Value: "object"}, {Key: "additionalProperties", Value: count}}
	case Double:
		return bson.D{{Key: "type", Value: "number"}}
	case Bool:
		return bson.D{{Key: "type", Value: "boolean"}}
	case Int, Long:
		return bson.D{{Key: "type", Value: "integer"}}
	case Amount:
		return bson.D{{Key: "type", Value: "string"}, {Key: "pattern", Value: amountPattern}}
	case Date:
		return bson.D{{Key: "type", Value: "string"}, {Key: "format", Value: "date-time"}}
	}
	value := bson.D{{Key: "type", Value: "string"}}
	if f.Enum != nil {
		value = append(value, bson.E{Key: "enum", Value: f.Enum.Values})
	}
	return value
}

func reference(model string) bson.D {
	return bson.D{{Key: "$ref", Value: "#/$defs/" + model}}
}
