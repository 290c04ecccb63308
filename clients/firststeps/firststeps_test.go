package firststeps_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/clients/devtest"
)

var pages = flag.String("pages", "go", "folders of clients whose pages are followed: `NAME,…`")

// commandTimeout bounds one command: Maven and cargo may have to fetch what they need.
const commandTimeout = 8 * time.Minute

// tries is how often a command may print something else: on a busy machine a request
// is sent again now and then, and its first ids are a gap.
const tries = 3

func TestFirstSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers, and builds")
	}
	if _, err := exec.LookPath("bash"); err != nil && *pages == "go" {
		t.Skip("bash is missing") // go test work must need nothing but Go
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(*pages, ",") {
		t.Run(name, func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join(root, "clients", name, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			all, err := steps(string(page))
			if err != nil {
				t.Fatalf("clients/%s/README.md: %v", name, err)
			}
			r := &reader{folder: t.TempDir(), url: startDev(t)}
			if err := os.Symlink(root, filepath.Join(r.folder, "seqd")); err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				err := r.do(t, s)
				for try := 1; s.checked && err != nil && try < tries; try++ {
					t.Logf("once more, on fresh data: %v", err)
					r.url = startDev(t)
					err = r.do(t, s)
				}
				if err != nil {
					t.Fatalf("clients/%s/README.md:%d: %v", name, s.line, err)
				}
			}
		})
	}
}

// reader is somebody who follows a page.
type reader struct {
	folder string // where the last step left off
	url    string // of the nats-server
}

func (r *reader) do(t *testing.T, s step) error {
	if s.file != "" {
		path := filepath.Join(r.folder, s.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(s.text), 0o600)
	}
	left := filepath.Join(t.TempDir(), "pwd")
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-e", "-c", s.text+"\npwd >"+left)
	c.Dir = r.folder
	c.Env = append(os.Environ(), "PWD="+r.folder, "NATS_URL="+r.url, "GOWORK=")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s%s", s.text, err, &stdout, &stderr)
	}
	if got := colour.ReplaceAllString(stdout.String(), ""); s.checked && got != s.printed {
		return fmt.Errorf("%s\nprinted:\n%sthe page says:\n%s", s.text, got, s.printed)
	}
	pwd, err := os.ReadFile(left)
	r.folder = strings.TrimSpace(string(pwd))
	return err
}

// colour is what Maven writes even where there is no terminal.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func startDev(t *testing.T) (url string) {
	t.Helper()
	_, url = devtest.Start(t)
	return url
}
