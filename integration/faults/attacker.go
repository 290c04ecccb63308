package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// attacker is somebody's raw connection to NATS, on which goes what no client
// library would send. Its shots are drawn by a seed. Its methods are for one goroutine at a time.
type attacker struct {
	assault  *assault
	user     string // to NATS
	name     string
	rnd      *rand.Rand
	nc       net.Conn
	serial   uint64 // of the latest shot
	pongs    chan struct{}
	answered chan struct{} // has room for one: an answer has come

	mu      sync.Mutex
	flying  map[uint64]*shot // sent, and its answers are counted
	refused int              // times that NATS refused to let it publish
	denied  int              // shots that NATS was to refuse; the goroutine's
}

// shot is a message that an attacker sends, and what is to come of it.
type shot struct {
	subject, reply string
	header, body   []byte
	answers        expected
	check          func(header map[string][]string, body []byte) error // of an answer; nil: any will do

	serial uint64 // the attacker's
	came   int
}

// expected is how many answers a shot has.
type expected uint8

const (
	atMostOne expected = iota // NATS need not deliver it
	exactlyOne
	anyNumber // many may answer
)

// dialAttacker connects a user of the nats-server, whose password is its
// name.
func dialAttacker(s *assault, number int, user string) (*attacker, error) {
	nc, err := net.Dial("tcp", s.nats[0].addr)
	if err != nil {
		return nil, err
	}
	a := &attacker{
		assault: s, user: user, name: fmt.Sprintf("%s%d", user, number), rnd: rand.New(rand.NewPCG(s.seed, uint64(number))),
		nc: nc, pongs: make(chan struct{}, 1), answered: make(chan struct{}, 1), flying: map[uint64]*shot{},
	}
	go a.read()
	return a, a.send(fmt.Sprintf(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"user":%q,"pass":%q}`+"\r\nSUB %s.> 1\r\n", user, user, a.inbox()))
}

// inbox is what the subjects begin with that the attacker hears.
func (a *attacker) inbox() string { return "R." + a.name }

func (a *attacker) send(text string) error {
	_ = a.nc.SetWriteDeadline(time.Now().Add(pace.Patience))
	_, err := io.WriteString(a.nc, text)
	return err
}

// newReply returns a subject that answers to the next shot go to.
func (a *attacker) newReply() string {
	a.serial++
	return a.inbox() + "." + strconv.FormatUint(a.serial, 36)
}

// fire sends shots, and returns when all answers that have to come have come. The
// error is that the connection is gone.
func (a *attacker) fire(shots []*shot) error {
	var text strings.Builder
	for _, s := range shots {
		a.mu.Lock()
		a.flying[s.serial] = s
		a.mu.Unlock()
		if s.header == nil {
			fmt.Fprintf(&text, "PUB %s %s %d\r\n%s\r\n", s.subject, s.reply, len(s.body), s.body)
		} else {
			fmt.Fprintf(&text, "HPUB %s %s %d %d\r\n%s%s\r\n", s.subject, s.reply, len(s.header), len(s.header)+len(s.body), s.header, s.body)
		}
	}
	if err := a.send(text.String() + "PING\r\n"); err != nil {
		return err
	}
	tooLate := time.After(pace.Patience)
	for ponged, missed := false, a.missing(shots); !ponged || missed != nil; missed = a.missing(shots) {
		select {
		case <-a.pongs:
			ponged = true
		case <-a.answered:
		case <-tooLate:
			if !ponged {
				return errors.New("NATS says nothing any more")
			}
			a.assault.problemf("%s: never answered: %v", a.name, missed)
			ponged, shots = true, nil
		}
	}
	a.assault.fired.Add(int64(len(shots)))
	a.forget()
	return nil
}

// missing returns a shot that has to be answered and is not, nil if there is none.
func (a *attacker) missing(shots []*shot) *shot {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range shots {
		if s.answers == exactlyOne && s.came == 0 {
			return s
		}
	}
	return nil
}

// remembered is for how many shots a second answer is waited for.
const remembered = 4096

func (a *attacker) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for serial := range a.flying {
		if serial+remembered < a.serial {
			delete(a.flying, serial)
		}
	}
}

// serialOf returns the number in a reply subject that newReply has made, whatever
// stands behind it; 0 if there is none.
func (a *attacker) serialOf(reply string) uint64 {
	number, _, _ := strings.Cut(strings.TrimPrefix(reply, a.inbox()+"."), ".")
	serial, _ := strconv.ParseUint(number, 36, 64)
	return serial
}

func (a *attacker) read() {
	for r := bufio.NewReader(a.nc); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "PING":
			_, _ = io.WriteString(a.nc, "PONG\r\n")
		case words[0] == "PONG":
			a.pongs <- struct{}{}
		case words[0] == "-ERR":
			a.noteRefusal(line)
		case words[0] == "MSG" || words[0] == "HMSG":
			size, _ := strconv.Atoi(words[len(words)-1])
			message := make([]byte, size+len("\r\n"))
			if _, err := io.ReadFull(r, message); err != nil {
				return
			}
			head := 0
			if words[0] == "HMSG" {
				head, _ = strconv.Atoi(words[len(words)-2])
			}
			a.hear(words[1], message[:head], message[head:size])
		}
	}
}

func (a *attacker) noteRefusal(line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused++
	if !strings.Contains(line, "Permissions Violation for Publish") {
		a.assault.problemf("%s: NATS says %.200s", a.name, line)
	}
}

// hear takes an answer.
func (a *attacker) hear(subject string, header, body []byte) {
	a.assault.heard.Add(1)
	a.mu.Lock()
	s := a.flying[a.serialOf(subject)]
	if s != nil {
		s.came++
	}
	a.mu.Unlock()
	defer a.tell()
	if s != nil && bytes.HasPrefix(header, []byte("NATS/1.0 503")) {
		a.assault.unserved.Add(1)
		return
	}
	switch {
	case s == nil:
		a.assault.problemf("%s: an answer to nothing that is known: %.100q", a.name, subject)
	case s.came > 1 && s.answers != anyNumber:
		a.assault.twice.Add(1)
	}
	if s == nil || s.check == nil {
		return
	}
	fields, err := fieldsOf(header)
	if err == nil {
		err = s.check(fields, body)
	}
	if err != nil {
		a.assault.problemf("%s: %v: %v", a.name, s, err)
	}
}

func (a *attacker) tell() {
	select {
	case a.answered <- struct{}{}:
	default:
	}
}

func (s *shot) String() string {
	return fmt.Sprintf("subject %.250q, header %.200q, body %.200q", s.subject, s.header, s.body)
}
