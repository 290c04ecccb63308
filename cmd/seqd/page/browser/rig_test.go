package browser

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	patience = 60 * time.Second // bounds what is sure to come

	program string          // seqd, built from this checkout
	chrome  context.Context // the browser that all tests have tabs in
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "seqd-page-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_STATE_HOME", dir)
	program = filepath.Join(dir, "seqd")
	build := exec.Command("go", "build", "-o", program, "./cmd/seqd")
	build.Dir, build.Env = "../../../..", append(os.Environ(), "GOWORK=")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build seqd: %v\n%s", err, out))
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.DisableGPU)
	if os.Geteuid() == 0 { // Chromium's sandbox is refused to root, as in a container
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, end := chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Do(ctx); err != nil {
		panic(fmt.Sprintf("start Chromium: %v; install it with: apt-get install chromium", err))
	}
	chrome = ctx
	return m.Run()
}

// process is a seqd that runs.
type process struct {
	*exec.Cmd
	ended chan struct{}

	mu   sync.Mutex
	out  strings.Builder
	grew chan struct{}
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.grew)
	p.grew = make(chan struct{})
	return p.out.Write(b)
}

func (p *process) said() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String(), p.grew
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startAs(t, exec.Command(program, args...))
}

func startAs(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, ended: make(chan struct{}), grew: make(chan struct{})}
	p.Stdout, p.Stderr = p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

// end sends a signal, and waits for the process to end.
func (p *process) end(s syscall.Signal) {
	_ = p.Process.Signal(s) // an ended process takes none
	<-p.ended
}

// wait waits until the process has printed what matches, and returns the groups.
func (p *process) wait(t *testing.T, pattern string) []string {
	t.Helper()
	late := time.After(patience)
	for {
		text, more := p.said()
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-more:
		case <-p.ended:
			text, _ = p.said()
			t.Fatalf("seqd ended; it said:\n%s", text)
		case <-late:
			t.Fatalf("no %q in:\n%s", pattern, text)
		}
	}
}

// worker starts one, and returns where its page is.
func worker(t *testing.T, natsURL, etcd string, args ...string) (*process, string) {
	t.Helper()
	p := start(t, workerArgs(natsURL, etcd, args)...)
	return p, p.page(t)
}

func workerArgs(natsURL, etcd string, more []string) []string {
	return append([]string{"worker", "--http-addr", "127.0.0.1:0", "--state-dir", "none", "--nats-url", natsURL, "--etcd-endpoints", etcd}, more...)
}

// page waits until a worker's page can be asked for, and returns where it is.
func (p *process) page(t *testing.T) string {
	t.Helper()
	return "http://" + p.wait(t, `serving HTTP.* addr=(\S+)`)[1] + "/"
}

// tab is a tab of the browser.
type tab struct {
	context.Context
	t *testing.T

	mu     sync.Mutex
	wrong  []string // what the browser complained of
	loaded []string // addresses
}

// open opens a page in a tab of its own, of that size. At the test's end the
// browser must not have complained, nor have loaded anything from elsewhere.
func open(t *testing.T, url string, width, height int64, scheme string) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(chrome)
	t.Cleanup(end)
	p := &tab{Context: ctx, t: t}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.wrong {
			t.Errorf("the browser complains: %s", w)
		}
		for _, l := range p.loaded {
			if !strings.HasPrefix(l, url) {
				t.Errorf("it loaded %s, which is not below %s", l, url)
			}
		}
	})
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	p.size(width, height)
	p.scheme(scheme)
	p.do(chromedp.Navigate(url))
	p.until(`document.documentElement.dataset.views > 0`)
	return p
}

// hear notes what the browser tells of a tab.
func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.wrong = append(p.wrong, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork { // an answer that is an error is shown by the page
			p.wrong = append(p.wrong, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			p.loaded = append(p.loaded, e.Request.URL)
		}
	}
}

func call[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p, command, params); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) size(width, height int64) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

// scheme is light or dark.
func (p *tab) scheme(scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for a condition over the document, which is looked at whenever that
// has changed. In it, text(id) is what an element shows.
func (p *tab) until(condition string) {
	p.t.Helper()
	const wait = `new Promise((done) => {
		const text = (id) => document.getElementById(id).innerText.replaceAll("\u202f", " ");
		let watch;
		const look = () => { if (%s) { watch.disconnect(); done(true); } };
		watch = new MutationObserver(look);
		watch.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
		look();
	})`
	if _, err := eval[bool](p, fmt.Sprintf(wait, condition)); err != nil {
		p.t.Fatalf("%s: %v; the page shows:\n%s", condition, err, p.text("document.body"))
	}
}

// text returns what an element shows.
func (p *tab) text(element string) string {
	p.t.Helper()
	text, err := eval[string](p, element+`.innerText.replaceAll("\u202f", " ")`)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// eval returns what a script comes to, or the promise that it returns.
func eval[T any](p *tab, script string) (T, error) {
	ctx, cancel := context.WithTimeout(p, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// get asks for something without a browser.
func get(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
