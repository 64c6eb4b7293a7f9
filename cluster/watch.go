package cluster

import "time"

// nobody watches.
type nobody struct{}

func (nobody) Owned(string, int64)    {}
func (nobody) Released(string)        {}
func (nobody) Members(map[string]int) {}
func (nobody) Beat(time.Duration)     {}
