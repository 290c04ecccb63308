package browser

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/seqd-io/seqd/integration/servers"
)

// Three workers, of which one is killed and one ends: the page of the third shows
// all that, and goes on.
func TestThreeWorkers(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	_, url := worker(t, nats.URL, db.Endpoint)
	second, _ := worker(t, nats.URL, db.Endpoint)
	third, _ := worker(t, nats.URL, db.Endpoint)
	second.wait(t, "joined the queue group")
	third.wait(t, "joined the queue group")
	load(t, nats)
	p := open(t, url, 1280, 900, "light")
	p.until(`document.querySelectorAll("#workers tbody tr").length === 3 && text("n-workers") === "3 workers, serving"`)
	p.until(`text("stores").includes("3 of 3") && /[1-9]/.test(text("f-ids"))`)
	p.until(`document.querySelector("#f-ids .line").getAttribute("d").includes("L") && text("f-p99").includes("% within")`)
	p.until(`text("codes").includes("BAD_REQUEST")`) // load asks for more than is allowed
	if ask := get(t, url+"page/ids"); ask != http.StatusNotFound {
		t.Errorf("a worker's page asks for ids: %d", ask)
	}
	if hidden, err := eval[bool](p, `document.getElementById("ask").hidden`); !hidden || err != nil {
		t.Errorf("the box that asks for ids is shown: %v", err)
	}

	second.end(syscall.SIGKILL)
	p.until(`text("holds").includes("no longer answers") && text("changes").includes("serving → silent")`)
	third.end(syscall.SIGTERM)
	p.until(`text("n-workers") === "1 worker, serving" && text("holds").includes("2 workers no longer answer")`)
}

// What it shows while etcd stops and comes back.
func TestEtcdStopsAndComesBack(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	_, url := worker(t, nats.URL, db.Endpoint)
	p := open(t, url, 1000, 900, "light")
	p.until(`text("state") === "serving" && text("holds") === "Nothing."`)

	db.Stop()
	p.until(`text("state") === "unavailable" && text("holds").includes("etcd " + ` + "`" + db.Endpoint + "`" + `)`)
	p.until(`text("changes").includes("serving → unavailable") && document.title.startsWith("unavailable")`)
	p.do(chromedp.SendKeys("#lookup-store", "demo"), chromedp.SendKeys("#lookup-key", "a"+kb.Enter))
	p.until(`text("found").includes("etcd does not answer")`)
	if text := p.text("document.body"); !strings.Contains(text, "live") {
		t.Errorf("the page itself has stopped:\n%s", text)
	}

	db.Start(t)
	p.until(`text("state") === "serving" && text("holds") === "Nothing." && text("changes").includes("unavailable → serving")`)
	p.do(chromedp.SendKeys("#lookup-key", kb.Enter))
	p.until(`text("found").includes("no ids yet")`)
}

// A worker without NATS shows itself, why nobody gets ids, and what it knows of
// keys; then its connection comes, and it serves. When the worker ends, the page
// says from when it is.
func TestNATSIsAway(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	nats.Stop()
	w, url := worker(t, nats.URL, db.Endpoint)
	p := open(t, url, 1000, 900, "dark")
	p.until(`text("state") !== "serving" && text("holds").includes("nats: not connected")`)
	p.until(`document.querySelectorAll("#workers tbody tr").length === 1 && text("workers").includes("this one")`)
	p.do(chromedp.SendKeys("#lookup-store", "demo"), chromedp.SendKeys("#lookup-key", "a"+kb.Enter))
	p.until(`text("found").includes("no ids yet")`)
	nats.Start(t)
	p.until(`text("state") === "serving" && text("holds") === "Nothing."`)
	w.end(syscall.SIGTERM)
	p.until(`text("live").startsWith("no answer; this is from ")`)
}
