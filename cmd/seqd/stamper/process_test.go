package stamper_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// Environment variables that make a process of this test binary a stamper, or a
// nats-server.
const (
	stamperEnv = "SEQD_TEST_STAMPER" // URL of the nats-servers
	memberEnv  = "SEQD_TEST_NATS"    // a member, as JSON
)

func TestMain(m *testing.M) {
	for name, be := range map[string]func(string) error{stamperEnv: beStamper, memberEnv: beMember} {
		if value := os.Getenv(name); value != "" {
			if err := be(value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// beStamper runs a stamper until SIGTERM, as a program would.
func beStamper(url string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	options := append(seqd.ConnectOptions(), nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.IgnoreDiscoveredServers()) // the test knows best which way it is to go
	if step := os.Getenv(stepEnv); step != "" {
		n, err := strconv.Atoi(step)
		if err != nil {
			return err
		}
		options = append(options, nats.SetCustomDialer(mortal{n}))
	}
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	client, err := seqd.New(nc)
	if err != nil {
		return err
	}
	c := config()
	c.Batch = 100
	c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	for {
		var s *stamper.Stamper
		callCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
		if s, err = stamper.New(callCtx, js, client, c); err == nil {
			cancel()
			err = s.Run(ctx)
			fmt.Fprintf(os.Stderr, "stats %+v\n", s.Stats())
			return err
		}
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintln(os.Stderr, err) // a server that restarts
		time.Sleep(100 * time.Millisecond)
	}
}

// process is a stamper or a nats-server in a process of its own, which a test
// kills, freezes and runs again.
type process struct {
	env    []string // what makes it one of the two
	log    string
	cmd    *exec.Cmd
	exited chan struct{}
}

// newProcess runs a stamper. The test's end kills it.
func newProcess(t testing.TB, name, url string) *process {
	t.Helper()
	return newChild(t, name, stamperEnv+"="+url)
}

func newChild(t testing.TB, name string, env ...string) *process {
	t.Helper()
	p := &process{env: env, log: filepath.Join(t.TempDir(), name+".log")}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("last lines of %s:\n%s", name, p.lastLines(15))
		}
	})
	p.start(t)
	return p
}

func (p *process) start(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(exited)
	}()
	p.cmd, p.exited = cmd, exited
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends the process at once, frozen or not.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

func (p *process) lastLines(n int) string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// count counts the lines of the log that hold a text.
func (p *process) count(text string) int {
	b, _ := os.ReadFile(p.log) // none: zero
	return strings.Count(string(b), text)
}
