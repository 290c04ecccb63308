package faults

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// elder is a worker that lives from a soak's beginning to its end, and what it
// takes, which must not grow.
type elder struct {
	worker *worker
	first  []footprint // after the first rounds
	last   []footprint // after the last ones
}

// footprint is what a process takes at a time.
type footprint struct{ rss, heap, goroutines int } // MB, MB, and how many

// footprints is how many rounds a figure is the greatest of.
const footprints = 5

// look takes a footprint.
func (e *elder) look() error {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("http://" + e.worker.http + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	is := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		var n float64
		if _, err := fmt.Sscan(value, &n); err == nil {
			is[name] = n
		}
	}
	f := footprint{rss: int(is["process_resident_memory_bytes"]) >> 20, heap: int(is["go_memstats_heap_inuse_bytes"]) >> 20, goroutines: int(is["go_goroutines"])}
	if f.rss == 0 || f.goroutines == 0 {
		return errors.New("a worker's metrics do not say what it takes")
	}
	if len(e.first) < footprints {
		e.first = append(e.first, f)
	}
	e.last = append(e.last, f)
	e.last = e.last[max(0, len(e.last)-footprints):]
	return nil
}

func greatest(all []footprint) (f footprint) {
	for _, one := range all {
		f.rss, f.heap, f.goroutines = max(f.rss, one.rss), max(f.heap, one.heap), max(f.goroutines, one.goroutines)
	}
	return f
}

// flat returns an error if the worker takes more than it did.
func (e *elder) flat() error {
	was, is := greatest(e.first), greatest(e.last)
	if is.goroutines > was.goroutines*3/2+20 {
		return fmt.Errorf("a worker has %d goroutines, and had %d in the beginning", is.goroutines, was.goroutines)
	}
	if is.rss > was.rss*3/2+30 {
		return fmt.Errorf("a worker takes %d MB, and took %d in the beginning", is.rss, was.rss)
	}
	return nil
}

func (e *elder) String() string {
	was, is := greatest(e.first), greatest(e.last)
	return fmt.Sprintf("a worker that lived through it took %d MB and has %d goroutines after the first rounds, %d MB and %d after the last ones",
		was.rss, was.goroutines, is.rss, is.goroutines)
}
