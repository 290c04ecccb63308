package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/powerloss"
)

// process is a program that a test runs, kills, freezes and runs again. Its
// methods are for one goroutine at a time.
type process struct {
	name string
	path string
	args []string
	env  []string
	log  string          // file with the output of all its runs
	disk *powerloss.Disk // of its machine; nil: what it writes outlasts everything

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
}

// newProcess returns a process that is not running yet. The test's end kills
// it, and prints the end of its output if the test has failed.
func newProcess(t testing.TB, dir, name, path string, args ...string) *process {
	p := &process{name: name, path: path, args: args, log: filepath.Join(dir, name+".log")}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("last lines of %s:\n%s", name, p.lastLines(6))
		}
	})
	return p
}

// start runs the process again or for the first time. It dies with the test.
func (p *process) start(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, p.env...) // no NATS_URL of the machine
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	p.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(exited)
	}(p.cmd, p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) running() bool {
	if p.exited == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process at once, frozen or not; it may have ended already.
func (p *process) kill() {
	if p.running() {
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// terminate asks the process to end and waits until it has.
func (p *process) terminate(t testing.TB, patience time.Duration) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	select {
	case <-p.exited:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s ended with %v", p.name, p.cmd.ProcessState)
		}
	case <-time.After(patience):
		t.Errorf("%s did not end within %v of SIGTERM", p.name, patience)
		p.kill()
	}
}

func (p *process) freeze(t testing.TB) { t.Helper(); p.signal(t, syscall.SIGSTOP) }
func (p *process) thaw(t testing.TB)   { t.Helper(); p.signal(t, syscall.SIGCONT) }

func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("%v to %s: %v", s, p.name, err)
	}
}

// said reports whether the process has written text.
func (p *process) said(text string) bool {
	return p.count(text) > 0
}

// count returns how often the process has written text.
func (p *process) count(text string) int {
	b, _ := os.ReadFile(p.log) // it has written nothing if it can't be read
	return strings.Count(string(b), text)
}

func (p *process) lastLines(n int) string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// binaries are the programs under test, built once per run.
type binaries struct{ node, seqd string }

// buildBinaries builds them into a folder that TestMain removes.
func buildBinaries(dir string) (binaries, error) {
	b := binaries{node: filepath.Join(dir, "node"), seqd: filepath.Join(dir, "seqd")}
	for path, pkg := range map[string]string{b.node: "./node", b.seqd: "../../cmd/seqd"} {
		build := exec.Command("go", "build", "-o", path, pkg)
		if out, err := build.CombinedOutput(); err != nil {
			return b, fmt.Errorf("%v: %w\n%s", build, err, out)
		}
	}
	return b, nil
}
