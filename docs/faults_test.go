package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains/faults"
)

const faultsPage = "faults.md"

// row is a row of a table of the page.
func row(cells ...any) string {
	out := make([]string, len(cells))
	for i, cell := range cells {
		out[i] = strings.TrimSpace(fmt.Sprint(cell))
	}
	return strings.Join(out, " | ")
}

func rows(t *testing.T, heading ...string) []string {
	t.Helper()
	var out []string
	for _, cells := range readPage(t, faultsPage).table(t, heading...) {
		out = append(out, strings.Join(cells, " | "))
	}
	return out
}

// params are parameters as the page shows them.
func params(of []faults.Param) string {
	var out []string
	for _, p := range of {
		out = append(out, p.String()+": "+p.Means)
	}
	return strings.Join(out, "; ")
}

// The tables of the page are what the code has.
func TestTablesOfFaults(t *testing.T) {
	var profiles, kinds, common, refusals []string
	for _, p := range faults.Profiles() {
		profiles = append(profiles, row(p.Name, p.Description))
	}
	for _, k := range faults.Kinds() {
		methods := strings.Join(k.Methods, ", ")
		if methods == "" {
			methods = "all"
		}
		kinds = append(kinds, row(k.Name, k.Chain, k.Does, methods, params(k.Params)))
	}
	for _, p := range faults.Common() {
		common = append(common, row(p, p.Means))
	}
	for _, r := range faults.Refusals() {
		refusals = append(refusals, row(r.Name, r.Cause, max(r.Status, 200), r.Code, r.Words))
	}
	same(t, "profiles", rows(t, "profile", "what the node is like"), profiles)
	same(t, "faults", rows(t, "fault", "chain", "what the node does", "methods", "parameters"), kinds)
	same(t, "parameters", rows(t, "parameter", "meaning"), common)
	same(t, "refusals", rows(t, "refusal", "refuses", "HTTP", "code", "words"), refusals)
}

// The profiles that the page shows can be read, and those that it names are there.
func TestExamplesOfFaults(t *testing.T) {
	page := readPage(t, faultsPage)
	shown := 0
	for _, b := range page.blocks() {
		if b.language != "yaml" || !strings.Contains(b.text, "faults:") {
			continue
		}
		shown++
		if _, err := faults.Parse(fmt.Sprintf("%s:%d", faultsPage, b.line), []byte(b.text)); err != nil {
			t.Error(err)
		}
	}
	named := regexp.MustCompile(`--profile ([a-z0-9-]+)(\s|$)`).FindAllStringSubmatch(page.text, -1)
	for _, found := range named {
		if !slices.Contains(faults.ProfileNames(), found[1]) {
			t.Errorf("there is no profile %s", found[1])
		}
	}
	if shown == 0 || len(named) < 2 {
		t.Errorf("%d profiles are shown, %d named", shown, len(named))
	}
}
