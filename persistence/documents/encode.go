package documents

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Marshal encodes a document as a client does that has Registry and leaves empty
// structs out.
func Marshal(registry *bson.Registry, doc any) (bson.Raw, error) {
	var out bytes.Buffer
	e := bson.NewEncoder(bson.NewDocumentWriter(&out))
	e.SetRegistry(registry)
	e.OmitZeroStruct()
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
