package chart

import (
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	admission "k8s.io/pod-security-admission/api"
	security "k8s.io/pod-security-admission/policy"
)

// The pods may run where Kubernetes' strictest profile is enforced.
func TestPodsPassTheRestrictedProfile(t *testing.T) {
	evaluator, err := security.NewEvaluator(security.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	everySet(t, func(t *testing.T, r *release) {
		level := admission.LevelVersion{Level: admission.LevelRestricted, Version: admission.LatestVersion()}
		for _, result := range evaluator.EvaluatePod(level, &r.pod().ObjectMeta, &r.pod().Spec) {
			if !result.Allowed {
				t.Errorf("%s: %s", result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
		// What the profile does not ask for.
		s := r.container().SecurityContext
		if s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			t.Error("the root file system can be written to")
		}
		if m := r.pod().Spec.AutomountServiceAccountToken; m == nil || *m {
			t.Error("the pod gets a token for Kubernetes' API")
		}
		if l := r.pod().Spec.EnableServiceLinks; l == nil || *l {
			t.Error("the pod gets a variable for each Service")
		}
	})
}

// What a worker needs after its drain budget: a second for the last answers, one
// for the last scrape, and some for closing its connections.
const afterDrain = 10 * time.Second

// No pod is killed while it answers what it has accepted.
func TestGracePeriodIsAboveTheDrainBudget(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		drain, err := time.ParseDuration(flagOf(t, r, "--drain-timeout"))
		if err != nil {
			t.Fatal(err)
		}
		grace := time.Duration(*r.pod().Spec.TerminationGracePeriodSeconds) * time.Second
		if grace < drain+afterDrain {
			t.Errorf("a grace period of %v for a drain budget of %v", grace, drain)
		}
	})
}

// flagOf returns the value of one of the container's arguments.
func flagOf(t testing.TB, r *release, name string) string {
	t.Helper()
	for _, arg := range r.container().Args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	t.Fatalf("no %s in %q", name, r.container().Args)
	return ""
}

func TestProbesAskTheWorkersPort(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		c := r.container()
		for name, probe := range map[string]*core.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
			path := map[bool]string{true: "/readyz", false: "/livez"}[name == "readiness"]
			if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path {
				t.Errorf("no %s probe of %s: %+v", name, path, probe)
				continue
			}
			port := slices.IndexFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == probe.HTTPGet.Port.StrVal })
			if port < 0 {
				t.Errorf("%s: there is no port %q", name, probe.HTTPGet.Port.String())
				continue
			}
			// The address is the pod's, not the loopback's that the worker has by default.
			if addr := flagOf(t, r, "--http-addr"); addr != ":8280" || c.Ports[port].ContainerPort != 8280 {
				t.Errorf("the worker listens on %s, and is asked on %d", addr, c.Ports[port].ContainerPort)
			}
		}
		if slow := c.LivenessProbe.PeriodSeconds * c.LivenessProbe.FailureThreshold; slow < 30 {
			t.Errorf("a worker that stands still for %d s is killed", slow)
		}
		if s := c.StartupProbe; s.PeriodSeconds*s.FailureThreshold < 60 {
			t.Errorf("a worker that starts on a busy node is killed after %d s", s.PeriodSeconds*s.FailureThreshold)
		}
	})
}

// The page for people is shown where a value says so, and nowhere else.
func TestPageIsBehindAValue(t *testing.T) {
	for set, want := range map[string]bool{"page.enabled=false": false, "page.enabled=true": true, "replicas=2": false} {
		out, stderr, err := template(t, "--set", set)
		if err != nil {
			t.Fatal(err, stderr)
		}
		if got := strings.Contains(string(out), "- --page=everywhere\n"); got != want {
			t.Errorf("%s: shown: %v", set, got)
		}
	}
}

// A tag that moves would let two versions run side by side unnoticed.
func TestImagesArePinned(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		image := r.container().Image
		_, digest, _ := strings.Cut(image, "@sha256:")
		_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
		if len(digest) != 64 && (tag == "" || tag == "latest") {
			t.Errorf("image %s", image)
		}
	})
}

