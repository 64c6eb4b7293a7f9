package documents

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/imart/event-worker/persistence"
)

// Signed orders are inserted by others: their keys are any BSON values, and their fields
// may hold what our documents do not.

// DocumentID is a key that may be any BSON value, as text: a string is itself, an ObjectId
// its 24 hex digits; everything else, and a string that is empty or looks like one of
// these, is rawID and the value's type and bytes in hex.
type DocumentID string

const rawID = "bson:"

// IDOf is the text of a key.
func IDOf(v bson.RawValue) DocumentID {
	if id, ok := v.ObjectIDOK(); ok {
		return DocumentID(id.Hex())
	}
	if s, ok := v.StringValueOK(); ok && s != "" && utf8.ValidString(s) && !strings.HasPrefix(s, rawID) && !isObjectID(s) {
		return DocumentID(s)
	}
	return DocumentID(rawID + hex.EncodeToString(append([]byte{byte(v.Type)}, v.Value...)))
}

func isObjectID(s string) bool {
	id, err := bson.ObjectIDFromHex(s)
	return err == nil && id.Hex() == s
}

// Value is the key. A text that IDOf does not give is a string.
func (id DocumentID) Value() bson.RawValue {
	if coded, ok := strings.CutPrefix(string(id), rawID); ok {
		if raw, err := hex.DecodeString(coded); err == nil && len(raw) > 0 {
			v := bson.RawValue{Type: bson.Type(raw[0]), Value: raw[1:]}
			if v.Validate() == nil {
				return v
			}
		}
	}
	if key, err := bson.ObjectIDFromHex(string(id)); err == nil && isObjectID(string(id)) {
		return bson.RawValue{Type: bson.TypeObjectID, Value: key[:]}
	}
	return bson.RawValue{Type: bson.TypeString, Value: bsoncore.AppendString(nil, string(id))}
}

// MarshalBSONValue implements bson.ValueMarshaler.
func (id DocumentID) MarshalBSONValue() (typ byte, data []byte, err error) {
	v := id.Value()
	return byte(v.Type), v.Value, nil
}

// UnmarshalBSONValue implements bson.ValueUnmarshaler.
func (id *DocumentID) UnmarshalBSONValue(typ byte, data []byte) error {
	*id = IDOf(bson.RawValue{Type: bson.Type(typ), Value: data})
	return nil
}

// SignedJSON is the JSON form of a signed order's document, whatever its fields hold.
func SignedJSON(doc bson.Raw) json.RawMessage {
	out := append([]byte(`{"_id":`), jsonOf(IDOf(doc.Lookup("_id")))...)
	for _, f := range Of(persistence.SignedOrders).Fields {
		if f.Name != "_id" {
			out = appendSigned(out, f.Name, doc)
		}
	}
	return append(out, '}')
}

// SignedText returns the inserter's fields of a signed order's document, as JSON.
func SignedText(doc bson.Raw) json.RawMessage {
	out := []byte("{")
	for _, name := range []string{"chain", "market", "contract", "parameters", "signature"} {
		out = appendSigned(out, name, doc)
	}
	return append(out, '}')
}

// appendSigned appends a field as a member, if the document has it.
func appendSigned(out []byte, name string, doc bson.Raw) []byte {
	v, err := doc.LookupErr(name)
	if err != nil {
		return out
	}
	if len(out) > 1 {
		out = append(out, ',')
	}
	out = append(append(out, jsonOf(name)...), ':')
	if text, ok := v.StringValueOK(); ok && name == "parameters" && json.Valid([]byte(text)) {
		return append(out, jsonOf(json.RawMessage(text))...) // a free value that BSON does not hold exactly
	}
	return appendAny(out, v)
}

// maxExact is the largest integer up to which a double holds all of them.
const maxExact = 1 << 53

// appendAny appends any BSON value as JSON: as Free values are, dates as RFC 3339 has them,
// and what JSON has no form for as MongoDB's extended JSON. A double that may have lost
// digits of an integer is written with an exponent, so that it is not taken for one.
func appendAny(out []byte, v bson.RawValue) []byte {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return appendAll(out, v.Document(), '{', '}')
	case bson.TypeArray:
		return appendAll(out, bson.Raw(v.Array()), '[', ']')
	case bson.TypeDateTime:
		return append(out, jsonOf(v.Time().UTC().Format(time.RFC3339Nano))...)
	case bson.TypeDouble:
		if d := v.Double(); d > maxExact || d < -maxExact {
			text := strconv.FormatFloat(d, 'e', -1, 64)
			if json.Valid([]byte(text)) {
				return append(out, text...)
			}
			return append(out, jsonOf(text)...) // infinite
		}
	}
	if text, err := appendText(nil, v); err == nil {
		return append(out, text...)
	}
	if text := v.String(); json.Valid([]byte(text)) {
		return append(out, text...)
	}
	return append(out, jsonOf(v.String())...)
}

func appendAll(out []byte, raw bson.Raw, opening, closing byte) []byte {
	elements, err := raw.Elements()
	if err != nil {
		return append(out, "null"...) // the server stores no such document
	}
	out = append(out, opening)
	for i, e := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		if opening == '{' {
			out = append(append(out, jsonOf(e.Key())...), ':')
		}
		out = appendAny(out, e.Value())
	}
	return append(out, closing)
}
