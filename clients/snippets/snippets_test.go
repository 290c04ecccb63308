package snippets_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/clients/devtest"
)

var toolsDir = flag.String("tools", "", "folder of what clients/snippets/test installs; without it, sections that need tools are skipped")

// commandTimeout bounds one command of the page: javac on a busy machine is slow.
const commandTimeout = 2 * time.Minute

// The page's programs do what the page says.
func TestPage(t *testing.T) {
	needBash(t)
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sections, err := parse(string(page))
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	sh := newShell(t)
	for _, s := range sections {
		if len(s.steps) == 0 {
			continue
		}
		t.Run(s.title, func(t *testing.T) {
			if s.tools != "" && *toolsDir == "" {
				t.Skipf("needs %s: run clients/snippets/test", s.tools)
			}
			dir := sh.folder(t)
			for _, step := range s.steps {
				if err := sh.do(dir, step); err != nil {
					t.Fatalf("README.md: line %d: %v", step.line, err)
				}
			}
		})
	}
}

// needBash skips where there is no bash: go test work must need nothing but Go.
func needBash(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil && *toolsDir == "" {
		t.Skip("bash is missing")
	}
}

// shell runs steps beside a seqd.
type shell struct {
	port string   // of the nats-server
	env  []string // of commands
}

// newShell starts a seqd, with fresh data, that the test's end ends.
func newShell(t *testing.T) *shell {
	t.Helper()
	seqd, url := devtest.Start(t)
	port := url[strings.LastIndexByte(url, ':')+1:]
	path := filepath.Dir(seqd)
	if *toolsDir != "" {
		path += ":" + filepath.Join(*toolsDir, "bin") + ":" + filepath.Join(*toolsDir, "venv/bin")
	}
	return &shell{port: port, env: []string{
		"PATH=" + path + ":" + os.Getenv("PATH"),
		"HOME=" + t.TempDir(),
		"LANG=C.UTF-8",
		"NATS_URL=" + url,
	}}
}

// folder returns an empty folder, in which Node and Java find their packages.
func (sh *shell) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if *toolsDir == "" {
		return dir
	}
	for _, name := range []string{"node_modules", "lib"} {
		if err := os.Symlink(filepath.Join(*toolsDir, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// do writes the step's file, or runs its command and compares.
func (sh *shell) do(dir string, s step) error {
	text := strings.NewReplacer(
		"127.0.0.1:4222", "127.0.0.1:"+sh.port,
		"127.0.0.1/4222", "127.0.0.1/"+sh.port,
	).Replace(s.text)
	if s.file != "" {
		return os.WriteFile(filepath.Join(dir, s.file), []byte(text), 0o600)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", text)
	c.Dir, c.Env = dir, sh.env
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", s.text, err)
	}
	got := strings.ReplaceAll(string(out), "127.0.0.1:"+sh.port, "127.0.0.1:4222")
	if got = strings.TrimRight(got, "\n"); got != s.printed {
		return fmt.Errorf("%s\nprinted:\n%s\nthe page says:\n%s", s.text, got, s.printed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: a command of the page ends well, if need be with: || echo \"exit code $?\"", s.text, err)
	}
	return nil
}
