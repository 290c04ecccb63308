// Package devtest starts a seqd dev, for tests that do what a page tells its reader
// to do.
package devtest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

var ready = regexp.MustCompile(`^ready nats=(\S+) `)

// Start builds seqd and starts its dev with fresh data and free ports. It returns the
// program's path and the address of its nats-server. The test's end ends it.
func Start(tb testing.TB) (program, natsURL string) {
	tb.Helper()
	dir := tb.TempDir()
	program = filepath.Join(dir, "seqd")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/seqd-io/seqd/cmd/seqd").CombinedOutput(); err != nil {
		tb.Fatalf("build seqd: %v\n%s", err, out)
	}
	var stderr bytes.Buffer
	dev := exec.Command(program, "dev", "--data-dir", filepath.Join(tb.TempDir(), "data"), "--nats-port", "0", "--etcd-port", "0", "--http-port", "0")
	dev.Env = append(os.Environ(), "XDG_STATE_HOME="+tb.TempDir())
	dev.Stderr = &stderr
	dev.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := dev.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = dev.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(pace.Patience, func() { dev.Process.Kill() })
		if err := dev.Wait(); !kill.Stop() || err != nil {
			tb.Errorf("seqd dev ended with %v:\n%s", err, &stderr)
		}
	})
	line, _ := bufio.NewReader(stdout).ReadString('\n') // none, if seqd dev fails
	found := ready.FindStringSubmatch(line)
	if found == nil {
		tb.Fatalf("seqd dev printed %q\n%s", line, &stderr)
	}
	return program, found[1]
}
