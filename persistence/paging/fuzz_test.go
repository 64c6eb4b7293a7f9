package paging_test

import (
	"encoding/base64"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence/paging"
)

// Whatever a cursor is: it is refused, or its place has the same cursor again.
func FuzzPlace(f *testing.F) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Format(time.RFC3339Nano)
	for i, values := range []string{`[7]`, `["` + at + `"]`, `["` + at + `"]`, `["12"]`, `["12"]`, `[7]`, `["LISTING","12"]`} {
		f.Add(uint8(i), []byte(`{"q":"this one","v":`+values+`,"i":"e/s/k"}`))
	}
	f.Add(uint8(0), []byte(`{"q":"this one","v":[null],"i":""} {"i":1}`))
	f.Fuzz(func(t *testing.T, sort uint8, text []byte) {
		l := listOf(t, sorts[int(sort)%len(sorts)])
		place, err := l.Place(base64.RawURLEncoding.EncodeToString(text))
		if err != nil {
			if !errors.Is(err, paging.ErrCursor) {
				t.Fatal(err)
			}
			return
		}
		if place == nil {
			return
		}
		cursor, err := l.Cursor(place)
		if errors.Is(err, paging.ErrTooLong) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if again, err := l.Place(cursor); err != nil || !reflect.DeepEqual(again, place) {
			t.Fatalf("%v, then %v, %v", place, again, err)
		}
	})
}
