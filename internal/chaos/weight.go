package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// weight is the resource usage of a node.
type weight struct {
	memory     int64 // resident, bytes; 0 if unknown
	goroutines int64 // 0 if unknown
}

func (w weight) String() string {
	s := "memory unknown"
	if w.memory > 0 {
		s = fmt.Sprintf("%d MB", w.memory>>20)
	}
	if w.goroutines > 0 {
		s += fmt.Sprintf(", %d goroutines", w.goroutines)
	}
	return s
}

// weigh measures a running node.
func (n *node) weigh(ctx context.Context) weight {
	var w weight
	if p := n.running(); p != nil {
		w.memory = residentMemory(p.Process.Pid)
	}
	w.goroutines = gauge(ctx, "http://"+n.out.monitor()+"/metrics", "go_goroutines")
	return w
}

// residentMemory reads /proc, and returns 0 without it.
func residentMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kilobytes, _ := strconv.ParseInt(f[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

// gauge reads one of the metrics at a URL.
func gauge(ctx context.Context, url, name string) int64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, _ := strconv.ParseFloat(value, 64)
			return int64(n)
		}
	}
	return 0
}
