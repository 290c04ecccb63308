package goclient_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// demo is the program of the client's examples.
type demo struct{ path string }

func buildDemo(t *testing.T) demo {
	t.Helper()
	d := demo{filepath.Join(t.TempDir(), "demo")}
	build := exec.Command("go", "build", "-o", d.path, "github.com/seqd-io/seqd/clients/go/examples/demo")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return d
}

// run runs it with that NATS_URL.
func (d demo) run(t *testing.T, natsURL string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), d.path, args...)
	cmd.Env = append(cmd.Environ(), "NATS_URL="+natsURL)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

const nowhere = "nats://127.0.0.1:1"

func TestDemo(t *testing.T) {
	const want = `Try to get next id.Key:key666
Next id:next_id:1
Next id:next_id:2
Next id:next_id:3
Next id:next_id:4
Next id:next_id:5
Next id:next_id:6
Next id:next_id:7
Next id:next_id:8
Next id:next_id:9
Next id:next_id:10
Demo success!
`
	d := buildDemo(t)
	for _, fromEnv := range []bool{false, true} {
		s := startServer(t, nil)
		serve(t, s, new(counters).answer)
		env, args := nowhere, []string{"-s", "sequencer_demo", "-nats-url", urlOf(s)} // the flag wins
		if fromEnv {
			env, args = urlOf(s), args[:2]
		}
		if got, errs, err := d.run(t, env, args...); err != nil || got != want {
			t.Errorf("address from environment %t: %v, got:\n%s%swant:\n%s", fromEnv, err, got, errs, want)
		}
	}
}

func TestDemoSaysWhatToTry(t *testing.T) {
	d, url := buildDemo(t), urlOf(startServer(t, nil))
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no store", nil, "try: -s"},
		{"no server", []string{"-s", "sequencer_demo", "-nats-url", nowhere}, "seqd dev"},
		{"no worker", []string{"-s", "other", "-nats-url", url}, "start a worker"},
	} {
		out, errs, err := d.run(t, nowhere, tt.args...)
		if err == nil || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: %v, got %q, want an error with %q", tt.name, err, errs, tt.want)
		}
		if strings.Contains(out, "success") {
			t.Errorf("%s: got %q", tt.name, out)
		}
	}
}
