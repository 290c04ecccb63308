//go:build !lean

package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The command on a `seqd dev`: it stamps, tells how it goes, and ends on SIGTERM.
func TestStamp(t *testing.T) {
	_, natsURL, _ := startDev(t, t.TempDir())
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []jetstream.StreamConfig{
		{Name: "ORDERS", Subjects: []string{"orders.>"}},
		{Name: "STAMPED", Subjects: []string{"stamped.>"}, AllowAtomicPublish: true},
	} {
		if _, err := js.CreateStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []string{"orders.eu", "orders.us", "orders.eu"} {
		if _, err := js.Publish(t.Context(), subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, []string{"NATS_URL=" + natsURL, "SEQD_STORE=orders"}, "stamp", "--stream", "ORDERS", "--consumer", "stamper",
		"--key-token", "2", "--to", "stamped.{{token(2)}}", "--http-addr", "127.0.0.1:0", "--log-level", "debug")
	addr := p.wait(t, p.stderr, `msg=HTTP .*addr=(\S+)`)[1]
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		const want = `seqd_stamp_messages_total{consumer="stamper",output="STAMPED",store="orders",stream="ORDERS"} 3`
		if strings.Contains(string(body), want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in:\n%s", want, body)
		}
	}
	if code, _ := p.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
	if got, want := p.stderr.String(), "stamped=3 "; !strings.Contains(got, want) {
		t.Errorf("no %q in:\n%s", want, got)
	}
	stream, err := js.Stream(t.Context(), "STAMPED")
	if err != nil {
		t.Fatal(err)
	}
	last, err := stream.GetLastMsgForSubject(t.Context(), "stamped.eu")
	if err != nil {
		t.Fatal(err)
	}
	if id, name := last.Header.Get("Seq-Id"), last.Header.Get("Nats-Msg-Id"); id != "2" || name != "ORDERS:3" {
		t.Errorf("got id %s of %s", id, name)
	}
}

func TestStampUsage(t *testing.T) {
	full := []string{"stamp", "--stream", "S", "--consumer", "c", "--store", "s", "--to", "out"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"stamp"}, "--stream must be set"},
		{full, "set one of --key-token"},
		{append(full, "--key", "a", "--key-token", "1"), "set one of --key-token"},
		{append(full, "--key", "a", "--mode", "best"), "--mode must be"},
		{append(full, "--key", "a", "--on-bad", "x"), "--on-bad must be stop or skip"},
		{append(full, "--key", "a", "--batch", "1001"), "--batch must be 1 to 1000"},
		{append(full, "--key", "a", "--to", "a.*"), "--to: output subject"},
		{append(full, "--key", "a", "more"), `unexpected word "more"`},
	} {
		got := runSeqd(t, c.args...)
		if got.code != exitUsage || !strings.Contains(got.stderr, c.want) || !strings.HasSuffix(got.stderr, "try: seqd stamp -h\n") {
			t.Errorf("%q: got %d, %s", c.args, got.code, got.stderr)
		}
	}
}
