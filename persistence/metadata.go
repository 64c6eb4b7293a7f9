package persistence

import "time"

// The states of Metadata.
const (
	MetadataFetched = "fetched"
	MetadataFailed  = "failed" // it is tried again at NextAt
)

// Metadata is what a URI in a record was found to stand for. It depends on the URI alone.
type Metadata struct {
	ID     string `json:"_id" bson:"_id"` // MetadataID
	State  string `json:"state" bson:"state"`
	Status int    `json:"status,omitempty" bson:"status,omitempty"` // of HTTP
	Bytes  int64  `json:"bytes,omitempty" bson:"bytes,omitempty"`
	// JSON is a JSON object in the form in which it was found, without blanks.
	JSON      string     `json:"json,omitempty" bson:"json,omitempty"`
	Reason    string     `json:"reason,omitempty" bson:"reason,omitempty"` // one line
	Attempts  int64      `json:"attempts" bson:"attempts"`
	TriedAt   time.Time  `json:"triedAt" bson:"triedAt"`
	FetchedAt *time.Time `json:"fetchedAt,omitempty" bson:"fetchedAt,omitempty"`
	NextAt    *time.Time `json:"nextAt,omitempty" bson:"nextAt,omitempty"`
}
