package docs_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// printed is a value much as mongosh prints it, so that it can be put into a page.
// Equal values, and no others, are printed alike.
func printed(v any) string { return printedAt(v, "\n") }

// printedAt prints a value whose lines begin with an indent.
func printedAt(v any, indent string) string {
	switch v := v.(type) {
	case bson.D:
		var parts []string
		for _, e := range v {
			parts = append(parts, printedName(e.Key)+": "+printedAt(e.Value, indent+"  "))
		}
		return enclosed("{", parts, "}", indent)
	case bson.A:
		var parts []string
		for _, element := range v {
			parts = append(parts, printedAt(element, indent+"  "))
		}
		return enclosed("[", parts, "]", indent)
	case string:
		return quotedText(v)
	case int64:
		return fmt.Sprintf("Long('%d')", v)
	case float64:
		if v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case nil:
		return "null"
	case bson.DateTime:
		return v.Time().UTC().Format("ISODate('2006-01-02T15:04:05.000Z')")
	case bson.ObjectID:
		return fmt.Sprintf("ObjectId('%s')", v.Hex())
	case bson.Decimal128:
		return fmt.Sprintf("Decimal128('%s')", v)
	case bson.Binary:
		return fmt.Sprintf("Binary.createFromBase64('%s', %d)", base64.StdEncoding.EncodeToString(v.Data), v.Subtype)
	}
	return fmt.Sprint(v)
}

// What two runs of a cluster never have alike: the times of the server, the ends of
// nodes' ids, and ports.
var unalike = []struct {
	found *regexp.Regexp
	shown string
}{
	{regexp.MustCompile(`((?:joined|seen|ended|taken|updated)At): ISODate\('[^']*'\)`), "$1: ISODate('…')"},
	{regexp.MustCompile(`\b(worker-\d)\.[a-z2-7]{6}\b`), "$1.…"},
	{regexp.MustCompile(`\b127\.0\.0\.1:\d{4,5}\b`), "127.0.0.1:…"},
}

// unlike is a text without what no two runs have alike.
func unlike(text string) string {
	for _, u := range unalike {
		text = u.found.ReplaceAllString(text, u.shown)
	}
	return text
}

func enclosed(opening string, parts []string, closing, indent string) string {
	if len(parts) == 0 {
		return opening + closing
	}
	return opening + indent + "  " + strings.Join(parts, ","+indent+"  ") + indent + closing
}

func printedName(name string) string {
	if strings.Trim(name, letters+digits) != "" {
		return quotedText(name)
	}
	return name
}

func quotedText(s string) string {
	if strings.Contains(s, "'") {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}
