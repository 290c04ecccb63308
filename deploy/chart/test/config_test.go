package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// workerConfig is what these tests want to know of a seqd.yaml.
type workerConfig struct {
	MaxKeys int `json:"max_keys"`
}

// configOf returns the configuration that the chart makes, with seqd's defaults.
func configOf(t testing.TB, r *release) workerConfig {
	t.Helper()
	c := workerConfig{MaxKeys: 1_000_000}
	if r.configMap != nil {
		if err := yaml.Unmarshal([]byte(r.configMap.Data["seqd.yaml"]), &c); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// The worker understands what it is given: the same arguments, environment and
// file, to the program itself.
func TestWorkerTakesTheConfiguration(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		if r.configMap == nil {
			t.Skip("the configuration is in a Secret")
		}
		file := filepath.Join(t.TempDir(), "seqd.yaml")
		here := mounted(t)
		if err := os.WriteFile(file, []byte(here.Replace(r.configMap.Data["seqd.yaml"])), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append([]string{}, r.container().Args...)
		if args[0] != "worker" || args[1] != "--config=/etc/seqd/seqd.yaml" {
			t.Fatalf("arguments %q", args)
		}
		args[0], args[1] = "check-config", "--config="+file
		cmd := exec.Command(tool(t, "SEQD"), args...)
		for _, e := range r.container().Env {
			cmd.Env = append(cmd.Env, e.Name+"="+here.Replace(e.Value)+map[bool]string{true: "secret"}[e.ValueFrom != nil])
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "\nok\n") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// The variables that the chart sets are ones that the worker reads.
func TestWorkerKnowsTheVariables(t *testing.T) {
	help, err := exec.Command(tool(t, "SEQD"), "worker", "-h").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(string(help))
	everySet(t, func(t *testing.T, r *release) {
		for _, e := range r.container().Env {
			if strings.HasPrefix(e.Name, "GO") {
				continue
			}
			found := false
			for _, word := range known {
				found = found || word == e.Name
			}
			if !found {
				t.Errorf("seqd worker -h does not know %s", e.Name)
			}
		}
	})
}

// What Helm does to numbers on the way must not change them.
func TestNumbersSurvive(t *testing.T) {
	r := render(t, "-f", "values/everything.yaml")
	text := r.configMap.Data["seqd.yaml"]
	for _, want := range []string{"bigger_than: 9007199254740991\n", "max_count: 4294967295\n", "max_keys: 2000000\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// A change of the configuration restarts the workers, which read it once.
func TestChangedConfigurationRestartsTheWorkers(t *testing.T) {
	sum := func(args ...string) string { return render(t, args...).pod().Annotations["checksum/config"] }
	if a, b := sum(), sum("--set", "config.max_keys=7"); a == "" || a == b {
		t.Errorf("checksums %q and %q", a, b)
	}
	if a, b := sum(), sum("--set", "replicas=3"); a != b {
		t.Error("more workers restart those that run")
	}
}
