package deploy_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

var composeFiles = []string{"compose.yaml", "compose.cluster.yaml"}

// compose is what the tests look at of a compose file.
type compose struct {
	Services map[string]service
	Volumes  map[string]any
}

type service struct {
	Image           string
	Command         []string
	Environment     map[string]string
	Ports           []string
	Volumes         []string
	Restart         string
	StopGracePeriod string                                `yaml:"stop_grace_period"`
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	Deploy          struct{ Replicas int }
	Profiles        []string
	Healthcheck     struct {
		Test    []string
		Disable bool
	}
}

func load(t *testing.T, file string) compose {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(c.Services) == 0 {
		t.Fatalf("%s has no services", file)
	}
	return c
}

// named returns the services of which each container is one of kind: kind, or
// kind-1 and so on.
func (c compose) named(kind string) []string {
	names := slices.Collect(maps.Keys(c.Services))
	return slices.Sorted(slices.Values(slices.DeleteFunc(names, func(name string) bool {
		return name != kind && !strings.HasPrefix(name, kind+"-")
	})))
}

func TestHowManyOfEach(t *testing.T) {
	for file, want := range map[string][3]int{"compose.yaml": {1, 1, 2}, "compose.cluster.yaml": {3, 3, 3}} {
		c := load(t, file)
		got := [3]int{len(c.named("nats")), len(c.named("etcd")), c.Services["worker"].Deploy.Replicas}
		if got != want {
			t.Errorf("%s has %v nats-servers, etcds and workers, want %v", file, got, want)
		}
	}
}

// TestImagesArePinned holds the images against the versions that the tests of
// the repository run with.
func TestImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`:v?\d+\.\d+\.\d+(-alpine)?$`)
	want := map[string]string{
		"nats": "nats:" + strings.TrimPrefix(required(t, "github.com/nats-io/nats-server/v2"), "v") + "-alpine",
		"etcd": "gcr.io/etcd-development/etcd:" + required(t, "go.etcd.io/etcd/server/v3"),
	}
	for _, file := range composeFiles {
		c := load(t, file)
		for name, s := range c.Services {
			// seqd's is built, or named by the user: there is none to pull.
			if s.Image != "${SEQD_IMAGE:-seqd:local}" && !pinned.MatchString(s.Image) {
				t.Errorf("%s: %s runs %s, which is not pinned", file, name, s.Image)
			}
		}
		for kind, image := range want {
			for _, name := range c.named(kind) {
				if got := c.Services[name].Image; got != image {
					t.Errorf("%s: %s runs %s, but the tests run with %s", file, name, got, image)
				}
			}
		}
	}
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	golang := regexp.MustCompile(`(?m)^FROM golang:(\d+\.\d+)\.\d+-`).FindSubmatch(dockerfile)
	if golang == nil || !strings.HasPrefix(required(t, "go")+".", string(golang[1])+".") {
		t.Errorf("the Dockerfile builds with Go %q, go.mod says %s", golang, required(t, "go"))
	}
}

// required returns the version of a module in go.mod; of "go" the language's.
func required(t *testing.T, module string) string {
	t.Helper()
	data, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` (\S+)`).FindSubmatch(data)
	if m == nil {
		t.Fatalf("go.mod does not require %s", module)
	}
	return string(m[1])
}

func TestEveryServiceIsAskedForItsHealth(t *testing.T) {
	for _, file := range composeFiles {
		c := load(t, file)
		for name, s := range c.Services {
			if name == "seqd" { // runs a command and ends
				continue
			}
			if len(s.Healthcheck.Test) == 0 || s.Healthcheck.Test[0] != "CMD" || s.Healthcheck.Disable {
				t.Errorf("%s: %s has the health check %v, want CMD, as its image may have no shell", file, name, s.Healthcheck.Test)
			}
			if s.Restart != "unless-stopped" {
				t.Errorf("%s: %s is started again %q, want unless-stopped", file, name, s.Restart)
			}
		}
	}
}

func TestWorkersWaitForHealth(t *testing.T) {
	for _, file := range composeFiles {
		c := load(t, file)
		w := c.Services["worker"]
		for _, name := range append(c.named("nats"), c.named("etcd")...) {
			if got := w.DependsOn[name].Condition; got != "service_healthy" {
				t.Errorf("%s: workers wait for %s to be %q, want service_healthy", file, name, got)
			}
		}
		if got := c.Services["seqd"].DependsOn["worker"].Condition; got != "service_healthy" {
			t.Errorf("%s: the tool waits for workers to be %q, want service_healthy", file, got)
		}
		grace, err := time.ParseDuration(w.StopGracePeriod)
		if err != nil || grace <= worker.DefaultDrainTimeout {
			t.Errorf("%s: workers have %q to end, want more than their drain timeout, %v", file, w.StopGracePeriod, worker.DefaultDrainTimeout)
		}
	}
}

// TestEtcdKeepsCountersAndNotTheirHistory: an etcd without a volume issues ids
// twice, one without compaction fills its disk.
func TestEtcdKeepsCountersAndNotTheirHistory(t *testing.T) {
	for _, file := range composeFiles {
		c := load(t, file)
		volumes := map[string]bool{}
		for _, name := range c.named("etcd") {
			s := c.Services[name]
			for setting, want := range map[string]string{
				"auto-compaction-mode":      "periodic",
				"auto-compaction-retention": "1m",
				"quota-backend-bytes":       "8589934592",
				"data-dir":                  "/var/lib/etcd",
			} {
				got := s.Environment["ETCD_"+strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))]
				for _, word := range s.Command {
					if value, ok := strings.CutPrefix(word, "--"+setting+"="); ok {
						got = value
					}
				}
				if got != want {
					t.Errorf("%s: %s has %s %q, want %q", file, name, setting, got, want)
				}
			}
			if len(s.Volumes) != 1 || !strings.HasSuffix(s.Volumes[0], ":/var/lib/etcd") {
				t.Fatalf("%s: %s mounts %v, want a volume for its data", file, name, s.Volumes)
			}
			volume, _, _ := strings.Cut(s.Volumes[0], ":")
			if _, ok := c.Volumes[volume]; !ok || volumes[volume] {
				t.Errorf("%s: %s keeps its data in %q, want a named volume of its own", file, name, volume)
			}
			volumes[volume] = true
		}
	}
}

// TestPageIsPublished: the page is shown where the container's port leads, to this
// machine alone, and there are ports for more workers than are started.
func TestPageIsPublished(t *testing.T) {
	for _, file := range composeFiles {
		w := load(t, file).Services["worker"]
		if want := []string{"127.0.0.1:${SEQD_PAGE_PORTS:-8280-8289}:8280"}; !slices.Equal(w.Ports, want) {
			t.Errorf("%s: workers publish %q, want %q", file, w.Ports, want)
		}
		if got := w.Environment["SEQD_PAGE"]; got != settings.PageEverywhere {
			t.Errorf("%s: workers show the page %q, want %q", file, got, settings.PageEverywhere)
		}
	}
}

func TestPortsAreOnLoopback(t *testing.T) {
	for _, file := range composeFiles {
		for name, s := range load(t, file).Services {
			for _, port := range s.Ports {
				if !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("%s: %s publishes %s beyond this machine", file, name, port)
				}
				if strings.HasSuffix(port, ":2379") || strings.HasSuffix(port, ":8222") || strings.HasSuffix(port, ":6222") {
					t.Errorf("%s: %s publishes %s", file, name, port)
				}
			}
		}
	}
}
