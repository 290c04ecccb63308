package integration_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/integration/servers"
)

// rawClient speaks the NATS protocol by hand: it sends what no client library
// would.
type rawClient struct {
	nc      net.Conn
	answers chan string // what comes on R.>: the subject, a space, the text with its headers
	pongs   chan struct{}
}

func dialRaw(t *testing.T, server *servers.NATS) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &rawClient{nc: nc, answers: make(chan string, 10_000), pongs: make(chan struct{}, 1)}
	go c.read()
	c.send(t, `CONNECT {"verbose":false,"pedantic":false,"headers":true}`+"\r\nSUB R.> 1\r\n")
	return c
}

func (c *rawClient) send(t *testing.T, text string) {
	t.Helper()
	_ = c.nc.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.nc.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (c *rawClient) read() {
	r := bufio.NewReader(c.nc)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "PING":
			_, _ = c.nc.Write([]byte("PONG\r\n"))
		case words[0] == "PONG":
			c.pongs <- struct{}{}
		case words[0] == "MSG" || words[0] == "HMSG":
			size, _ := strconv.Atoi(words[len(words)-1])
			body := make([]byte, size+2)
			for n := 0; n < len(body); {
				m, err := r.Read(body[n:])
				if err != nil {
					return
				}
				n += m
			}
			c.answers <- words[1] + " " + string(body[:size])
		case words[0] == "-ERR":
			c.answers <- strings.TrimSpace(line)
		}
	}
}

func pub(subject, reply, body string) string {
	return fmt.Sprintf("PUB %s %s %d\r\n%s\r\n", subject, reply, len(body), body)
}

func hpub(subject, reply, header, body string) string {
	return fmt.Sprintf("HPUB %s %s %d %d\r\n%s%s\r\n", subject, reply, len(header), len(header)+len(body), header, body)
}

const (
	refused = "BAD_REQUEST"
	silence = ""

	// What nats-server says of a reply subject that is JetStream's, since 2.15.3: it
	// does not let the request through to the worker, who drops it too.
	stopped = "-ERR 'Permissions Violation for Publish with Reply of"
)

