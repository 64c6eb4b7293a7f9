package commands

import (
	"bytes"
	"encoding/json"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	info := func(version string, settings ...string) *debug.BuildInfo {
		i := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for at := 0; at < len(settings); at += 2 {
			i.Settings = append(i.Settings, debug.BuildSetting{Key: settings[at], Value: settings[at+1]})
		}
		return i
	}
	const commit, date = "0123456789abcdef0123456789abcdef01234567", "2026-01-31T12:00:00Z"
	repository := []string{"vcs", "git", "vcs.revision", commit, "vcs.time", date, "vcs.modified", "false"}
	changed := append(repository[:6:6], "vcs.modified", "true")
	for name, test := range map[string]struct {
		info    *debug.BuildInfo
		stamped [3]string
		want    buildInfo
		says    string
	}{
		"installed, tagged":   {info("v1.2.3"), [3]string{}, buildInfo{Version: "v1.2.3"}, "v1.2.3, go, os"},
		"installed, no tag":   {info("v1.2.4-0.20260131120000-0123456789ab"), [3]string{}, buildInfo{Version: "v1.2.4-0.20260131120000-0123456789ab", Commit: "0123456789ab", Date: date}, "v1.2.4-0.20260131120000-0123456789ab, commit 0123456789ab, " + date + ", go, os"},
		"built, tagged":       {info("v1.2.3", repository...), [3]string{}, buildInfo{Version: "v1.2.3", Commit: commit, Date: date}, "v1.2.3, commit " + commit + ", " + date + ", go, os"},
		"built, with changes": {info("v0.0.0-20260131120000-0123456789ab+dirty", changed...), [3]string{}, buildInfo{Version: "v0.0.0-20260131120000-0123456789ab+dirty", Commit: commit, Date: date, Modified: true}, "v0.0.0-20260131120000-0123456789ab+dirty, commit " + commit + " with changes, " + date + ", go, os"},
		"built elsewhere":     {info("(devel)"), [3]string{}, buildInfo{Version: "(devel)"}, "(devel), go, os"},
		"an image":            {info("(devel)"), [3]string{"v1.2.3", commit, date}, buildInfo{Version: "v1.2.3", Commit: commit, Date: date}, "v1.2.3, commit " + commit + ", " + date + ", go, os"},
		"a release":           {info("v0.0.0-20260131120000-0123456789ab", repository...), [3]string{"v1.2.3", "", ""}, buildInfo{Version: "v1.2.3", Commit: commit, Date: date}, "v1.2.3, commit " + commit + ", " + date + ", go, os"},
	} {
		t.Run(name, func(t *testing.T) {
			b := buildInfo{Go: "go", Platform: "os"}
			b.read(test.info)
			b.stamp(test.stamped[0], test.stamped[1], test.stamped[2])
			test.want.Go, test.want.Platform = "go", "os"
			if b != test.want {
				t.Errorf("got  %+v\nwant %+v", b, test.want)
			}
			var text, document bytes.Buffer
			if err := printBuild(&text, b, false); err != nil || text.String() != "event-worker "+test.says+"\n" {
				t.Errorf("%v, it says %s", err, &text)
			}
			var read buildInfo
			if err := printBuild(&document, b, true); err != nil || json.Unmarshal(document.Bytes(), &read) != nil || !reflect.DeepEqual(read, b) {
				t.Errorf("%v, as JSON %s", err, &document)
			}
		})
	}
}

// The built program knows its commit: the tests build it in the repository.
func TestVersionOfTheProgram(t *testing.T) {
	t.Parallel()
	var b buildInfo
	if err := json.Unmarshal([]byte(output(t, t.TempDir(), "version", "--json")), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.Go, "go1.") || !strings.Contains(b.Platform, "/") || b.Version == "" {
		t.Errorf("%+v", b)
	}
}
