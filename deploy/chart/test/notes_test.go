package chart

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// The notes that an install prints name what was installed, and warn of what the
// values leave open.
func TestNotes(t *testing.T) {
	// Even for a dry run helm asks a cluster what it is, and what it knows.
	cluster := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := map[string]string{
			"/version":        `{"major":"1","minor":"37","gitVersion":"v1.37.0"}`,
			"/api":            `{"kind":"APIVersions","versions":["v1"]}`,
			"/apis":           `{"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}]},{"name":"policy","versions":[{"groupVersion":"policy/v1","version":"v1"}]}]}`,
			"/api/v1":         `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"configmaps","namespaced":true,"kind":"ConfigMap"},{"name":"services","namespaced":true,"kind":"Service"},{"name":"persistentvolumeclaims","namespaced":true,"kind":"PersistentVolumeClaim"}]}`,
			"/apis/apps/v1":   `{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[{"name":"deployments","namespaced":true,"kind":"Deployment"}]}`,
			"/apis/policy/v1": `{"kind":"APIResourceList","groupVersion":"policy/v1","resources":[{"name":"poddisruptionbudgets","namespaced":true,"kind":"PodDisruptionBudget"}]}`,
		}[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answer)
	}))
	defer cluster.Close()
	notes := func(args ...string) string {
		cmd := exec.Command(tool(t, "HELM"), append([]string{"install", "ids", "..", "--namespace", "numbers", "--dry-run=client", "--disable-openapi-validation", "--kube-apiserver", cluster.URL, image}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, text, ok := strings.Cut(string(out), "\nNOTES:\n")
		if !ok {
			t.Fatalf("no notes in %s", out)
		}
		return text
	}
	const lonely, forgetful = "Two are the least for production", "ends with its pod"
	text := notes()
	for _, want := range []string{"2 worker(s)", "-n numbers rollout status deployment/ids-seqd", "/seqd next demo invoice --nats-url nats://nats:4222", forgetful} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, lonely) {
		t.Errorf("two are not one:\n%s", text)
	}
	if strings.Contains(text, "port-forward") || !strings.Contains(notes("--set", "page.enabled=true"), "port-forward deployment/ids-seqd 8280") {
		t.Errorf("the way to the page is told where there is none, or not where there is one:\n%s", text)
	}
	text = notes("--set", "replicas=1,state.kind=claim,config.stores.orders.mode=strong")
	if !strings.Contains(text, lonely) || strings.Contains(text, forgetful) || !strings.Contains(text, "/seqd next orders invoice") {
		t.Errorf("got\n%s", text)
	}
}
