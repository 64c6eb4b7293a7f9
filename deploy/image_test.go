package deploy

import (
	"os"
	"strings"
	"testing"
)

// All files name the tested version of MongoDB.
func TestMongoDBOfCompose(t *testing.T) {
	const tested = "6.0"
	for file, want := range map[string]string{
		"../docker-compose.yml": "${MONGO_IMAGE:-mongo:" + tested + "}",
		"../.env.example":       "\nMONGO_IMAGE=mongo:" + tested,
		"imart.env":             "\nMONGO_IMAGE=mongo:" + tested,
		"../README.md":          "MongoDB other than " + tested,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not contain %q", file, want)
		}
	}
}
