package chart

import (
	"os"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// Every object that selects the workers selects them, and not those of another
// release.
func TestSelectors(t *testing.T) {
	rendered, stderr, err := templateAs(t, "other")
	if err != nil {
		t.Fatal(err, stderr)
	}
	other := decode(t, rendered).pod().Labels
	everySet(t, func(t *testing.T, r *release) {
		selectors := map[string]*meta.LabelSelector{
			"Deployment": r.deployment.Spec.Selector,
			"Service":    {MatchLabels: r.service.Spec.Selector},
		}
		if r.budget != nil {
			selectors["PodDisruptionBudget"] = r.budget.Spec.Selector
		}
		if r.networkPolicy != nil {
			selectors["NetworkPolicy"] = &r.networkPolicy.Spec.PodSelector
		}
		for who, s := range selectors {
			selector := selectorOf(t, s)
			if !selector.Matches(labels.Set(r.pod().Labels)) {
				t.Errorf("%s selects %v, the pods have %v", who, selector, r.pod().Labels)
			}
			if selector.Matches(labels.Set(other)) {
				t.Errorf("%s selects another release's pods too: %v", who, selector)
			}
		}
		if r.serviceMonitor != nil && !selectorOf(t, &r.serviceMonitor.Spec.Selector).Matches(labels.Set(r.service.Labels)) {
			t.Errorf("ServiceMonitor does not select the Service")
		}
	})
}

func selectorOf(t testing.TB, s *meta.LabelSelector) labels.Selector {
	t.Helper()
	selector, err := meta.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector
}

func TestSpreadCountsTheWorkers(t *testing.T) {
	for _, c := range render(t).pod().Spec.TopologySpreadConstraints {
		if !selectorOf(t, c.LabelSelector).Matches(labels.Set(render(t).pod().Labels)) {
			t.Errorf("%s counts other pods", c.TopologyKey)
		}
		// A small cluster, or one node that is left, still runs all of them.
		if c.WhenUnsatisfiable != core.ScheduleAnyway {
			t.Errorf("%s: %s", c.TopologyKey, c.WhenUnsatisfiable)
		}
	}
}

// A node can be drained at any time: of several workers, and while none is ready.
func TestBudgetLetsNodesBeDrained(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		if r.budget == nil {
			return
		}
		if m := r.budget.Spec.MaxUnavailable; m == nil || m.String() == "0" || m.String() == "0%" || r.budget.Spec.MinAvailable != nil {
			t.Errorf("%+v", r.budget.Spec)
		}
		if p := r.budget.Spec.UnhealthyPodEvictionPolicy; p == nil || *p != "AlwaysAllow" {
			t.Error("workers that can't serve would hold up a drain")
		}
	})
}

func TestServiceReachesTheWorkersPort(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		port := r.service.Spec.Ports[0]
		if port.TargetPort.StrVal != r.container().Ports[0].Name {
			t.Errorf("the Service's port goes to %q", port.TargetPort.String())
		}
		if r.service.Spec.ClusterIP != "None" || !r.service.Spec.PublishNotReadyAddresses {
			t.Error("each worker must be scraped, and those that are not ready too")
		}
		if r.serviceMonitor != nil && r.serviceMonitor.Spec.Endpoints[0].Port != port.Name {
			t.Errorf("ServiceMonitor asks port %q", r.serviceMonitor.Spec.Endpoints[0].Port)
		}
		if r.networkPolicy != nil && r.networkPolicy.Spec.Ingress[0].Ports[0].Port.StrVal != port.Name {
			t.Error("NetworkPolicy lets nobody in")
		}
	})
}

// Two must not fight over the number of workers.
func TestAutoscalerOwnsTheReplicas(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		if (r.autoscaler == nil) == (r.deployment.Spec.Replicas == nil) {
			t.Error("either the autoscaler or the Deployment says how many")
		}
		if r.autoscaler == nil {
			return
		}
		target := r.autoscaler.Spec.ScaleTargetRef
		if target.Kind != "Deployment" || target.Name != r.deployment.Name || target.APIVersion != r.deployment.APIVersion {
			t.Errorf("it scales %+v", target)
		}
		if m := r.autoscaler.Spec.Metrics[0].Pods; m.Metric.Name != "seqd_requests_in_flight" || m.Target.AverageValue.Value() != 500 {
			t.Errorf("by %+v", m)
		}
	})
}

// The workers' memory is one volume, of a kind that all can have at once, and
// outlives the release.
func TestClaim(t *testing.T) {
	claim := render(t, "--set", "state.kind=claim").claim
	if len(claim.Spec.AccessModes) != 1 || claim.Spec.AccessModes[0] != core.ReadWriteMany {
		t.Errorf("access modes %v", claim.Spec.AccessModes)
	}
	if claim.Annotations["helm.sh/resource-policy"] != "keep" {
		t.Error("an uninstall would delete it")
	}
	if got := render(t, "--set", "state.kind=claim,state.claim.name=mine").claim; got != nil {
		t.Error("a second claim beside the one that is named")
	}
}

// The alerts are those of deploy/prometheus/rules.yml, to the letter.
func TestPrometheusRuleHoldsTheRules(t *testing.T) {
	data, err := os.ReadFile("../../prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := yaml.Marshal(render(t, "--set", "metrics.prometheusRule.enabled=true").prometheusRule.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var fromChart, fromFile any
	if err := yaml.Unmarshal(got, &fromChart); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &fromFile); err != nil {
		t.Fatal(err)
	}
	a, _ := yaml.Marshal(fromChart) // what was decoded can be encoded
	b, _ := yaml.Marshal(fromFile)
	if string(a) != string(b) {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}
