package conformance_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// code returns a scenario in which each request is answered with that code.
func code(code subjects.Code, retried bool) func(*system, *sdk) (string, error) {
	return func(s *system, c *sdk) (string, error) {
		for timeout := 400 * time.Millisecond; ; timeout *= 2 {
			key := fmt.Sprintf("%s%d.code.%s", c.name, timeout.Milliseconds(), code)
			start := time.Now()
			a, err := c.next(script, key, "default", 1, timeout)
			if err != nil {
				return "", err
			}
			spent := idsMayBeSpent(string(code))
			if retried && a.spent && !spent && timeout < pace.Patience {
				continue // a busy machine was slow to answer one of the requests
			}
			if err := a.is(string(code), spent); err != nil {
				return "", err
			}
			n, err := s.script.wellMade(key, start, timeout)
			most := int(timeout / (20 * time.Millisecond))
			switch {
			case err != nil:
				return "", err
			case !retried && n != 1:
				return "", fmt.Errorf("asked %d times, want 1", n)
			case retried && n > most:
				return "", fmt.Errorf("asked %d times in %v, want %d at most", n, timeout, most)
			case retried && n < 3 && timeout < pace.Patience:
				continue // a busy machine has no time for more
			case retried && n < 3:
				return "", fmt.Errorf("asked %d times in %v", n, timeout)
			}
			return fmt.Sprintf("%d×", n), nil
		}
	}
}

// wellMade checks the requests for key, of a call with that timeout that began
// after start, and returns how many there were.
func (r *responder) wellMade(key string, start time.Time, timeout time.Duration) (int, error) {
	all := r.attempts(key)
	for i, a := range all {
		switch {
		case a.err != nil:
			return len(all), fmt.Errorf("request %d: %w", i+1, a.err)
		case a.timeout > timeout:
			return len(all), fmt.Errorf("request %d claims a patience of %v, the caller has %v", i+1, a.timeout, timeout)
		case a.at.Sub(start) > timeout+slack:
			return len(all), fmt.Errorf("request %d came %v after a call with %v had begun", i+1, a.at.Sub(start), timeout)
		}
	}
	return len(all), nil
}

func busyTwice(s *system, c *sdk) (string, error) {
	key := c.name + ".busy.twice"
	start := time.Now()
	if err := c.gets(script, key, "default", 1, rightID); err != nil {
		return "", err
	}
	n, err := s.script.wellMade(key, start, 5*time.Second)
	if err == nil && n != busyTimes+1 {
		err = fmt.Errorf("asked %d times, want %d", n, busyTimes+1)
	}
	if err != nil {
		return "", err
	}
	all := s.script.attempts(key)
	for i := 1; i < len(all); i++ {
		if pause := all[i].at.Sub(all[i-1].at); pause < busyPause-time.Millisecond { // rounded on the wire
			return "", fmt.Errorf("asked again after %v, told to wait for %v", pause, busyPause)
		}
	}
	return "", nil
}

// strangers: what does not carry the request's nonce is no answer to it. An SDK
// waits on, or asks again at once.
func strangers(s *system, c *sdk) (string, error) {
	key := c.name + ".strangers.first"
	if err := c.gets(script, key, "default", 1, rightID); err != nil {
		return "", err
	}
	n := len(s.script.attempts(key))
	if n > 2 {
		return "", fmt.Errorf("asked %d times, want 1 or 2", n)
	}
	return fmt.Sprintf("%d×", n), nil
}

func noWorkers(_ *system, c *sdk) (string, error) {
	return "", c.fails(nobody, c.name, "strong", 1, 600*time.Millisecond, "NO_WORKERS")
}

func noAnswer(s *system, c *sdk) (string, error) {
	const timeout = 1200 * time.Millisecond // two attempts of 500 ms and a half
	key := c.name + ".silent.always"
	start := time.Now()
	a, err := c.next(script, key, "default", 1, timeout)
	if err != nil {
		return "", err
	}
	if err := a.is("TIMEOUT", true); err != nil {
		return "", err
	}
	n, err := s.script.wellMade(key, start, timeout)
	if err == nil && (n < 2 || n > 3) {
		err = fmt.Errorf("asked %d times in %v, want 2 or 3", n, timeout)
	}
	return fmt.Sprintf("%d×, %v", n, a.took.Round(time.Millisecond)), err
}

// sequenceClosed asks through a sequence that has been closed. Nothing is sent, and
// no id can be spent.
func sequenceClosed(_ *system, c *sdk) (string, error) {
	a, err := c.call(command{Op: "next", Store: weakStore, Key: c.name, Mode: "default", N: 1, Closed: true}, pace.Patience)
	if err != nil {
		return "", err
	}
	return "", a.is("CLOSED", false)
}

// connectionClosed asks over a connection that the program has closed, and then
// over one that it makes anew.
func connectionClosed(s *system, c *sdk) (string, error) {
	if err := c.becomes("close", ""); err != nil {
		return "", err
	}
	a, err := c.next(weakStore, c.name+".closed", "strong", 1, pace.Patience)
	switch {
	case err != nil:
		return "", err
	case a.took > slack:
		return "", fmt.Errorf("it took %v", a.took)
	}
	return "", errors.Join(a.is("CLOSED", false), c.becomes("connect", s.nats.URL), c.gets(weakStore, c.name+".closed", "strong", 1, 1))
}

// notConnected asks while the server is gone that the program is connected to. The
// first call may be what finds that out; of later ones nothing is sent.
func notConnected(s *system, c *sdk) (string, error) {
	other := servers.StartNATS(s.t, nil)
	if err := c.becomes("connect", other.URL); err != nil {
		return "", err
	}
	other.Stop()
	const timeout = 600 * time.Millisecond
	_, err := c.next(weakStore, c.name+".down", "strong", 1, timeout)
	if err == nil {
		err = c.fails(weakStore, c.name+".down", "strong", 1, timeout, "NOT_CONNECTED")
	}
	return "", errors.Join(err, c.becomes("connect", s.nats.URL), c.gets(weakStore, c.name+".down", "strong", 1, 1))
}
