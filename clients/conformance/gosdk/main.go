// Command gosdk does what the runner in clients/conformance tells it, as
// the program of the same name of every SDK does. It reads commands, one JSON
// object a line, from stdin and writes one line of result each. NATS_URL names
// the server.
//
// Ids are decimal strings. Times are ns of CLOCK_MONOTONIC, which all processes
// of a machine share.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// command is a line of stdin.
type command struct {
	Op         string `json:"op"` // next, numbers, load, rate, connect, close or exit
	Store      string `json:"store"`
	Key        string `json:"key"`
	N          *int   `json:"n"` // nil: 1
	Mode       string `json:"mode"`
	TimeoutMs  int    `json:"timeout_ms"` // 0: the client's default
	Callers    int    `json:"callers"`
	Calls      int    `json:"calls"` // of each caller
	DurationMs int    `json:"duration_ms"`
	Sequence   bool   `json:"sequence"` // all callers through one Sequence
	Closed     bool   `json:"closed"`   // through a Sequence that has been closed
	Bare       bool   `json:"bare"`     // without the client
	URL        string `json:"url"`

	IdempotencyKey *string `json:"idempotency_key"` // nil: none; one that is empty is the client's to refuse
}

// failure is the result of a command that did not get what it wanted.
type failure struct {
	Code          string `json:"error"`
	Text          string `json:"text"`
	IDsMayBeSpent bool   `json:"ids_may_be_spent"`
}

// numbers is the result of a command that asks for them.
type numbers struct {
	ID       string   `json:"id"`
	N        int      `json:"n"`
	Range    string   `json:"range"`
	Period   string   `json:"period"`
	Numbers  []string `json:"numbers"` // not nil, which would be written null
	Replayed bool     `json:"replayed"`
}

var ready = map[string]bool{"ready": true}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gosdk:", err)
		os.Exit(1)
	}
}

func run(stdin io.Reader, stdout io.Writer) error {
	var p program
	if err := p.connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL)); err != nil {
		return err
	}
	defer func() { p.nc.Close() }()
	out := json.NewEncoder(stdout)
	if err := out.Encode(ready); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("command %s: %w", lines.Bytes(), err)
		}
		if c.Op == "exit" {
			return nil
		}
		result, err := p.perform(c)
		if e, ok := errors.AsType[*seqd.Error](err); ok {
			result, err = failure{e.Code(), e.Error(), e.IDsMayBeSpent()}, nil
		}
		if err != nil {
			return fmt.Errorf("command %s: %w", lines.Bytes(), err)
		}
		if err := out.Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}

// program is the connection that commands use, and the client on it.
type program struct {
	nc     *nats.Conn
	client *seqd.Client
}

func (p *program) connect(url string) (err error) {
	if p.nc != nil {
		p.nc.Close()
	}
	if p.nc, err = nats.Connect(url, seqd.ConnectOptions()...); err != nil {
		return err
	}
	p.client, err = seqd.New(p.nc)
	return err
}

func (p *program) perform(c command) (result any, err error) {
	switch c.Op {
	case "connect":
		return ready, p.connect(c.URL)
	case "close":
		p.nc.Close()
		return ready, nil
	}
	if c.Op == "numbers" {
		got, err := p.client.Numbers(context.Background(), c.Store, c.Key, c.n(), c.options()...)
		return numbers{
			strconv.FormatInt(got.First, 10), got.N, got.Range.String(),
			got.Period, append([]string{}, got.Numbers...), got.Replayed,
		}, err
	}
	call, err := p.caller(c)
	if err != nil {
		return nil, err
	}
	switch c.Op {
	case "next":
		ids, err := call(context.Background())
		return map[string]any{"id": strconv.FormatInt(ids.First, 10), "n": ids.N, "range": ids.String()}, err
	case "load":
		return load(call, c.Callers, c.Calls)
	case "rate":
		if c.Bare && c.Sequence {
			return crowdRate(call, c.Callers, time.Duration(c.DurationMs)*time.Millisecond)
		}
		return rate(call, c.Callers, time.Duration(c.DurationMs)*time.Millisecond), nil
	}
	return nil, fmt.Errorf("unknown op %q", c.Op)
}

func (c *command) n() int {
	if c.N == nil {
		return 1
	}
	return *c.N
}

func (c *command) options() (opts []seqd.Option) {
	switch c.Mode {
	case "weak":
		opts = append(opts, seqd.WithMode(seqd.Weak))
	case "strong":
		opts = append(opts, seqd.WithMode(seqd.Strong))
	}
	if c.TimeoutMs > 0 {
		opts = append(opts, seqd.WithTimeout(time.Duration(c.TimeoutMs)*time.Millisecond))
	}
	if c.IdempotencyKey != nil {
		opts = append(opts, seqd.WithIdempotencyKey(*c.IdempotencyKey))
	}
	return opts
}

type call func(context.Context) (seqd.Range, error)

// caller returns what makes one call of those c asks for.
func (p *program) caller(c command) (call, error) {
	client, opts, n := p.client, c.options(), c.n()
	if c.Bare {
		return p.bare(c), nil
	}
	if !c.Sequence && !c.Closed {
		return func(ctx context.Context) (seqd.Range, error) { return client.NextN(ctx, c.Store, c.Key, n, opts...) }, nil
	}
	var all []seqd.SequenceOption
	for _, opt := range opts {
		all = append(all, opt)
	}
	s, err := client.Sequence(c.Store, c.Key, all...)
	if err != nil {
		return nil, err
	}
	if c.Closed {
		s.Close()
	}
	return func(ctx context.Context) (seqd.Range, error) { return s.NextN(ctx, n) }, nil
}

// bare returns what asks for an id without the client.
func (p *program) bare(c command) call {
	body := append([]byte{0x81, 0xa4, 'm', 'o', 'd', 'e', 0xa0 | byte(len(c.Mode))}, c.Mode...)
	return func(ctx context.Context) (seqd.Range, error) {
		_, err := p.nc.Request("seq."+c.Store+"."+c.Key, body, 2*time.Second)
		if err != nil {
			return seqd.Range{}, err
		}
		return seqd.Range{N: 1}, nil
	}
}
