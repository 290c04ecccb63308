package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
)

var (
	picture = flag.String("picture", "", "`FOLDER` to write the page's pictures to, light and dark")
	views   = flag.Int("views", 60, "how many views the picture's charts show")
)

const stores = `
stores:
  orders:
    mode: strong
    strong: {lease: 3s}
  invoices:
    mode: strong
    number: {period: year, format: "INV-{period}-{id:06}"}
  events: {}
`

// The picture in README: three workers under load.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("no -picture")
	}
	patience = 5 * time.Minute // for all the views
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	config := filepath.Join(t.TempDir(), "seqd.yaml")
	if err := os.WriteFile(config, []byte(stores), 0o600); err != nil {
		t.Fatal(err)
	}
	var urls []string
	for i := range 3 {
		// As on hosts of their own, which takes root.
		onHost := []string{"--uts", "sh", "-c", `hostname "$0" && exec "$@"`, fmt.Sprint("seqd-", i+1), program}
		p := startAs(t, exec.Command("unshare", append(onHost, workerArgs(nats.URL, db.Endpoint, []string{"--config", config})...)...))
		urls = append(urls, p.page(t))
		p.wait(t, "(?s)joined the queue group.*joined the queue group.*joined the queue group")
	}
	load(t, nats)
	p := open(t, urls[0], 1280, 800, "light")
	p.until(fmt.Sprintf(`document.documentElement.dataset.views > %d && document.querySelectorAll("#workers tbody tr").length === 3`, *views))
	p.do(chromedp.SendKeys("#lookup-store", "invoices"), chromedp.SendKeys("#lookup-key", "de"+kb.Enter))
	p.until(`document.querySelector("#found .mark")`)
	p.do(chromedp.Blur("#lookup-key"))
	for _, scheme := range []struct{ name, file string }{{"light", "page.png"}, {"dark", "page-dark.png"}} {
		p.scheme(scheme.name)
		png, err := chromedp.Run(p, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*picture, scheme.file), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// load asks for ids of all stores until the test ends, a little unevenly.
func load(t *testing.T, server *servers.NATS) {
	ctx, stop := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	t.Cleanup(func() {
		stop()
		callers.Wait()
	})
	for i := range 24 {
		client, err := seqd.New(server.Connect(t, nats.Name(fmt.Sprintf("caller %d", i))))
		if err != nil {
			t.Fatal(err)
		}
		callers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				var err error
				switch i % 6 {
				case 0:
					_, err = client.NextN(ctx, "invoices", []string{"de", "fr"}[i/6%2], 1, seqd.WithIdempotencyKey(fmt.Sprint(i, "-", n/2)))
				case 1, 2:
					_, err = client.NextN(ctx, "orders", fmt.Sprint("shop-", i, ".", n%20), 1)
				case 3:
					_, err = client.NextN(ctx, "events", "click", 1+n/400%20)
				default:
					_, err = client.NextN(ctx, "events", fmt.Sprint("view-", i), 10)
				}
				if i == 23 && n%20000 == 0 {
					_, _ = client.NextN(ctx, "events", "too many", 1_000_000) // is refused
				}
				if err == nil && i%6 == 5 {
					continue
				}
				select { // most callers are calmer
				case <-ctx.Done():
				case <-time.After(time.Duration(2+i%5) * time.Millisecond):
				}
			}
		})
	}
}
