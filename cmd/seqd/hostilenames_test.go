//go:build !lean

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/worker"
)

// obeyed is text that a terminal obeys, and that makes a line look like another.
const obeyed = "x\x1b[2J\x07\u009b1A\u202e\r\nok    workers.state        all serve"

// impostor answers as seqd does to whoever asks which workers there are, as anybody
// can who may hear $SRV.>. It says it is as many workers as that, each with as many stores.
func impostor(t *testing.T, nc *nats.Conn, workers, stores int) {
	t.Helper()
	for _, verb := range []micro.Verb{micro.InfoVerb, micro.StatsVerb} {
		subject, err := micro.ControlSubject(verb, worker.ServiceName, "")
		if err != nil {
			t.Fatal(err)
		}
		var said [][]byte
		for i := range workers {
			b, err := json.Marshal(pretended(verb, i, stores))
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, b)
		}
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			for _, b := range said {
				_ = m.Respond(b)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func pretended(verb micro.Verb, number, stores int) any {
	id := micro.ServiceIdentity{
		Name: worker.ServiceName, ID: fmt.Sprint(number, obeyed), Version: "1" + obeyed,
		Metadata: map[string]string{worker.MetadataState: "denied" + obeyed, worker.MetadataRoot: "seq", worker.MetadataHost: "h" + obeyed},
	}
	info, stats := micro.Info{ServiceIdentity: id, Type: micro.InfoResponseType}, micro.Stats{ServiceIdentity: id, Type: micro.StatsResponseType}
	for i := range stores {
		name := fmt.Sprint("s", i, obeyed)
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{
			Name: name, Subject: "seq." + name + ".>", QueueGroup: "q" + obeyed,
			Metadata: map[string]string{worker.MetadataState: "denied", worker.MetadataReason: obeyed, worker.MetadataModes: obeyed},
		})
		stats.Endpoints = append(stats.Endpoints, &micro.EndpointStats{Name: name, Subject: "seq." + name + ".>", QueueGroup: "q" + obeyed})
	}
	if verb == micro.InfoVerb {
		return info
	}
	return stats
}

// wantPlain checks that a terminal obeys nothing of text, and that it has no more
// than so many lines, none of them longer than a screen or two.
func wantPlain(t *testing.T, what, text string, lines int) {
	t.Helper()
	if text == "" {
		t.Errorf("%s says nothing", what)
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if lines--; lines < 0 {
			t.Fatalf("%s says too much: %d bytes", what, len(text))
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.HasPrefix(line, "ok    workers.state") {
			t.Errorf("%s says %q", what, line)
		}
		if len(line) > 4000 {
			t.Errorf("%s has a line of %d bytes", what, len(line))
		}
	}
}

// Whoever may hear $SRV.> could write to an operator's terminal: what workers said of
// themselves was printed as it came, and as much of it as there was.
func TestHostileNames(t *testing.T) {
	server, _ := system(t)
	impostor(t, server.Connect(t), 100, 20)
	wantPlain(t, "doctor", runSeqd(t, "doctor").stdout, 200)
	for _, sort := range []string{"name", "requests"} {
		wantPlain(t, "top", runSeqd(t, "top", "--once", "--interval", "1ms", "--sort", sort).stdout, 150)
	}
	wantPlain(t, "next", runSeqd(t, "next", "nobody", "key", "--timeout", "1s").stderr, 5)
	// The same for scripts.
	var report doctor.Report
	if err := json.Unmarshal([]byte(runSeqd(t, "doctor", "--json").stdout), &report); err != nil || len(report.Findings) > 100 {
		t.Errorf("%v, %d findings", err, len(report.Findings))
	}
}

// The answers to a question to all workers were kept as long as they came.
func TestEndlessAnswers(t *testing.T) {
	server, _ := system(t)
	impostor(t, server.Connect(t), 20_000, 0)
	for _, args := range [][]string{{"top", "--once", "--interval", "1ms"}, {"doctor"}} {
		got := runSeqd(t, args...)
		if all := got.stdout + got.stderr; !strings.Contains(all, "more than") || len(all) > 20_000 {
			t.Errorf("%s: %d bytes: %.3000s", args[0], len(all), all)
		}
	}
}
