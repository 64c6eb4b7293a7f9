package commands

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// serving starts serve on data, and returns the URL that it prints.
func serving(t *testing.T, data string, flags ...string) (p *process, at string) {
	t.Helper()
	p = launch(t, t.TempDir(), append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, flags...)...)
	p.says(" until Ctrl-C")
	_, at, _ = strings.Cut(p.out.String(), " at http")
	at, _, _ = strings.Cut(at, " until")
	return p, "http" + at
}

// asked returns the status and the body of a response.
func asked(t *testing.T, method, at, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// Serve serves what query prints, byte for byte, and two processes may serve the same data.
func TestServe(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	p, at := serving(t, data)
	again, other := serving(t, data)
	const filter = `{status: "SOLD", chain: "ethereum"}`
	lines := strings.Split(strings.TrimSpace(output(t, data, "query", "--data", data, "orders", filter, "--sort", "-price,_id")), "\n")
	for _, at := range []string{at, other} {
		status, body := asked(t, http.MethodGet, at+"/orders?"+url.Values{"filter": {filter}, "sort": {"-price"}, "limit": {"1000"}}.Encode(), "", "")
		var page struct{ Data []json.RawMessage }
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || len(page.Data) != len(lines) || len(lines) < 20 {
			t.Fatalf("status %d, %d documents of %d: %v", status, len(page.Data), len(lines), err)
		}
		for i, doc := range page.Data {
			if string(doc) != lines[i] {
				t.Errorf("served:\n%s\nprinted:\n%s", doc, lines[i])
			}
		}
		var order struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal(page.Data[0], &order); err != nil {
			t.Fatal(err)
		}
		if status, body := asked(t, http.MethodGet, at+"/orders/"+order.ID, "", ""); status != http.StatusOK || strings.TrimSpace(body) != lines[0] {
			t.Errorf("by key: %d %s", status, body)
		}
	}
	if status, body := asked(t, http.MethodPost, at+"/requests", "", "{}"); status != http.StatusForbidden || !strings.Contains(body, "set api.token") {
		t.Errorf("a change: %d %s", status, body)
	}
	p.ends(syscall.SIGTERM)
	again.ends(os.Interrupt)
}

// With a token every route needs it. Requests are refused if no worker runs.
func TestServeWithToken(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	p, at := serving(t, data, "--token-file", tokenFile(t))
	if status, _ := asked(t, http.MethodGet, at+"/orders", "", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := asked(t, http.MethodGet, at+"/orders", "t0ken", ""); status != http.StatusOK {
		t.Errorf("with the token: %d", status)
	}
	status, body := asked(t, http.MethodPost, at+"/requests", "t0ken", `{"kind": "pause", "chain": "ethereum", "market": "seaport"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "no worker runs") {
		t.Errorf("a request: %d %s", status, body)
	}
	p.ends(syscall.SIGTERM)
	if strings.Contains(p.out.String(), "t0ken") {
		t.Errorf("the token is printed:\n%s", &p.out)
	}
	for args, want := range map[string]string{
		"--data none":                                "serve: data folder none: there is no event worker database",
		"--data " + data + " --token-file none":      "api.tokenFile: open none",
		"--data " + data + " --listen nowhere:99999": "set api.listen",
	} {
		_, stderr, code := result(t, t.TempDir(), nil, append([]string{"serve"}, strings.Fields(args)...)...)
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %q", args, code, stderr, want)
		}
	}
}

// A request by the API is executed by the worker, which answers orders from its memory.
func TestTheWorkersAPI(t *testing.T) {
	t.Parallel()
	replay, configuration, _ := replaying(t, "127.0.0.1:0", "5ms")
	dir, data := followed(t, configuration+"api: {listen: \"127.0.0.1:0\", token: t0ken}\n")
	w := launch(t, dir, "run")
	w.says("every stream has caught up")
	_, at, _ := strings.Cut(w.out.String(), `msg="page and API" address=`)
	at, _, _ = strings.Cut(at, "\n")
	line := strings.TrimSpace(output(t, data, "query", "--data", data, "orders", `{chain: "ethereum"}`, "--sort", "_id", "--limit", "1"))
	var order struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal([]byte(line), &order); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the order is the stored one", func() bool { // final may be told a moment later
		status, body := asked(t, http.MethodGet, at+"/orders/"+order.ID, "t0ken", "")
		return status == http.StatusOK && strings.TrimSpace(body) == strings.TrimSpace(output(t, data, "query", "--data", data, "orders", `{_id: "`+order.ID+`"}`))
	})
	p, other := serving(t, data, "--token-file", tokenFile(t))
	for _, at := range []string{at, other} {
		status, body := asked(t, http.MethodPost, at+"/requests", "t0ken", `{"kind": "pause", "chain": "ethereum", "market": "seaport", "stream": "list"}`)
		var request struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal([]byte(body), &request); err != nil || status != http.StatusAccepted {
			t.Fatalf("%v: %d %s", err, status, body)
		}
		eventually(t, "the request is done", func() bool {
			_, body := asked(t, http.MethodGet, at+"/requests/"+request.ID, "t0ken", "")
			return strings.Contains(body, `"state":"done"`)
		})
	}
	p.ends(syscall.SIGTERM)
	w.ends(syscall.SIGTERM)
	replay.ends(syscall.SIGTERM)
}

func tokenFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