// Each mount has its volume and the other way round; what volumes and variables
// refer to is made by the chart or named by the values; and nothing is mounted in
// a way that it can't be renewed.
func TestVolumes(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		named := []string{"nats-creds", "nats-tls", "etcd-user", "etcd-tls", "nats-user", "nats-nkey", "nats-token", "seqd-config", "seqd-state", "audit-etcd"}
		if r.configMap != nil {
			named = append(named, "ConfigMap "+r.configMap.Name)
		}
		if r.claim != nil {
			named = append(named, r.claim.Name)
		}
		known := func(what, name string) {
			if !slices.Contains(named, name) {
				t.Errorf("%s refers to %q, which is neither made nor named by the values", what, name)
			}
		}
		mounted := map[string]string{}
		for _, m := range r.container().VolumeMounts {
			mounted[m.Name] = m.MountPath
			if m.SubPath != "" {
				t.Errorf("%s is mounted by itself: it would never be renewed", m.MountPath)
			}
			if m.ReadOnly == (m.MountPath == flagOf(t, r, "--state-dir")) {
				t.Errorf("%s: only the state folder must be written to", m.MountPath)
			}
		}
		for _, v := range r.pod().Spec.Volumes {
			if mounted[v.Name] == "" {
				t.Errorf("volume %s is not mounted", v.Name)
			}
			delete(mounted, v.Name)
			switch {
			case v.ConfigMap != nil:
				known("volume "+v.Name, "ConfigMap "+v.ConfigMap.Name)
			case v.Secret != nil:
				known("volume "+v.Name, v.Secret.SecretName)
			case v.PersistentVolumeClaim != nil:
				known("volume "+v.Name, v.PersistentVolumeClaim.ClaimName)
			case v.EmptyDir == nil:
				t.Errorf("volume %s: %+v", v.Name, v)
			}
		}
		if len(mounted) > 0 {
			t.Errorf("mounts without a volume: %v", mounted)
		}
		for _, e := range r.container().Env {
			if e.ValueFrom != nil {
				known("variable "+e.Name, e.ValueFrom.SecretKeyRef.Name)
			}
			if folder, ok := strings.CutPrefix(e.Value, "/run/secrets/seqd/"); ok && !slices.ContainsFunc(r.container().VolumeMounts, func(m core.VolumeMount) bool {
				return strings.HasPrefix(e.Value, m.MountPath+"/")
			}) {
				t.Errorf("variable %s names a file that is not mounted: %s", e.Name, folder)
			}
		}
	})
}

// The memory limit holds what the worker may take (cmd/seqd/serve/memory.go), and some
// for what its collector does not count.
func TestMemoryLimitHoldsTheKeys(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		limit := r.container().Resources.Limits.Memory().Value()
		keys := int64(configOf(t, r).MaxKeys)
		if need := (64<<20 + keys*200) * 5 / 4; limit < need {
			t.Errorf("a limit of %d MiB for %d keys, which may take %d", limit>>20, keys, need>>20)
		}
	})
}

func TestNamesFit(t *testing.T) {
	everySet(t, func(t *testing.T, r *release) {
		for _, name := range []string{r.deployment.Name, r.service.Name} {
			if errs := validation.IsDNS1035Label(name); len(errs) > 0 {
				t.Errorf("%s: %v", name, errs)
			}
		}
		for _, labels := range []map[string]string{r.deployment.Labels, r.pod().Labels, r.service.Labels} {
			for key, value := range labels {
				if errs := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(errs) > 0 {
					t.Errorf("label %s=%s: %v", key, value, errs)
				}
			}
		}
	})
}

// An image that nobody can pull would be found out by the cluster only.
func TestImageMustBeNamed(t *testing.T) {
	if _, stderr, err := template(t, "--set=image.repository="); err == nil || !strings.Contains(stderr, "image.repository must be set") {
		t.Errorf("without an image: %v, %s", err, stderr)
	}
	if got := render(t).container().Image; !strings.HasPrefix(got, "registry.example/ids/seqd:") {
		t.Errorf("image %s", got)
	}
}
