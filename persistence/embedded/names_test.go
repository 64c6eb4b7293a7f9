package embedded

import (
	"fmt"
	"testing"
)

// Names with the same hash are distinguished.
func TestNamesWithTheSameHash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, b := name{7, "a"}, name{7, "b"}
	execute(t, dir, fmt.Sprintf("INSERT INTO names (id, parent, hash, name) VALUES (100, 7, %d, 'a'), (101, 8, %d, 'b');", b.hash(), b.hash()))
	conn := <-s.writer
	defer func() { s.writer <- conn }()
	if id, err := s.names.find(conn, b); id != 0 || err != nil {
		t.Errorf("b, which has no number, is %d (%v)", id, err)
	}
	id, err := s.names.number(conn, b)
	if err != nil || id <= 101 {
		t.Errorf("b is %d (%v)", id, err)
	}
	clear(s.names)
	for _, want := range []int64{id, id} { // from the table, from the cache
		if got, err := s.names.number(conn, b); got != want || err != nil {
			t.Errorf("b was %d, is %d (%v)", want, got, err)
		}
	}
	if got, err := s.names.number(conn, a); got == 100 || got == id || err != nil {
		t.Errorf("a, at its own hash, is %d (%v)", got, err)
	}
}

// However many names there are, few are cached.
func TestFewNamesInMemory(t *testing.T) {
	n := names{}
	for i := range int64(2*maxNames + 1) {
		n.keep(name{i, "x"}, i)
		if len(n) > maxNames || n[name{i, "x"}] != i {
			t.Fatalf("%d names in memory after %d", len(n), i)
		}
	}
}
