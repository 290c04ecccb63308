package faults

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// growth follows what workers take, keep and write, which must not grow with what
// attackers think of.
type growth struct {
	assault *assault
	elders  []*elder
	first   []volume // after the first quarter
	last    []volume
}

// volume is what a worker says of itself and writes.
type volume struct{ series, lines, page int } // of metrics, of its log; bytes of the page's view

func newGrowth(s *assault) *growth {
	g := &growth{assault: s}
	for _, w := range s.workers {
		g.elders = append(g.elders, &elder{worker: w})
	}
	return g
}

// look asks every worker for all that it says of itself. Before settled nothing is
// kept: memory fills up at first.
func (g *growth) look(settled bool) error {
	var volumes []volume
	for i, w := range g.assault.workers {
		if settled {
			if err := g.elders[i].look(); err != nil {
				return err
			}
		}
		v, err := w.volume()
		if err != nil {
			return err
		}
		volumes = append(volumes, v)
	}
	if !settled {
		return nil
	}
	if g.first == nil {
		g.first = volumes
	}
	g.last = volumes
	return nil
}

// volume asks a worker for what people, Prometheus and scripts ask, with names that a
// terminal would obey, and looks for what must not be in the answers.
func (w *worker) volume() (v volume, err error) {
	hostile := url.QueryEscape("a\x1b[2J\x00\u202e\r\nX: y" + strings.Repeat("x", 3000))
	for _, path := range []string{"/", "/readyz?verbose&" + hostile, "/metrics", "/page/view", "/page/key?store=orders&key=" + hostile, "/page/key?store=" + hostile + "&key=k", "/" + hostile, "/livez?" + hostile} {
		body, err := w.get(path)
		if err != nil {
			return v, err
		}
		if err := plainText(body); err != nil {
			return v, fmt.Errorf("%s of %s: %w", path, w.name, err)
		}
		switch path {
		case "/metrics":
			for lines := bufio.NewScanner(strings.NewReader(string(body))); lines.Scan(); {
				if !strings.HasPrefix(lines.Text(), "#") {
					v.series++
				}
			}
		case "/page/view":
			v.page = len(body)
		}
	}
	v.lines, err = w.logged()
	return v, err
}

// maxBody is more than anything that a worker answers by HTTP.
const maxBody = 1 << 20

func (w *worker) get(path string) ([]byte, error) {
	client := http.Client{Timeout: pace.Patience}
	resp, err := client.Get("http://" + w.http + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("more than %d bytes at %.100s", maxBody, path)
	}
	return body, err
}

// linesAMinute is more than a worker writes, whatever it is sent.
const linesAMinute = 30

// flat returns an error for each figure that grew.
func (g *growth) flat(took time.Duration) error {
	if g.first == nil {
		return nil // it ended before there was anything to look at
	}
	var problems []error
	for i, e := range g.elders {
		name, was, is := g.assault.workers[i].name, g.first[i], g.last[i]
		problems = append(problems, e.flat())
		// What the race detector takes for itself grows for a while: the heap does not.
		if before, heap := greatest(e.first).heap, greatest(e.last).heap; heap > before*3/2+10 {
			problems = append(problems, fmt.Errorf("%s has a heap of %d MB, and had %d", name, heap, before))
		}
		if is.series > was.series*5/4 {
			problems = append(problems, fmt.Errorf("%s has %d series of metrics, and had %d", name, is.series, was.series))
		}
		if is.page > was.page*2+64<<10 {
			problems = append(problems, fmt.Errorf("%s shows %d bytes, and showed %d", name, is.page, was.page))
		}
		if most := linesAMinute * (1 + took.Minutes()); float64(is.lines-was.lines) > most {
			problems = append(problems, fmt.Errorf("%s wrote %d lines within %v:\n%s", name, is.lines-was.lines, took, g.assault.workers[i].lastLines(20)))
		}
	}
	return errors.Join(problems...)
}

func (g *growth) String() string {
	if g.first == nil {
		return "nothing was looked at yet"
	}
	series, lines, page, before, heap := 0, 0, 0, 0, 0
	for _, e := range g.elders {
		before, heap = max(before, greatest(e.first).heap), max(heap, greatest(e.last).heap)
	}
	for i, v := range g.last {
		series, page = max(series, v.series), max(page, v.page)
		lines = max(lines, v.lines-g.first[i].lines)
	}
	return fmt.Sprintf("%v; its heap had %d MB, and has %d; a worker has %d series of metrics, %d bytes for the page, and wrote %d lines", g.elders[0], before, heap, series, page, lines)
}
