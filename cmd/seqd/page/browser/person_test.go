package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// dev starts `seqd dev` on free ports, and returns where its page is.
func dev(t *testing.T) string {
	t.Helper()
	p := start(t, "dev", "--data-dir", t.TempDir(), "--nats-port", "0", "--etcd-port", "0", "--http-port", "0")
	return p.wait(t, `ready .*http=(\S+)`)[1] + "/"
}

// What a person does who has started `seqd dev`, and has a keyboard only: reads
// that it serves, asks for ten ids, and looks their key up.
func TestPersonWithAKeyboard(t *testing.T) {
	p := open(t, dev(t), 1280, 900, "light")
	p.until(`text("state") === "serving" && text("holds") === "Nothing." && text("who").includes("up ")`)

	p.tabTo("ask-store")
	p.typeOver("demo")
	p.tabTo("ask-key")
	p.typeOver("caf\u00e9 1") // any text is a key
	p.tabTo("ask-n")
	p.typeOver("10" + kb.Enter)
	p.until(`text("answers").includes("1–10")`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until(`text("answers").includes("11–20")`)

	p.tabTo("lookup-store")
	p.typeOver("demo")
	p.tabTo("lookup-key")
	p.typeOver("caf\u00e9 1" + kb.Enter)
	p.until(`document.querySelector("#found .mark")`)
	found := p.text(`document.getElementById("found")`)
	for _, want := range []string{"demo / caf\u00e9 1", "nobody: every worker may issue its ids", "this worker", "more than 99.9 %"} {
		if !strings.Contains(found, want) {
			t.Errorf("no %q in:\n%s", want, found)
		}
	}
	p.typeOver("never asked for" + kb.Enter)
	p.until(`text("found").includes("no ids yet")`)
	p.until(`text("f-ids").includes("most") && !text("workers").includes("–\n")`) // rates are there

	// What went wrong is shown where it was asked for.
	p.tabTo("ask-store")
	p.typeOver("not a store" + kb.Enter)
	p.until(`document.querySelector("#answers .problem")`)
}

// tabTo presses Tab until an element has the focus, and sees that one sees it.
func (p *tab) tabTo(id string) {
	p.t.Helper()
	for range 40 {
		at, err := eval[string](p, `document.activeElement.id + "," + getComputedStyle(document.activeElement).outlineStyle`)
		if err != nil {
			p.t.Fatal(err)
		}
		if at == id+",solid" {
			return
		}
		if strings.HasPrefix(at, id+",") {
			p.t.Fatalf("%s has the focus, and nobody sees it: %s", id, at)
		}
		p.do(chromedp.KeyEvent(kb.Tab))
	}
	p.t.Fatalf("Tab does not lead to %s", id)
}

// typeOver types in place of what is in the field with the focus.
func (p *tab) typeOver(text string) {
	p.t.Helper()
	if _, err := eval[bool](p, `(document.activeElement.select(), true)`); err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.KeyEvent(text))
}

// On a telephone nothing sticks out, and every text can be read, by day and at
// night: its contrast is what WCAG asks for (AA, 4.5 to 1).
func TestNarrowAndDark(t *testing.T) {
	p := open(t, dev(t), 400, 800, "light")
	p.until(`text("state") === "serving"`)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{400, 1280} {
			p.size(width, 800)
			p.scheme(scheme)
			is, err := eval[int64](p, `document.scrollingElement.scrollWidth`)
			if err != nil || is > width {
				t.Errorf("%s: it is %d wide, in a window of %d: %v", scheme, is, width, err)
			}
			poor, err := eval[[]string](p, poorContrast)
			if err != nil || len(poor) > 0 {
				t.Errorf("%s, %d: hard to read: %q %v", scheme, width, poor, err)
			}
		}
	}
	dark, err := eval[string](p, `getComputedStyle(document.body).backgroundColor`)
	if err != nil || dark != "rgb(16, 19, 21)" {
		t.Errorf("at night the paper is %s: %v", dark, err)
	}
	unnamed, err := eval[[]string](p, `[...document.querySelectorAll("input, select")].filter((e) => !e.labels.length).map((e) => e.id)`)
	if err != nil || len(unnamed) > 0 {
		t.Errorf("fields without a label: %q %v", unnamed, err)
	}
}

// poorContrast lists the texts that don't stand out from what is behind them.
const poorContrast = `(() => {
	const read = (c) => { const m = c.match(/[\d.]+/g).map(Number); return c.startsWith("color(srgb") ? [m[0]*255, m[1]*255, m[2]*255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1]; };
	const over = (a, b) => [0, 1, 2].map((i) => a[i]*a[3] + b[i]*(1 - a[3])).concat(1);
	const behind = (e) => e ? over(read(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255, 1];
	const light = (c) => { const [r, g, b] = c.map((x) => (x /= 255) <= 0.03928 ? x/12.92 : ((x + 0.055)/1.055) ** 2.4); return 0.2126*r + 0.7152*g + 0.0722*b; };
	const poor = [];
	for (const e of document.body.querySelectorAll("*")) {
		if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const back = behind(e), front = over(read(getComputedStyle(e).color), back);
		const [a, b] = [light(front), light(back)].sort((x, y) => y - x), ratio = (a + 0.05)/(b + 0.05);
		if (ratio < 4.5) poor.push(e.tagName + " " + e.className + " " + e.textContent.slice(0, 30) + " " + ratio.toFixed(2));
	}
	return poor;
})()`

// A site of somebody else that is open in the same browser neither reads the page
// nor asks for ids by it.
func TestOtherSites(t *testing.T) {
	url := dev(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, "<!doctype html><title>elsewhere</title><p>hello")
	}))
	t.Cleanup(elsewhere.Close)
	ctx, end := chromedp.NewContext(chrome)
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate(elsewhere.URL)); err != nil {
		t.Fatal(err)
	}
	p := &tab{Context: ctx, t: t}
	const body = `{"store":"demo","key":"stolen","n":1}`
	for what, script := range map[string]string{
		"reads":                  `fetch("%spage/view").then(() => "came", () => "refused")`,
		"asks for ids":           `fetch("%spage/ids", {method: "POST", headers: {"Content-Type": "application/json"}, body: '` + body + `'}).then(() => "came", () => "refused")`,
		"asks, and can't look":   `fetch("%spage/ids", {method: "POST", mode: "no-cors", body: '` + body + `'}).then(() => "refused", () => "refused")`, // what came of it is looked up below
		"has it in a frame":      `new Promise((done) => { const f = document.createElement("iframe"); f.onload = () => { try { done(f.contentDocument ? "came" : "refused") } catch { done("refused") } }; f.src = "%s"; document.body.append(f); })`,
		"has it as its own part": `new Promise((done) => { const s = document.createElement("script"); s.onload = () => done("came"); s.onerror = () => done("refused"); s.src = "%spage/page.js"; document.body.append(s); })`,
	} {
		if got, err := eval[string](p, fmt.Sprintf(script, url)); got != "refused" || err != nil {
			t.Errorf("another site %s: %s %v", what, got, err)
		}
	}
	home := open(t, url, 800, 800, "light")
	home.do(chromedp.SendKeys("#lookup-store", "demo"), chromedp.SendKeys("#lookup-key", "stolen"+kb.Enter))
	home.until(`text("found").includes("no ids yet")`)
}
