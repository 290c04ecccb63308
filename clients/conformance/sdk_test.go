package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
)

// sdk is a running conformance program. Its methods are for one goroutine at a
// time.
type sdk struct {
	name    string
	stdin   io.Writer
	results chan []byte // lines of stdout; closed at its end
	stderr  bytes.Buffer
	stalls  *pace.Stalls
}

// command is a line for a conformance program that asks for ids.
type command struct {
	Op         string `json:"op"`
	Store      string `json:"store"`
	Key        string `json:"key"`
	N          int    `json:"n"`
	Mode       string `json:"mode"`
	TimeoutMs  int    `json:"timeout_ms,omitempty"`
	Callers    int    `json:"callers,omitempty"`
	Calls      int    `json:"calls,omitempty"`
	DurationMs int    `json:"duration_ms,omitempty"`
	Sequence   bool   `json:"sequence,omitempty"`
	Closed     bool   `json:"closed,omitempty"`
	Bare       bool   `json:"bare,omitempty"`

	IdempotencyKey *string `json:"idempotency_key,omitempty"` // nil: none
}

// connection is a line that changes what a program asks over.
type connection struct {
	Op  string `json:"op"`
	URL string `json:"url,omitempty"`
}

// result is the line it answers with.
type result struct {
	Ready        bool           `json:"ready"`
	ID           string         `json:"id"`
	N            int            `json:"n"`
	Range        string         `json:"range"` // as the language prints it
	Error        string         `json:"error"`
	Text         string         `json:"text"`
	MaybeSpent   *bool          `json:"ids_may_be_spent"` // nil: it did not say
	Ops          []op           `json:"ops"`
	Errors       map[string]int `json:"errors"`
	IdsPerSecond float64        `json:"ids_per_second"`

	// Of numbers alone; nil: it did not say.
	Period   *string   `json:"period"`
	Numbers  *[]string `json:"numbers"`
	Replayed *bool     `json:"replayed"`
}

// op is [start ns, end ns, first id, n] on the line.
type op struct {
	start, end, first int64
	n                 int
}

func (o *op) UnmarshalJSON(b []byte) error {
	var first string
	fields := []any{&o.start, &o.end, &first, &o.n}
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	var err error
	o.first, err = strconv.ParseInt(first, 10, 64)
	return err
}

// startSDK starts the program and waits until it has connected. The test's end
// ends it.
func startSDK(t *testing.T, name, cmd, natsURL string) *sdk {
	t.Helper()
	words := strings.Fields(cmd)
	s := &sdk{name: name, results: make(chan []byte), stalls: pace.WatchStalls(t)}
	c := exec.Command(words[0], words[1:]...)
	c.Env = append(os.Environ(), "NATS_URL="+natsURL)
	c.Stderr = &s.stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin = stdin
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go s.read(stdout)
	t.Cleanup(func() {
		fmt.Fprintln(stdin, `{"op":"exit"}`)
		stdin.Close()
		kill := time.AfterFunc(pace.Patience, func() { c.Process.Kill() })
		for range s.results { // else a program that is not done would never be
		}
		err := c.Wait()
		if !kill.Stop() || err != nil {
			t.Errorf("%s did not end well on exit: %v", name, err)
		}
		if t.Failed() && s.stderr.Len() > 0 {
			b := s.stderr.Bytes()
			t.Logf("%s wrote:\n%s", name, b[max(0, len(b)-2000):])
		}
	})
	if r, err := s.receive(2 * time.Minute); err != nil || !r.Ready { // some are built first
		t.Fatalf("%s did not start: %+v, %v", name, r, err)
	}
	return s
}

func (s *sdk) read(stdout io.Reader) {
	defer close(s.results)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		s.results <- line
	}
}

// receive returns the next line.
func (s *sdk) receive(patience time.Duration) (result, error) {
	select {
	case line, ok := <-s.results:
		var r result
		if !ok {
			return r, fmt.Errorf("%s has ended", s.name)
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return r, fmt.Errorf("%s wrote %.200q: %w", s.name, line, err)
		}
		return r, nil
	case <-time.After(patience):
		return result{}, fmt.Errorf("%s wrote nothing for %v", s.name, patience)
	}
}

// do sends a command or a connection, and returns the answer.
func (s *sdk) do(c any, patience time.Duration) (result, error) {
	line, err := json.Marshal(c)
	if err != nil {
		return result{}, err
	}
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		return result{}, err
	}
	return s.receive(patience)
}

// answer is what one call came to, and how long it took.
type answer struct {
	first int64
	n     int
	code  string // "": there are ids
	text  string
	spent bool // ids may be
	took  time.Duration

	// Of numbers alone.
	period   string
	numbers  []string
	replayed bool
}

// slack is what the way to the program and a busy machine may add to a call,
// beside the time that the machine did not give.
const slack = time.Second

// next makes one call, for n ids. An SDK that returns later than the timeout
// fails.
func (s *sdk) next(store, key, mode string, n int, timeout time.Duration) (answer, error) {
	return s.call(command{Op: "next", Store: store, Key: key, Mode: mode, N: n}, timeout)
}

