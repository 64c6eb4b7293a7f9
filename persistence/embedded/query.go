package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// documentID is the document's key in SQL.
const documentID = "document_id(doc)"

// selection is a query in SQL.
type selection struct {
	collection string
	sql        sqlText
}

func newSelection(q persistence.Query) (*selection, error) {
	if !slices.Contains(persistence.Collections, q.Collection) {
		return nil, persistence.UnknownCollection(q.Collection)
	}
	s := &selection{collection: q.Collection, sql: sqlText{of: documents.Of(q.Collection)}}
	s.sql.add("SELECT rowid, doc FROM " + q.Collection + " WHERE ")
	all := conjuncts(q.Filter.Condition)
	s.narrow(all)
	s.narrowLists(all)
	if err := s.sql.condition(q.Filter.Condition); err != nil {
		return nil, err
	}
	if len(q.Sort) > 0 {
		s.sql.add(" ORDER BY ")
		if err := s.sql.order(q.Sort); err != nil {
			return nil, err
		}
	}
	if q.Limit > 0 {
		s.sql.add(" LIMIT ?", int64(q.Limit))
	}
	return s, nil
}

// run calls yield for every document until yield returns false.
func (s *selection) run(conn *sqlite.Conn, yield func(json.RawMessage) bool) error {
	if err := s.defineID(conn); err != nil {
		return err
	}
	for i, arg := range s.sql.args {
		if name, ok := arg.(nameRef); ok {
			id, err := name.find(conn)
			if err != nil {
				return err
			}
			s.sql.args[i] = id
		}
	}
	err := once(conn, s.sql.text.String(), s.bind, func(row *sqlite.Stmt) error {
		doc, err := s.document(text(row, 1, nil))
		if err != nil {
			return damaged(s.collection, row.ColumnInt64(0), err)
		}
		if !yield(doc) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errDamaged) && sqlite.ErrCode(err) == sqlite.ResultError {
		return s.nameInvalid(conn, err)
	}
	return err
}

// nameInvalid names the document that is not valid JSON, if there is one: SQL's JSON functions
// fail on such a document.
func (s *selection) nameInvalid(conn *sqlite.Conn, err error) error {
	id := int64(0)
	if failed := once(conn, "SELECT rowid FROM "+s.collection+" WHERE NOT json_valid(doc) LIMIT 1", nothing, func(row *sqlite.Stmt) error {
		id = row.ColumnInt64(0)
		return nil
	}); failed != nil || id == 0 {
		return err
	}
	return damaged(s.collection, id, err)
}

func (s *selection) bind(stmt *sqlite.Stmt) {
	for i, arg := range s.sql.args {
		switch arg := arg.(type) {
		case bool:
			stmt.BindBool(i+1, arg)
		case int64:
			stmt.BindInt64(i+1, arg)
		case float64:
			stmt.BindFloat(i+1, arg)
		case string:
			stmt.BindText(i+1, arg)
		}
	}
}

// defineID defines the SQL function that documentID calls.
func (s *selection) defineID(conn *sqlite.Conn) error {
	return conn.CreateFunction("document_id", &sqlite.FunctionImpl{
		NArgs:         1,
		Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			id, err := s.id([]byte(args[0].Text()))
			return sqlite.TextValue(id), err
		},
	})
}

// document returns a stored document with its key as the first member.
func (s *selection) document(doc []byte) (json.RawMessage, error) {
	if s.keyed() {
		if !json.Valid(doc) {
			return nil, fmt.Errorf("not JSON: %.100q", doc)
		}
		return doc, nil
	}
	if !bytes.HasPrefix(doc, []byte(`{"`)) {
		return nil, fmt.Errorf("not a JSON object: %.100q", doc)
	}
	id, err := s.id(doc)
	if err != nil {
		return nil, err
	}
	return withKey(id, doc)
}

// withKey adds a key as the first member of a stored document.
func withKey(id string, doc []byte) (json.RawMessage, error) {
	key, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(`{"_id":`), key, []byte(","), doc[1:]), nil
}

// keyed reports whether documents are stored with their keys.
func (s *selection) keyed() bool {
	return slices.Contains([]string{persistence.Actors, persistence.Leases, persistence.SignedOrders, persistence.Currencies, persistence.MetadataDocs, persistence.Audits, persistence.Requests, persistence.Hooks, persistence.DeadHooks}, s.collection)
}

// id returns the key of a stored document.
func (s *selection) id(doc []byte) (string, error) {
	switch s.collection {
	case persistence.Orders:
		return idBy(orderDecoder, doc)
	case persistence.Activities:
		return idBy(activityDecoder, doc)
	case persistence.Records:
		return idOf[markets.Record](doc)
	case persistence.Notifications:
		return idOf[markets.Notification](doc)
	case persistence.DeadLetters:
		return idOf[markets.DeadLetter](doc)
	}
	var keyed struct {
		ID string `json:"_id"`
	}
	err := json.Unmarshal(doc, &keyed)
	return keyed.ID, err
}

func idOf[T interface{ ID() string }](doc []byte) (string, error) {
	var t T
	err := decode(doc, &t)
	return t.ID(), err
}

// idBy is idOf with a faster decoder, for the collections whose lists are read most.
func idBy[T interface{ ID() string }](decoder *documents.Decoder[T], doc []byte) (string, error) {
	var t T
	err := decoder.Decode(doc, &t)
	return t.ID(), err
}
