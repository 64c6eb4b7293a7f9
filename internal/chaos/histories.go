package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/imart/event-worker/internal/chaos/linear"
)

// judgeReads checks that the commits explain what the clients of the API and of the feed
// have read.
func (c *cluster) judgeReads(h *truth, reads []linear.Read, fs *followers) {
	c.t.Helper()
	verdicts, err := h.log.Orders(reads)
	if err != nil {
		c.t.Error(err)
	}
	for i, f := range fs.all {
		r, err := f.received(i)
		if err != nil {
			c.t.Error(err)
			continue
		}
		if len(r.Events) == 0 && !f.partial {
			c.t.Errorf("%s of the feed has received nothing", r.Name)
		}
		verdicts = append(verdicts, h.log.Feed(r))
	}
	operations := 0
	for _, v := range verdicts {
		operations += v.Operations
		if v.Fault != "" {
			c.t.Error(v.Fault)
			c.t.Log(c.visualized(v))
		}
	}
	c.diary.note("%d responses of the API and %d readers of the feed judged: %d operations", len(reads), len(fs.all), operations)
}

// visualized keeps a page that shows an illegal history, and says where it is.
func (c *cluster) visualized(v linear.Verdict) string {
	path := filepath.Join(c.evidence, strings.ReplaceAll(v.Object, " ", "-")+".html")
	if err := v.Visualize(path); err != nil {
		return fmt.Sprintf("the history of %s cannot be shown: %v", v.Object, err)
	}
	return fmt.Sprintf("the history of %s is shown by %s", v.Object, path)
}
