package chart

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Values that can't work are refused before anything is changed.
func TestBadValuesAreRefused(t *testing.T) {
	for _, test := range []struct{ set, want string }{
		{"nonsense=1", "'nonsense'"},
		{"config.storse.a.mode=weak", "'storse'"},
		{"config.stores.a.mode=fast", "/config/stores/a/mode"},
		{"config.stores.a.mood=weak", "'mood'"},
		{"config.stores.a/b.mode=weak", "/config/stores"},
		{"config.stores.a.max_count=0", "/config/stores/a/max_count"},
		{"config.stores.a.strong.lease=3", "/config/stores/a/strong/lease"},
		{"config.stores.a.weak.runway=10", "/config/stores/a/weak/runway"},
		{"config.etcd.endpoints={}", "/config/etcd/endpoints"},
		{"config.log.level=loud", "/config/log/level"},
		// Secrets must not stand in a ConfigMap.
		{"config.nats.password=hunter2", "'password'"},
		{"config.nats.token=hunter2", "'token'"},
		{"config.nats.url=nats://hunter2@nats", "/config/nats/url"},
		{"config.etcd.password=hunter2", "'password'"},
		{"config.stores.a.etcd.password=hunter2", "'password'"},
		// What the chart sets by itself.
		{"config.http=:80", "'http'"},
		{"config.page=everywhere", "'page'"},
		{"config.state_dir=/tmp", "'state_dir'"},
		{"config.drain_timeout=10m", "'drain_timeout'"},
		// Helm would round it, and a floor must not become lower.
		{"config.stores.a.bigger_than=9007199254740993", "/config/stores/a/bigger_than"},
		{"config.stores.a.keys.b.bigger_than=9007199254740993", "/config/stores/a/keys/b/bigger_than"},
		{"secrets.nats.kind=password", "/secrets/nats/kind"},
		{"secrets.nats.name=Not_A_Name", "/secrets/nats/name"},
		{"image.tag=latest", "/image/tag"},
		{"image.digest=abc", "/image/digest"},
		{"image.pullPolicy=Sometimes", "/image/pullPolicy"},
		{"replicas=-1", "/replicas"},
		{"replicas=two", "/replicas"},
		{"drainSeconds=0", "/drainSeconds"},
		{"page.enabled=everywhere", "/page/enabled"},
		{"state.kind=hostPath", "/state/kind"},
		{"state.claim.size=big", "/state/claim/size"},
		{"autoscaling.minReplicas=0", "/autoscaling/minReplicas"},
		{"autoscaling.enabled=true,autoscaling.minReplicas=9", "autoscaling.maxReplicas must not be below autoscaling.minReplicas"},
		{"podDisruptionBudget.maxUnavailable=0", "/podDisruptionBudget/maxUnavailable"},
		{"networkPolicy.natsPorts={70000}", "/networkPolicy/natsPorts/0"},
		{"metrics.serviceMonitor.interval=often", "/metrics/serviceMonitor/interval"},
		{"podLabels.a=1", "/podLabels/a"},
	} {
		t.Run(test.set, func(t *testing.T) {
			_, stderr, err := template(t, "--set", test.set)
			if err == nil || !strings.Contains(stderr, test.want) {
				t.Errorf("got %v, %q; want %q", err, stderr, test.want)
			}
			if strings.Contains(stderr, "hunter2") && !strings.Contains(test.set, "url") {
				t.Errorf("a secret was printed: %s", stderr)
			}
		})
	}
}

// The schema knows every setting of a configuration file, but for those that the
// chart sets and those that are secret. A new one must be added to it.
func TestSchemaKnowsEverySetting(t *testing.T) {
	data, err := os.ReadFile("../../../cmd/seqd/testdata/seqd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	for _, ours := range []string{"http", "page", "state_dir", "drain_timeout"} {
		delete(config, ours)
	}
	values, err := yaml.Marshal(map[string]any{"config": config})
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/values.yaml"
	if err := os.WriteFile(file, values, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := template(t, "-f", file); err != nil {
		t.Errorf("add what is new to values.schema.json: %s", stderr)
	}
}
