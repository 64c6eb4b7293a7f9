package docs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// plan is how the server answers a request.
type plan struct {
	stages             []string
	indexes            []string
	returned, examined int64 // documents
	keys               int64 // of indexes
}

// explain asks the server for its plan.
func (db database) explain(ctx context.Context, r request) (plan, error) {
	var answer bson.D
	command := bson.D{{Key: "explain", Value: r.command}, {Key: "verbosity", Value: "executionStats"}}
	if err := db.RunCommand(ctx, command).Decode(&answer); err != nil {
		return plan{}, err
	}
	var p plan
	p.collect(answer, false)
	return p, nil
}

// collect gathers what stands in the winning plans, of which an aggregation has one
// somewhere among its stages.
func (p *plan) collect(v any, winning bool) {
	switch v := v.(type) {
	case bson.A:
		for _, element := range v {
			p.collect(element, winning)
		}
	case bson.D:
		for _, e := range v {
			text, isText := e.Value.(string)
			switch {
			case e.Key == "executionStats":
				p.count(e.Value.(bson.D))
			case e.Key == "collectionScans" && fmt.Sprint(e.Value) != "0": // of a $lookup
				p.stages = append(p.stages, "COLLSCAN")
			case winning && isText && e.Key == "stage":
				p.stages = append(p.stages, text)
			case winning && isText && e.Key == "indexName":
				p.indexes = append(p.indexes, text)
			case e.Key != "rejectedPlans":
				p.collect(e.Value, winning || e.Key == "winningPlan")
			}
		}
	}
}

// count adds what one execution has looked at.
func (p *plan) count(stats bson.D) {
	for _, e := range stats {
		var n int64
		switch v := e.Value.(type) {
		case int32:
			n = int64(v)
		case int64:
			n = v
		}
		switch e.Key {
		case "nReturned":
			p.returned += n
		case "totalDocsExamined":
			p.examined += n
		case "totalKeysExamined":
			p.keys += n
		}
	}
}

// spare is how many documents and keys a query may look at in vain: a few of the page's,
// but not the crowd.
const spare = crowded / 10

// wrong says what is wrong with a plan.
func (p plan) wrong(limited bool) string {
	byIndex := func(stage string) bool {
		return stage == "IDHACK" || stage == "COUNT_SCAN" || strings.HasSuffix(stage, "IXSCAN") || strings.HasPrefix(stage, "EXPRESS_")
	}
	switch {
	case slices.Contains(p.stages, "COLLSCAN"), !slices.ContainsFunc(p.stages, byIndex):
		return "no index serves it"
	case limited && slices.Contains(p.stages, "SORT"):
		return "no index has its order, so that all is sorted whatever the limit"
	case p.examined > p.returned+spare:
		return fmt.Sprintf("%d documents are looked at for %d", p.examined, p.returned)
	case p.keys > p.returned+spare:
		return fmt.Sprintf("%d keys are looked at for %d documents", p.keys, p.returned)
	}
	return ""
}