// Requests that no client library sends, over a real connection: each is refused
// or dropped, none burns an id or reaches a key, and the worker goes on.
func TestHostileRequests(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	startWorker(t, server, db)
	c := dialRaw(t, server)
	const h = "NATS/1.0\r\n"
	deep := "\x82\xa1n\x01\xa1x" + strings.Repeat("\x91", 500_000) + "\xc0"
	broad := "\xdf\x00\x04\x00\x01\xa1n\x01" + strings.Repeat("\xa1x\x01", 0x40000) // unknown fields beside a known one
	type attack struct{ name, text, want string }
	attacks := []attack{
		{"a map that claims 2^32-1 pairs", pub("seq.evil.k", "R.x", "\xdf\xff\xff\xff\xff"), refused},
		{"an array that claims 2^32-1 items", pub("seq.evil.k", "R.x", "\x81\xa1x\xdd\xff\xff\xff\xff"), refused},
		{"a string that claims 4 GB", pub("seq.evil.k", "R.x", "\x81\xa1n\xdb\xff\xff\xff\xff"), refused},
		{"an extension that claims 4 GB", pub("seq.evil.k", "R.x", "\x81\xa1n\xc9\xff\xff\xff\xff\x01"), refused},
		{"deep nesting that ends too soon", pub("seq.evil.k", "R.x", "\x81\xa1x"+strings.Repeat("\x91", 1_000_000)), refused},
		{"deep maps as a name", pub("seq.evil.k", "R.x", "\x81"+strings.Repeat("\x81", 1_000_000)), refused},
		{"deep JSON", pub("seq.evil.k", "R.x", `{"x":`+strings.Repeat("[", 500_000)), refused},
		{"1 MB of zeros", pub("seq.evil.k", "R.x", strings.Repeat("\x00", 1<<20-100)), refused},
		{"1 MB of JSON blanks", pub("seq.evil.k", "R.x", "{"+strings.Repeat(" ", 1<<20-200)), refused},
		{"a byte that is never used", pub("seq.evil.k", "R.x", "\x81\xa1n\xc1"), refused},
		{"n is a float", pub("seq.evil.k", "R.x", "\x81\xa1n\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"), refused},
		{"n is 0", pub("seq.evil.k", "R.x", "\x81\xa1n\x00"), refused},
		{"n is negative", pub("seq.evil.k", "R.x", "\x81\xa1n\xff"), refused},
		{"n is the least", pub("seq.evil.k", "R.x", "\x81\xa1n\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), refused},
		{"n is the greatest", pub("seq.evil.k", "R.x", "\x81\xa1n\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), refused},
		{"n is above max_count", pub("seq.evil.k", "R.x", "\x81\xa1n\xce\x00\x01\x86\xa1"), refused},
		{"n is a string", pub("seq.evil.k", "R.x", "\x81\xa1n\xa15"), refused},
		{"n is a big number in JSON", pub("seq.evil.k", "R.x", `{"n":9999999999999999999999999999}`), refused},
		{"n is 1e3 in JSON", pub("seq.evil.k", "R.x", `{"n":1e3}`), refused},
		{"n is a string in JSON", pub("seq.evil.k", "R.x", `{"n":"5"}`), refused},
		{"mode is a number", pub("seq.evil.k", "R.x", "\x81\xa4mode\x01"), refused},
		{"mode is 60 KB", pub("seq.evil.k", "R.x", "\x81\xa4mode\xda\xea\x60"+strings.Repeat("m", 60_000)), refused},
		{"mode with line ends", pub("seq.evil.k", "R.x", "\x81\xa4mode\xa8a\r\nX: y\r"), refused},
		{"nonce is 60 KB", pub("seq.evil.k", "R.x", "\x81\xa5nonce\xda\xea\x60"+strings.Repeat("m", 60_000)), refused},
		{"a bare number", pub("seq.evil.k", "R.x", "5"), refused},

		{"count header not a number", hpub("seq.evil.k", "R.x", h+"Seq-Count: 1;2\r\n\r\n", ""), refused},
		{"count header negative", hpub("seq.evil.k", "R.x", h+"Seq-Count: -1\r\n\r\n", ""), refused},
		{"count header huge", hpub("seq.evil.k", "R.x", h+"Seq-Count: 99999999999999999999\r\n\r\n", ""), refused},
		{"count header twice, the first one wrong", hpub("seq.evil.k", "R.x", h+"Seq-Count: 0\r\nSeq-Count: 1\r\n\r\n", ""), refused},
		{"mode header unknown", hpub("seq.evil.k", "R.x", h+"Seq-Mode: STRONG\r\n\r\n", ""), refused},
		{"timeout header wrong", hpub("seq.evil.k", "R.x", h+"Seq-Timeout-Ms: 1s\r\n\r\n", ""), refused},
		{"a header line without a colon", hpub("seq.evil.k", "R.x", h+"nonsense\r\n\r\n", ""), refused},
		{"a header of another protocol", hpub("seq.evil.k", "R.x", "HTTP/1.1\r\nSeq-Count: 1\r\n\r\n", ""), refused},
		{"a header that does not end", hpub("seq.evil.k", "R.x", h+"Seq-Count: 1", ""), refused},
		{"60 KB of header, wrong at its end", hpub("seq.evil.k", "R.x", h+strings.Repeat("X: y\r\n", 10_000)+"Seq-Mode: x\r\n\r\n", ""), refused},

		{"empty token", pub("seq.evil..k", "R.x", ""), silence}, // the server does not route these
		{"empty last token", pub("seq.evil.k.", "R.x", ""), silence},
		{"literal star", pub("seq.evil.*", "R.x", ""), refused},
		{"literal star as store", pub("seq.*.k", "R.x", ""), refused},
		{"literal gt", pub("seq.evil.>", "R.x", ""), refused},
		{"no UTF-8", pub("seq.evil.\xff\xfe", "R.x", ""), refused},
		{"control bytes", pub("seq.evil.\x01\x7f", "R.x", ""), refused},
		{"a way out of the store", pub("seq.evil/x.k", "R.x", ""), refused},
		{"a store of 65 bytes", pub("seq."+strings.Repeat("s", 65)+".k", "R.x", ""), refused},
		{"16 tokens", pub("seq.evil"+strings.Repeat(".k", 16), "R.x", ""), refused},
		{"201 bytes", pub("seq.evil."+strings.Repeat("k", 201), "R.x", ""), refused},
		{"lower-case escape", pub("seq.evil.a=2e", "R.x", ""), refused},
		{"needless escape", pub("seq.evil.a=41", "R.x", ""), refused},
		{"cut escape", pub("seq.evil.a=2", "R.x", ""), refused},
	}
	for _, reply := range []string{"seq.evil.other", "seq.x", "seq.>", "seq", "_SEQD.worker.requests", "$SYS.REQ.SERVER.PING", "$SRV.PING",
		"_INBOX.*", "_INBOX.>", "R..x", ".R", "R.x.", strings.Repeat("r", 1500)} {
		if reply == "seq" {
			continue // a subject like any other: it is not under the root
		}
		attacks = append(attacks, attack{"reply to " + reply[:min(len(reply), 40)], pub("seq.evil.k", reply, ""), silence})
	}
	attacks = append(attacks,
		attack{"reply to JetStream", pub("seq.evil.k", "$JS.API.STREAM.NAMES", ""), stopped},
		attack{"no reply", "PUB seq.evil.k 0\r\n\r\n", silence})

	for i, a := range attacks {
		c.send(t, strings.ReplaceAll(a.text, "R.x", fmt.Sprintf("R.%03d", i)))
		if len(a.text) > 100_000 {
			c.send(t, "PING\r\n") // not more at a time than the server keeps for the worker
			<-c.pongs
		}
		// The answer to a request behind it shows that it was handled.
		c.send(t, pub("seq.good.weak", "R.sentinel", ""))
		var got []string
		for {
			select {
			case answer := <-c.answers:
				if strings.HasPrefix(answer, "R.sentinel ") {
					if !strings.HasPrefix(answer, "R.sentinel \x82\xa2id\xd3") {
						t.Fatalf("%s: the worker answers another one with %q", a.name, answer)
					}
				} else {
					got = append(got, answer)
					continue
				}
			case <-time.After(patience):
				t.Fatalf("%s: the worker serves nobody any more", a.name)
			}
			break
		}
		switch {
		case a.want == silence && len(got) > 0:
			t.Errorf("%s: got %q", a.name, got)
		case a.want == stopped && (len(got) != 1 || !strings.HasPrefix(got[0], stopped)):
			t.Errorf("%s: got %q, want the server's refusal", a.name, got)
		case a.want == refused && (len(got) != 1 || !strings.HasPrefix(got[0], fmt.Sprintf("R.%03d NATS/1.0\r\nNats-Service-Error", i)) || !strings.Contains(got[0], refused) || len(got[0]) > 1000):
			t.Errorf("%s: got %.300q, want one refusal", a.name, got)
		}
	}
	if len(attacks) < 60 {
		t.Errorf("only %d attacks", len(attacks))
	}

	// What is strange and allowed burns what it asks for.
	c.send(t, pub("seq.odd.deep", "R.a", deep)+pub("seq.odd.broad", "R.b", broad)+"PING\r\n")
	<-c.pongs
	for range 2 {
		if answer := <-c.answers; !strings.Contains(answer, "\x82\xa2id\xd3\x00\x00\x00\x00\x00\x00\x00\x01") {
			t.Errorf("got %q", answer)
		}
	}

	// 100 000 subjects that are none, and memory stays where it is.
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range 100 {
		var b strings.Builder
		for j := range 1000 {
			b.WriteString(pub(fmt.Sprintf("seq.evil.=G%d_%d", i, j), fmt.Sprintf("R.%d", j), ""))
		}
		c.send(t, b.String())
		for range 1000 {
			if answer := <-c.answers; !strings.Contains(answer, refused) {
				t.Fatalf("got %q", answer)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 20<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}

	resp, err := db.Connect(t).Get(t.Context(), "/seqd/v1/counters/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		switch name := strings.TrimPrefix(string(kv.Key), "/seqd/v1/counters/"); name {
		case "good/weak", "odd/deep", "odd/broad":
		default:
			t.Errorf("a counter was made or advanced: %s", name)
		}
	}
}
