package config

import (
	"time"

	"github.com/imart/event-worker/internal/yamlfile"
)

// leastAudit is how often everything may be compared at most.
const leastAudit = time.Minute

// audit is the option audit: how often the log is compared with its chain; 0: never.
func audit(n *yamlfile.Node) time.Duration {
	if n == nil {
		return 0
	}
	switch n.Text() {
	case "false":
		return 0
	case "true", "daily":
		return 24 * time.Hour
	}
	every, err := time.ParseDuration(n.Text())
	if err != nil || every < leastAudit {
		n.Add("is not daily, false, or a duration of a minute or more, such as 72h")
	}
	return every
}
