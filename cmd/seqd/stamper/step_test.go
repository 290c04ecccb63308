package stamper_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stepEnv tells a stamper with which of the messages that it sends it is to be
// killed, as soon as that one is on its way: 1 for the first.
const stepEnv = "SEQD_TEST_STEP"

// mortal dials connections that kill the process at a step.
type mortal struct{ step int }

func (m mortal) Dial(network, address string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, 2*time.Second)
	if err != nil {
		return nil, err
	}
	return &mortalConn{Conn: conn, left: m.step}, nil
}

// mortalConn counts the messages that are written to it.
type mortalConn struct {
	net.Conn
	mu   sync.Mutex
	left int    // messages to be sent before the end
	skip int    // bytes of a message's payload, with its line end, that are still to come
	line []byte // what has come of a line
}

func (c *mortalConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i < len(b); i++ {
		if c.skip > 0 {
			n := min(c.skip, len(b)-i)
			c.skip, i = c.skip-n, i+n-1
			if c.skip == 0 && c.left == 0 {
				_, _ = c.Conn.Write(b[:i+1])
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			continue
		}
		c.line = append(c.line, b[i])
		if b[i] != '\n' {
			continue
		}
		words := bytes.Fields(c.line)
		c.line = c.line[:0]
		if len(words) > 2 && (string(words[0]) == "PUB" || string(words[0]) == "HPUB") {
			size, _ := strconv.Atoi(string(words[len(words)-1])) // its own, which is right
			c.skip = size + len("\r\n")
			if c.left--; c.left == 0 {
				fmt.Fprintf(os.Stderr, "killed at %s\n", words[1])
			}
		}
	}
	return c.Conn.Write(b)
}

// A stamper is killed after each of the messages that it sends, from the first
// request to the last acknowledgement, one after the other. In CI it is killed
// after some of them.
func TestKilledAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	const waiting = 8 // messages that each finds
	steps := 1
	if !*long {
		steps = 5
	}
	r := newRig(t, shortWindow)
	r.addConsumer(t, func(c *jetstream.ConsumerConfig) { c.PinnedTTL = 200 * time.Millisecond })
	killed := map[string]int{}
	all, survived := 0, false
	for step := 1; !survived; step += steps {
		more := waiting - (all - r.stored(t, outputStream))
		r.publish(t, more, 2)
		all += more
		p := newChild(t, fmt.Sprint("step", step), stamperEnv+"="+r.url(), stepEnv+"="+strconv.Itoa(step))
		await(t, fmt.Sprintf("it is killed at step %d, or done", step), func() bool {
			select {
			case <-p.exited:
				return true
			default:
				survived = r.ackFloor(t) == uint64(all)
				return survived
			}
		})
		if survived {
			p.kill()
			break
		}
		last := p.lastLines(1)
		if !strings.HasPrefix(last, "killed at ") {
			t.Fatalf("at step %d it ended with: %s", step, p.lastLines(3))
		}
		killed[kind(strings.TrimPrefix(last, "killed at "))]++
		// What is acknowledged is published.
		if floor, out := r.ackFloor(t), r.stored(t, outputStream); floor > uint64(out) {
			t.Fatalf("killed at step %d, messages up to %d are acknowledged, and %d are published", step, floor, out)
		}
	}
	s := r.start(t, config())
	r.publish(t, 1, 1)
	all++
	r.awaitOutput(t, all)
	await(t, "all is acknowledged", func() bool { return r.ackFloor(t) == uint64(all) })
	s.stop(t)
	r.verify(t)
	t.Logf("killed at %v", killed)
	for _, what := range []string{"MSG.NEXT", "seq", "stamped", "ACK"} {
		if killed[what] == 0 && *long {
			t.Errorf("never killed at %s", what)
		}
	}
}

// kind is the kind of message that a stamper sends to a subject.
func kind(subject string) string {
	tokens := strings.Split(subject, ".")
	switch {
	case strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT"), strings.HasPrefix(subject, "$JS.API.STREAM.MSG.GET"):
		return strings.Join(tokens[3:5], ".")
	case strings.HasPrefix(subject, "$JS.API."):
		return strings.Join(tokens[2:4], ".")
	case strings.HasPrefix(subject, "$JS.ACK."):
		return "ACK"
	}
	return tokens[0]
}
