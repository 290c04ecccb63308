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
	Op         string `json:"op"` // next, load, rate or exit
	Store      string `json:"store"`
	Key        string `json:"key"`
	N          *int   `json:"n"` // nil: 1
	Mode       string `json:"mode"`
	TimeoutMs  int    `json:"timeout_ms"` // 0: the client's default
	Callers    int    `json:"callers"`
	Calls      int    `json:"calls"` // of each caller
	DurationMs int    `json:"duration_ms"`
	Sequence   bool   `json:"sequence"` // all callers through one Sequence
}

// failure is the result of a command that did not get what it wanted.
type failure struct {
	Code string `json:"error"`
	Text string `json:"text"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(stdin io.Reader, stdout io.Writer) error {
	nc, err := nats.Connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL), seqd.ConnectOptions()...)
	if err != nil {
		return err
	}
	defer nc.Close()
	client, err := seqd.New(nc)
	if err != nil {
		return err
	}
	out := json.NewEncoder(stdout)
	if err := out.Encode(map[string]bool{"ready": true}); err != nil {
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
		if err := out.Encode(perform(client, c)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func perform(client *seqd.Client, c command) any {
	call, err := caller(client, c)
	switch {
	case err != nil:
		return failure{code(err), err.Error()}
	case c.Op == "load":
		return load(call, c.Callers, c.Calls)
	case c.Op == "rate":
		return rate(call, c.Callers, time.Duration(c.DurationMs)*time.Millisecond)
	case c.Op != "next":
		return failure{"OTHER", fmt.Sprintf("unknown op %q", c.Op)}
	}
	ids, err := call(context.Background())
	if err != nil {
		return failure{code(err), err.Error()}
	}
	return map[string]any{"id": strconv.FormatInt(ids.First, 10), "n": ids.N}
}

type call func(context.Context) (seqd.Range, error)

// caller returns what makes one call of those c asks for.
func caller(client *seqd.Client, c command) (call, error) {
	var opts []seqd.Option
	switch c.Mode {
	case "weak":
		opts = append(opts, seqd.WithMode(seqd.Weak))
	case "strong":
		opts = append(opts, seqd.WithMode(seqd.Strong))
	}
	if c.TimeoutMs > 0 {
		opts = append(opts, seqd.WithTimeout(time.Duration(c.TimeoutMs)*time.Millisecond))
	}
	n := 1
	if c.N != nil {
		n = *c.N
	}
	if !c.Sequence {
		return func(ctx context.Context) (seqd.Range, error) { return client.NextN(ctx, c.Store, c.Key, n, opts...) }, nil
	}
	s, err := client.Sequence(c.Store, c.Key, opts...)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (seqd.Range, error) { return s.NextN(ctx, n) }, nil
}

// code is what all SDKs call the error in front of the runner.
func code(err error) string {
	if e, ok := errors.AsType[*seqd.Error](err); ok {
		return string(e.Code)
	}
	switch {
	case errors.Is(err, seqd.ErrNoWorkers):
		return "NO_WORKERS"
	case errors.Is(err, context.DeadlineExceeded):
		return "TIMEOUT"
	}
	return "OTHER"
}
