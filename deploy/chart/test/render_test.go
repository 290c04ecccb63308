package chart

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// release is what the chart makes of one set of values; nil is an object that it
// leaves out.
type release struct {
	deployment     *apps.Deployment
	configMap      *core.ConfigMap
	service        *core.Service
	claim          *core.PersistentVolumeClaim
	budget         *policy.PodDisruptionBudget
	autoscaler     *autoscaling.HorizontalPodAutoscaler
	networkPolicy  *networking.NetworkPolicy
	serviceMonitor *monitoring.ServiceMonitor
	prometheusRule *monitoring.PrometheusRule
}

// pod returns the pod that the Deployment makes.
func (r *release) pod() *core.PodTemplateSpec { return &r.deployment.Spec.Template }

// container returns the pod's one container.
func (r *release) container() *core.Container { return &r.pod().Spec.Containers[0] }

// tool returns the path of a program that deploy/chart/check has built.
func tool(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set; run deploy/chart/check", variable)
	}
	return path
}

// image is one that a user may have built. The chart has no default.
const image = "--set=image.repository=registry.example/ids/seqd"

// template runs helm template for a release called ids; stderr is what helm says.
func template(t testing.TB, args ...string) (rendered []byte, stderr string, err error) {
	t.Helper()
	return templateAs(t, "ids", args...)
}

func templateAs(t testing.TB, name string, args ...string) ([]byte, string, error) {
	t.Helper()
	cmd := exec.Command(tool(t, "HELM"), append([]string{"template", name, "..", "--namespace", "numbers", image}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}

// render returns what the chart makes of the values in args, which are helm's.
func render(t testing.TB, args ...string) *release {
	t.Helper()
	out, stderr, err := template(t, args...)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, stderr)
	}
	return decode(t, out)
}

// decode takes rendered objects apart. A field that Kubernetes does not know, a
// kind that nobody expects and a second object of a kind fail the test.
func decode(t testing.TB, rendered []byte) *release {
	t.Helper()
	r := &release{}
	for document := range bytes.SplitSeq(rendered, []byte("\n---\n")) {
		var meta struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &meta); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		switch meta.APIVersion + " " + meta.Kind {
		case " ":
		case "apps/v1 Deployment":
			into(t, document, &r.deployment)
		case "v1 ConfigMap":
			into(t, document, &r.configMap)
		case "v1 Service":
			into(t, document, &r.service)
		case "v1 PersistentVolumeClaim":
			into(t, document, &r.claim)
		case "policy/v1 PodDisruptionBudget":
			into(t, document, &r.budget)
		case "autoscaling/v2 HorizontalPodAutoscaler":
			into(t, document, &r.autoscaler)
		case "networking.k8s.io/v1 NetworkPolicy":
			into(t, document, &r.networkPolicy)
		case "monitoring.coreos.com/v1 ServiceMonitor":
			into(t, document, &r.serviceMonitor)
		case "monitoring.coreos.com/v1 PrometheusRule":
			into(t, document, &r.prometheusRule)
		default:
			t.Errorf("unexpected object: %s %s", meta.APIVersion, meta.Kind)
		}
	}
	if r.deployment == nil || len(r.pod().Spec.Containers) != 1 {
		t.Fatalf("want a Deployment of one container in\n%s", rendered)
	}
	return r
}

func into[T any](t testing.TB, document []byte, object **T) {
	t.Helper()
	if *object != nil {
		t.Errorf("a second %T", *object)
	}
	*object = new(T)
	if err := yaml.UnmarshalStrict(document, *object); err != nil {
		t.Errorf("%v in\n%s", err, document)
	}
}

// everySet runs a test for the chart's own values, for each file in values/, and
// for the plain manifests.
func everySet(t *testing.T, test func(*testing.T, *release)) {
	t.Helper()
	t.Run("defaults", func(t *testing.T) { test(t, render(t)) })
	files, err := filepath.Glob("values/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no values to render", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { test(t, render(t, "-f", file)) })
	}
	t.Run("manifests", func(t *testing.T) { test(t, manifests(t)) })
}

// manifests returns deploy/k8s.
func manifests(t testing.TB) *release {
	t.Helper()
	f, err := os.Open("../../k8s/seqd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}