func (s *sdk) call(c command, timeout time.Duration) (answer, error) {
	start := time.Now()
	c.TimeoutMs = int(timeout.Milliseconds())
	r, err := s.do(c, timeout+pace.Patience)
	took := time.Since(start) - s.stalls.Since(start)
	switch {
	case err != nil:
		return answer{}, err
	case took > timeout+slack:
		return answer{}, fmt.Errorf("with a timeout of %v it took %v: %+v", timeout, took, r)
	case r.Error != "" && r.MaybeSpent == nil:
		return answer{}, fmt.Errorf("%s: it does not say whether ids may be spent", r.Error)
	case r.Error != "":
		return answer{code: r.Error, text: r.Text, spent: *r.MaybeSpent, took: took}, nil
	}
	first, err := strconv.ParseInt(r.ID, 10, 64)
	if err != nil || r.N != c.N {
		return answer{}, fmt.Errorf("asked for %d ids, got id %q, n %d", c.N, r.ID, r.N)
	}
	want := r.ID
	if c.N > 1 {
		to := ".."
		if s.name == "go" {
			to = "–"
		}
		want = fmt.Sprint(first, to, first+int64(c.N)-1)
	}
	if r.Range != want {
		return answer{}, fmt.Errorf("a range reads %q, want %q", r.Range, want)
	}
	a := answer{first: first, n: c.N, took: took}
	if c.Op == "numbers" {
		if r.Period == nil || r.Numbers == nil || r.Replayed == nil {
			return answer{}, fmt.Errorf("without period, numbers or replayed: %+v", r)
		}
		a.period, a.numbers, a.replayed = *r.Period, *r.Numbers, *r.Replayed
	}
	return a, nil
}

// ids is next, for calls that must succeed.
func (s *sdk) ids(store, key, mode string, n int) (int64, error) {
	a, err := s.succeeds(command{Op: "next", Store: store, Key: key, Mode: mode, N: n})
	return a.first, err
}

// succeeds makes one call that must.
func (s *sdk) succeeds(c command) (answer, error) {
	a, err := s.call(c, pace.Patience)
	if err == nil && a.code != "" {
		err = fmt.Errorf("%s: %s", a.code, a.text)
	}
	return a, err
}

// gets is ids, for calls whose first id is known.
func (s *sdk) gets(store, key, mode string, n int, want int64) error {
	got, err := s.ids(store, key, mode, n)
	if err == nil && got != want {
		err = fmt.Errorf("store %q, key %q: got %d, want %d", store, key, got, want)
	}
	return err
}

// fails is next, for calls that must fail with that code, and say of ids what that
// code does.
func (s *sdk) fails(store, key, mode string, n int, timeout time.Duration, code string) error {
	a, err := s.next(store, key, mode, n, timeout)
	if err != nil {
		return err
	}
	return a.is(code, idsMayBeSpent(code))
}

// idsMayBeSpent is what subjects/testdata says of a code, false where it does not
// know it.
func idsMayBeSpent(code string) bool { return codes()[code] }

var codes = sync.OnceValue(func() map[string]bool {
	type row struct {
		Code          string
		IDsMayBeSpent bool `json:"ids_may_be_spent"`
	}
	var groups struct{ Codes, Client []row }
	b, err := os.ReadFile("../../subjects/testdata/errors.json")
	if err == nil {
		err = json.Unmarshal(b, &groups)
	}
	if err != nil {
		panic(err)
	}
	all := map[string]bool{}
	for _, r := range append(groups.Codes, groups.Client...) {
		all[r.Code] = r.IDsMayBeSpent
	}
	return all
})

// is checks what a call that failed says.
func (a answer) is(code string, spent bool) error {
	switch {
	case a.code != code:
		return fmt.Errorf("got %q (%s), id %d, want %s", a.code, a.text, a.first, code)
	case a.spent != spent:
		return fmt.Errorf("%s (%s): ids may be spent: %t, want %t", code, a.text, a.spent, spent)
	}
	return nil
}

// becomes has the program connect to url, or close its connection.
func (s *sdk) becomes(op, url string) error {
	r, err := s.do(connection{op, url}, pace.Patience)
	if err == nil && !r.Ready {
		err = fmt.Errorf("%s: not ready: %s %s", op, r.Error, r.Text)
	}
	return err
}

// history returns the ops of a load that had no errors.
func (r result) history(c command, client int) ([]allocatortest.Op, error) {
	if r.Error != "" || len(r.Errors) > 0 || len(r.Ops) != c.Callers*c.Calls {
		return nil, fmt.Errorf("%d calls: %d got ids, errors: %v %s %s", c.Callers*c.Calls, len(r.Ops), r.Errors, r.Error, r.Text)
	}
	var ops []allocatortest.Op
	for _, o := range r.Ops {
		if o.n != c.N || o.start <= 0 || o.end < o.start {
			return nil, fmt.Errorf("not an op for %d ids: %+v", c.N, o)
		}
		ops = append(ops, allocatortest.Op{
			Start: o.start, End: o.end, Strong: c.Mode == "strong", Client: client,
			Key: allocator.Key{Store: c.Store, Name: c.Key}, Ids: allocator.Range{First: o.first, N: o.n},
		})
	}
	return ops, nil
}
