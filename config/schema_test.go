package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/actors"
)

// The schema says which values options have that are not set.
func TestSchemaShowsDefaults(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Default    any
			Properties map[string]struct{ Default any }
		}
		Defs map[string]struct {
			Properties map[string]struct{ Default any }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(SchemaJSON, &schema); err != nil {
		t.Fatal(err)
	}
	cfg, err := load(t, t.TempDir(), chainWith("evm", "    endpoint: http://a\n"))
	if err != nil {
		t.Fatal(err)
	}
	chain := cfg.Chains[0]
	got := map[string]any{
		"data": cfg.Data, "memory": Size(cfg.Memory), "log.level": strings.ToLower(cfg.Log.Level.String()), "log.format": cfg.Log.Format,
		"cluster.poll": cfg.Cluster.Poll, "cluster.ttl": cfg.Cluster.TTL, "monitor.listen": DefaultMonitor,
		"api.listen": DefaultAPI, "api.rate": cfg.API.Rate,
		"timeout": chain.Timeout, "inFlight": chain.InFlight, "maxBatch": chain.MaxBatch, "recorded": chain.Recorded, "optional": chain.Optional,
		"finalityViolations": map[bool]string{false: "confirm", true: "wait"}[chain.FinalityViolations.Wait], "confirmViolations": chain.FinalityViolations.Confirm,
	}
	tuning := reflect.ValueOf(actors.DefaultTuning)
	for i := range tuning.NumField() {
		got["tuning."+strings.ToLower(tuning.Type().Field(i).Name)] = tuning.Field(i).Interface()
	}
	said := map[string]any{}
	for name, option := range schema.Properties {
		said[name] = option.Default
		for sub, option := range option.Properties {
			said[name+"."+sub] = option.Default
		}
	}
	for name, option := range schema.Defs["chain"].Properties {
		said[name] = option.Default
	}
	for name, want := range said {
		if is, known := got[name]; known != (want != nil) || known && !same(is, want) {
			t.Errorf("%s: the schema says %v, it is %v", name, want, is)
		}
	}
}

func same(is, want any) bool {
	if d, ok := is.(time.Duration); ok {
		parsed, err := time.ParseDuration(fmt.Sprint(want))
		return err == nil && parsed == d
	}
	return fmt.Sprint(is) == fmt.Sprint(want)
}
