package config

import (
	"time"

	"github.com/imart/event-worker/internal/yamlfile"
)

// leastAudit is the shortest interval of audits.
const leastAudit = time.Minute

// audit reads the option audit: the interval of audits; 0: never.
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
		n.Add("is not daily, false, or a duration of at least a minute, such as 72h")
	}
	return every
}
