package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// weight is the resource usage of a process; what is unknown is 0.
type weight struct {
	memory     int64 // resident, bytes
	heap       int64 // in use, bytes
	goroutines int64
	files      int64 // open
}

// gauges are the metrics that measure a weight.
var gauges = map[string]func(w *weight, value int64){
	"process_resident_memory_bytes": func(w *weight, value int64) { w.memory = value },
	"go_memstats_heap_inuse_bytes":  func(w *weight, value int64) { w.heap = value },
	"go_goroutines":                 func(w *weight, value int64) { w.goroutines = value },
	"process_open_fds":              func(w *weight, value int64) { w.files = value },
}

func (w weight) String() string {
	return fmt.Sprintf("%d MB of memory, %d MB of heap, %d goroutines, %d open files", w.memory>>20, w.heap>>20, w.goroutines, w.files)
}

// weigh measures a running node by its metrics.
func (n *node) weigh(ctx context.Context) (w weight, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.out.monitor()+"/metrics", nil)
	if err != nil {
		return weight{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return weight{}, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if set, known := gauges[name]; known {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return weight{}, fmt.Errorf("metric %s: %w", name, err)
			}
			set(&w, int64(value))
		}
	}
	return w, lines.Err()
}
