package side

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// A Worker is a process that runs seqd worker. It serves every store.
type Worker struct {
	cmd  *exec.Cmd
	http string
}

var served = regexp.MustCompile(`msg="serving HTTP" addr=(\S+)`)

// StartWorker starts one, and returns as soon as it has joined the queue group.
func StartWorker(natsURL string, args ...string) *Worker {
	cmd := exec.Command(os.Getenv("WILD_SEQD"), append([]string{"worker", "--nats-url", natsURL,
		"--etcd-endpoints", os.Getenv("WILD_ETCD_URL"), "--http-addr", "127.0.0.1:0", "--state-dir", "none"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+os.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := Must(cmd.StderrPipe())
	Check(cmd.Start())
	w := &Worker{cmd: cmd}
	var said []string
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := served.FindStringSubmatch(lines.Text()); found != nil {
			w.http = found[1]
		}
		if strings.Contains(lines.Text(), "joined the queue group") {
			go drain(lines)
			return w
		}
		said = append(said, lines.Text())
	}
	panic("seqd worker has ended: " + strings.Join(said, "\n"))
}

func drain(lines *bufio.Scanner) {
	for lines.Scan() {
		if strings.Contains(lines.Text(), "level=ERROR") {
			fmt.Fprintln(os.Stderr, lines.Text())
		}
	}
}

// Stop has the worker leave and end, as SIGTERM does.
func (w *Worker) Stop() {
	Check(w.cmd.Process.Signal(syscall.SIGTERM))
	Must(w.cmd.Process.Wait())
}

// Answered returns how many requests it has answered.
func (w *Worker) Answered() int { return w.count("seqd_requests_total{") }

// Dropped returns how many requests it has dropped because they had no reply subject.
func (w *Worker) Dropped() int { return w.count("seqd_requests_without_reply_total") }

// count returns the sum of the metrics that begin so.
func (w *Worker) count(metric string) (sum int) {
	page := Must(http.Get("http://" + w.http + "/metrics"))
	defer page.Body.Close()
	for lines := bufio.NewScanner(page.Body); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, metric) {
			sum += int(Must(strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)))
		}
	}
	return sum
}
