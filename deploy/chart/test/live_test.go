package chart

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds what is sure to come.
const patience = 20 * time.Second

// The pod's container, run here: its arguments and its configuration, against a
// real nats-server and etcd. Its probes are answered as Kubernetes needs it, an id
// is issued, and it ends within the pod's grace period.
func TestContainerRuns(t *testing.T) {
	natsURL, etcdEndpoint := startServers(t)
	r := render(t, "--set", "config.root=pod", "--set", "config.nats.url="+natsURL, "--set", "config.etcd.endpoints={"+etcdEndpoint+"}",
		"--set", "config.stores.orders.mode=strong")
	dir := t.TempDir()
	file := filepath.Join(dir, "seqd.yaml")
	if err := os.WriteFile(file, []byte(r.configMap.Data["seqd.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	var args []string
	for _, arg := range r.container().Args {
		switch {
		case strings.HasPrefix(arg, "--config="):
			arg = "--config=" + file
		case strings.HasPrefix(arg, "--http-addr="):
			arg = "--http-addr=" + addr
		case strings.HasPrefix(arg, "--state-dir="):
			arg = "--state-dir=" + filepath.Join(dir, "state")
		}
		args = append(args, arg)
	}
	worker := exec.Command(tool(t, "SEQD"), args...)
	worker.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir()) // a fence of this machine's is none of the pod's
	worker.Stderr = os.Stderr
	run(t, worker)

	probe := func(path string) func() bool {
		return func() bool {
			response, err := http.Get("http://" + addr + path)
			if err != nil {
				return false
			}
			defer response.Body.Close()
			return response.StatusCode == http.StatusOK
		}
	}
	eventually(t, "alive", probe(r.container().LivenessProbe.HTTPGet.Path))
	eventually(t, "ready", probe(r.container().ReadinessProbe.HTTPGet.Path))
	monitored := render(t, "-f", "values/everything.yaml")
	metrics := get(t, "http://"+addr+monitored.serviceMonitor.Spec.Endpoints[0].Path)
	if name := monitored.autoscaler.Spec.Metrics[0].Pods.Metric.Name; !strings.Contains(metrics, "\n"+name+" 0\n") {
		t.Errorf("the metric that workers are scaled by is not 0: there is no line %s 0 in\n%s", name, metrics)
	}
	out, err := exec.Command(tool(t, "SEQD"), "next", "orders", "invoice", "--root", "pod", "--nats-url", natsURL).CombinedOutput()
	if err != nil || string(out) != "1\n" {
		t.Errorf("next: %v, %s", err, out)
	}
	if _, err := os.ReadDir(filepath.Join(dir, "state")); err != nil {
		t.Error("it remembers nothing:", err)
	}

	begin := time.Now()
	if err := worker.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := worker.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	grace := time.Duration(*r.pod().Spec.TerminationGracePeriodSeconds) * time.Second
	if took := time.Since(begin); took > grace {
		t.Errorf("it took %v to end, the pod has %v", took, grace)
	}
}

func get(t testing.TB, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return string(body)
}

// startServers starts seqd dev for its nats-server and etcd.
func startServers(t testing.TB) (natsURL, etcdEndpoint string) {
	t.Helper()
	dev := exec.Command(tool(t, "SEQD"), "dev", "--data-dir", t.TempDir(), "--nats-port", "0", "--etcd-port", "0", "--http-port", "0")
	dev.Env = append(os.Environ(), "SEQD_STATE_DIR=none")
	stdout, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	run(t, dev)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	m := regexp.MustCompile(`^ready nats=(\S+) etcd=http://(\S+) `).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("seqd dev: %q, %v", line, err)
	}
	return m[1], m[2]
}

// run starts a program that the test's end kills.
func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an ended process is none to kill
		_ = cmd.Wait()
	})
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it is not %s", what)
		}
	}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
