package faults

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// statusKinds are faults of whole responses in transit.
func statusKinds() []Kind {
	return []Kind{
		{Name: "status", Chain: "any", Does: "answers with an HTTP status, as a gateway does", build: answerStatus,
			Params: []Param{number("status", 502, "such as 400, 401, 408, 413, 429, 500, 502, 503, 504 or 524"), duration("retryAfter", 0, "what Retry-After says; 0: no such header")}},
		{Name: "hang", Chain: "any", Does: "never answers", build: hang,
			Params: []Param{duration("for", time.Hour, "how long until the connection is cut")}},
		{Name: "cut", Chain: "any", Does: "cuts the connection in the middle of the answer", build: cut,
			Params: []Param{number("bytes", 100, "how much of the body is sent before")}},
		{Name: "latency", Chain: "any", Does: "answers late", build: delay,
			Params: []Param{duration("fixed", 100*time.Millisecond, "the least delay"), duration("jitter", 0, "the most on top of that")}},
		{Name: "bandwidth", Chain: "any", Does: "sends slowly", build: throttle,
			Params: []Param{number("bytes", 64<<10, "bytes a second")}},
	}
}

func answerStatus(p params) hooks {
	status, after := int(p.number("status")), p.duration("retryAfter")
	return hooks{request: func(t *turn, x *exchange, next func() *response) *response {
		if !t.hit() {
			return next()
		}
		return statusResponse(x, status, after)
	}}
}

func statusResponse(x *exchange, status int, after time.Duration) *response {
	out := newResponse()
	out.status = status
	text := http.StatusText(status)
	if text == "" {
		text = "error"
	}
	if x.rest {
		out.body = x.calls[0].refuse(status, "web_framework_error", text).body
	} else {
		out.header.Set("Content-Type", "text/html")
		out.body = fmt.Appendf(nil, "<html><head><title>%d %s</title></head><body><center><h1>%[1]d %[2]s</h1></center></body></html>\n", status, text)
	}
	if after > 0 {
		out.header.Set("Retry-After", strconv.Itoa(seconds(after)))
	}
	return out
}

// seconds returns whole seconds, rounded up, at least one.
func seconds(d time.Duration) int { return int(max((d+time.Second-1)/time.Second, 1)) }

func hang(p params) hooks {
	wait := p.duration("for")
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		if !t.hit() {
			return next()
		}
		out := newResponse()
		out.wait, out.vanish = wait, true
		return out
	}}
}

func cut(p params) hooks {
	at := p.number("bytes")
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		out := next()
		if t.hit() {
			out.cut = at
		}
		return out
	}}
}

func delay(p params) hooks {
	fixed, jitter := p.duration("fixed"), p.duration("jitter")
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		out := next()
		if t.hit() {
			out.wait += fixed
			if jitter > 0 {
				out.wait += time.Duration(t.Int64N(int64(jitter)))
			}
		}
		return out
	}}
}

func throttle(p params) hooks {
	rate := max(p.number("bytes"), 1)
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		out := next()
		if t.hit() {
			out.rate = rate
		}
		return out
	}}
}
