package persistence

import (
	"fmt"
	"strings"
)

// ParseSort parses the fields to sort by, each with a leading minus to sort in
// descending order: "-time,price".
func ParseSort(text string) ([]SortKey, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var keys []SortKey
	for field := range strings.SplitSeq(text, ",") {
		path, down := strings.CutPrefix(strings.TrimSpace(field), "-")
		if strings.HasPrefix(path, "-") {
			return nil, fmt.Errorf("sort: %.100q has more than one minus", field)
		}
		if err := checkPath(path); err != nil {
			return nil, fmt.Errorf("sort: %w", err)
		}
		keys = append(keys, SortKey{path, down})
	}
	return keys, nil
}
