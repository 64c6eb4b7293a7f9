package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/required"
	"github.com/imart/event-worker/monitor"
)

const manifestFile = "kubernetes/event-worker.yaml"

// The manifest is valid, without fields that Kubernetes would ignore.
func TestKubernetesSchema(t *testing.T) {
	const validator = "kubernetes-validate"
	if _, err := exec.LookPath(validator); err != nil {
		required.Skip(t, "kubernetes", "put "+validator+" on PATH: pip install kubernetes-validate==1.37.0")
	}
	for _, version := range []string{"1.28", "1.37"} {
		if out, err := exec.Command(validator, "--strict", "--quiet", "--kubernetes-version", version, manifestFile).CombinedOutput(); err != nil {
			t.Errorf("Kubernetes %s: %v\n%s", version, err, out)
		}
	}
}

// resource has the fields of a resource that the tests use.
type resource struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Selector any
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
		Ports []struct{ TargetPort string }
	}
}

type podSpec struct {
	TerminationGracePeriodSeconds int
	Containers                    []container
	Volumes                       []struct {
		Name      string
		ConfigMap struct{ Name string }
		Secret    struct{ SecretName string }
	}
}

type container struct {
	Args  []string
	Env   []struct{ Name, Value string }
	Ports []struct {
		Name          string
		ContainerPort int
	}
	StartupProbe, LivenessProbe, ReadinessProbe probe
	VolumeMounts                                []struct{ Name, MountPath string }
}

type probe struct {
	HTTPGet struct{ Path, Port string }
}

// resources returns the resources of the manifest, by kind and name.
func resources(t *testing.T) map[string]resource {
	t.Helper()
	text, err := os.ReadFile(manifestFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]resource{}
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		var asJSON []byte
		if err == nil {
			asJSON, err = json.Marshal(document)
		}
		var r resource
		if err == nil {
			err = json.Unmarshal(asJSON, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[r.Kind+" "+r.Metadata.Name] = r
	}
}

// mounted returns the mount path of a volume.
func (s podSpec) mounted(volume string) string {
	for _, m := range s.Containers[0].VolumeMounts {
		if m.Name == volume {
			return m.MountPath
		}
	}
	return ""
}

// The configuration is valid, and reads the secrets where the pod mounts them.
func TestKubernetesConfiguration(t *testing.T) {
	all := resources(t)
	pod := all["Deployment event-worker"].Spec.Template.Spec
	c, secrets := pod.Containers[0], pod.mounted("secrets")
	text := all["ConfigMap event-worker"].Data["event-worker.yaml"]
	dir := t.TempDir()
	for name, secret := range map[string]string{"ethereum-endpoints": "https://a.example.com/key\nwss://b.example.com/key\n", "api-token": "token\n"} {
		if !strings.Contains(text, secrets+"/"+name) {
			t.Errorf("the configuration does not use %s/%s", secrets, name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "event-worker.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, secrets, dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	var environ []string
	for _, v := range c.Env {
		environ = append(environ, v.Name+"="+v.Value)
	}
	cfg, err := config.Load(file, environ)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Chains) != 1 || len(cfg.Chains[0].Endpoints) != 2 || cfg.API.TokenFile != dir+"/api-token" || len(cfg.Unused) > 0 {
		t.Errorf("%+v", cfg)
	}
	if want := []string{"run", "--config", pod.mounted("configuration") + "/event-worker.yaml"}; strings.Join(c.Args, " ") != strings.Join(want, " ") {
		t.Errorf("arguments %q, want %q", c.Args, want)
	}
	listens := map[string]string{"monitor": cfg.Monitor.Listen, "api": cfg.API.Listen}
	for _, p := range c.Ports {
		if want := listens[p.Name]; want != fmt.Sprintf(":%d", p.ContainerPort) {
			t.Errorf("port %s is %d, the program listens on %s", p.Name, p.ContainerPort, want)
		}
	}
}

// Probes use the program's paths, and services and volumes refer to existing resources.
func TestKubernetesReferences(t *testing.T) {
	all := resources(t)
	deployment := all["Deployment event-worker"].Spec.Template
	c := deployment.Spec.Containers[0]
	for _, test := range []struct {
		probe probe
		path  string
	}{{c.StartupProbe, monitor.HealthPath}, {c.LivenessProbe, monitor.HealthPath}, {c.ReadinessProbe, monitor.ReadyPath}} {
		if get := test.probe.HTTPGet; get.Path != test.path || get.Port != "monitor" {
			t.Errorf("a probe requests %+v, want %s", get, test.path)
		}
	}
	for key, r := range all {
		if !strings.HasPrefix(key, "Service ") {
			continue
		}
		selector, _ := r.Spec.Selector.(map[string]any)
		for label, value := range selector {
			if deployment.Metadata.Labels[label] != value {
				t.Errorf("%s selects %s=%v", key, label, value)
			}
		}
		for _, p := range r.Spec.Ports {
			if p.TargetPort != "monitor" && p.TargetPort != "api" {
				t.Errorf("%s has the target port %s", key, p.TargetPort)
			}
		}
	}
	for _, v := range deployment.Spec.Volumes {
		if v.ConfigMap.Name != "" && all["ConfigMap "+v.ConfigMap.Name].Data == nil {
			t.Errorf("the ConfigMap %s is missing", v.ConfigMap.Name)
		}
		if deployment.Spec.mounted(v.Name) == "" {
			t.Errorf("%s is not mounted", v.Name)
		}
	}
	if all["Deployment event-worker"].Spec.Template.Spec.TerminationGracePeriodSeconds < 30 {
		t.Error("the grace period is shorter than 30 s")
	}
}
