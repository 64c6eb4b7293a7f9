package embedded

import (
	"encoding/binary"
	"errors"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"
)

// changeLog collects the changes that a transaction makes to the collections in
// fullHistory.
//
// An entry contains the document before the change, not after it: the document after a
// change is in the next entry of the same document, or in its table. So entries of new
// documents, which are the majority, take a few bytes.
//
//	bit 0 of the first byte   whether the document was removed
//	bit 1                     whether it existed before
//	bits 2 to 7               the index of its collection in fullHistory
//	then the length of the key, the key and, if it existed before, the length of the earlier
//	document, and the document
type changeLog struct {
	count   int64
	entries []byte
}

const (
	entryRemoved = 1 << iota
	entryExisted
	entryCollection // the lowest bit of the collection
)

// put adds a write of a document; before is nil if it is new.
func (l *changeLog) put(collection string, id int64, before []byte) {
	l.add(collection, id, 0, before)
}

// remove adds the removal of a document.
func (l *changeLog) remove(collection string, id int64, before []byte) {
	l.add(collection, id, entryRemoved, before)
}

func (l *changeLog) add(collection string, id int64, flags int, before []byte) {
	if before != nil {
		flags |= entryExisted
	}
	l.count++
	l.entries = append(l.entries, byte(slices.Index(fullHistory, collection)*entryCollection|flags))
	var key [20]byte
	l.entries = appendBytes(l.entries, strconv.AppendInt(key[:0], id, 10))
	if before != nil {
		l.entries = appendBytes(l.entries, before)
	}
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// write stores the changes as one row.
func (l *changeLog) write(conn *sqlite.Conn) error {
	if l.count == 0 {
		return nil
	}
	_, err := run(conn, "INSERT INTO changes (last, count, entries) SELECT ifnull(max(last), 0) + ?1, ?1, ?2 FROM changes", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, l.count)
		stmt.BindBytes(2, l.entries)
	})
	return err
}

// change is one change.
type change struct {
	documentKey
	removed bool
	before  []byte // the earlier document, if it existed and the collection is in fullHistory
}

// documentKey is a document's table and its key in it.
type documentKey struct{ collection, key string }

var errEntries = errors.New("its entries cannot be read")

// changesOf decodes entries.
func changesOf(entries []byte) (changes []change, err error) {
	cut := func() (part []byte) {
		n, size := binary.Uvarint(entries)
		if size <= 0 || n > uint64(len(entries)-size) {
			err = errEntries
			return nil
		}
		part, entries = entries[size:size+int(n)], entries[size+int(n):]
		return part
	}
	for len(entries) > 0 && err == nil {
		flags := int(entries[0])
		entries = entries[1:]
		if flags/entryCollection >= len(fullHistory) {
			return nil, errEntries
		}
		c := change{documentKey: documentKey{fullHistory[flags/entryCollection], string(cut())}, removed: flags&entryRemoved != 0}
		if err == nil && flags&entryExisted != 0 {
			c.before = cut()
		}
		changes = append(changes, c)
	}
	return changes, err
}
