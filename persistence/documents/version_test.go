package documents

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A change of the collections has a new version: databases of the last one are
// brought up to date only then.
func TestEveryChangeHasANewVersion(t *testing.T) {
	const file = "testdata/versions"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		version, hash, _ := strings.Cut(strings.TrimSpace(line), " ")
		if known[version] != "" {
			t.Errorf("%s has version %s twice", file, version)
		}
		known[version] = hash
	}
	if now := fmt.Sprint(Version); known[now] != definitions(t) {
		t.Errorf("the collections are not those of version %d: raise Version and add this line to %s, leaving those of released versions:\n%d %s",
			Version, file, Version+1, definitions(t))
	}
}

// definitions is a hash of all that the server is told of our collections.
func definitions(t *testing.T) string {
	t.Helper()
	var text []byte
	for _, c := range Collections() {
		told, err := bson.MarshalExtJSON(bson.D{
			{Key: "name", Value: c.Name}, {Key: "validator", Value: c.Validator()}, {Key: "indexes", Value: c.Indexes},
		}, true, false)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, told...)
	}
	return hashOf(text)
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
