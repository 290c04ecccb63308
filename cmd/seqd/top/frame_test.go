package top_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/worker"
)

var update = flag.Bool("update", false, "write the golden files anew")

// busy is a system with something of everything.
func busy() top.View {
	v := top.View{
		At:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Total: top.Row{State: "fenced", Workers: 3, Serving: 2, Measured: true, Requests: 31400, IDs: 1.25e6, Errors: 0.5, Mean: 1234567, Waiting: 17},
		Workers: []top.Row{
			{Name: "zowBO7Qct78ZxpmIjp7tnf", Host: "seqd-1", Version: "0.1.0", State: "serving", Up: 75 * time.Hour, Measured: true, Requests: 31000, IDs: 1.2e6, Mean: 1204 * time.Microsecond, Waiting: 17},
			{Name: "Qt9gR54nHFvKYueXiq1nAq", Host: "seqd-2", Version: "0.1.1", State: "fenced", Up: 90 * time.Minute, Measured: true, Requests: 400, Errors: 0.5, Mean: 806, Dropped: 3},
			{Name: "c4E2hjkqmeD4jK08hBJ6xO", Host: "seqd-3", Version: "0.1.1", State: "serving", Up: 12 * time.Second},
			{Name: "lFnHApwjx5jq29ixGVOBu6", Host: "seqd-4", Version: "0.1.0", State: top.Silent},
		},
		Stores: []top.Row{
			{Name: "seq.*.>", State: "serving", Workers: 3, Serving: 2, Requests: 31000, Measured: true, IDs: 1.2e6, Mean: 1204 * time.Microsecond},
			{Name: "seq.a-store-with-a-rather-long-name-that-nobody-would-give-it.>", State: "unavailable", Workers: 1, Measured: true, Requests: 400, Errors: 0.5},
		},
	}
	return v
}

// leased is busy, with leases of which one is late and one is lost.
func leased() top.View {
	v := busy()
	for i, state := range []worker.LeaseState{worker.LeaseHeld, worker.LeaseIdle, worker.LeaseLate} {
		v.Workers[i].Lease, v.Workers[i].LeaseLeft, v.Workers[i].LeaseState = 3*time.Second, 1900*time.Millisecond, state
	}
	v.Workers[0].Owned, v.Workers[0].HandedOver = 123456, 9000
	v.Workers[2].Owned = 6
	return v
}

// Frames are drawn as they are in testdata; -update writes them anew.
func TestFrame(t *testing.T) {
	many := busy()
	for i := range 40 {
		many.Workers = append(many.Workers, top.Row{Name: fmt.Sprintf("worker-%02d", i), State: "serving", Measured: true, Requests: float64(i)})
		many.Stores = append(many.Stores, top.Row{Name: fmt.Sprintf("seq.store-%02d.>", i), State: "serving", Measured: true})
	}
	for name, test := range map[string]struct {
		view   top.View
		layout top.Layout
	}{
		"whole":    {busy(), top.Layout{Sort: "requests"}},
		"by-name":  {busy(), top.Layout{Sort: "name", Width: 120, Height: 40}},
		"80x24":    {many, top.Layout{Sort: "requests", Width: 80, Height: 24}},
		"40x12":    {many, top.Layout{Sort: "errors", Width: 40, Height: 12}},
		"20x6":     {many, top.Layout{Width: 20, Height: 6}},
		"color":    {busy(), top.Layout{Width: 60, Height: 24, Color: true, Problem: "ask the workers: nats: disconnected, and what else can be said of it"}},
		"leased":   {leased(), top.Layout{Sort: "owned"}},
		"leased80": {leased(), top.Layout{Sort: "requests", Width: 80, Height: 24}},
		"leased-c": {leased(), top.Layout{Width: 40, Height: 24, Color: true}},
		"empty":    {top.View{}, top.Layout{Problem: "no worker answers"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.layout.Title = "seqd at nats://127.0.0.1:4222   every 2s   03:04:05"
			lines := test.view.Frame(test.layout)
			got := strings.Join(lines, "\n") + "\n"
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("%v, got:\n%s\nwant:\n%s", err, got, want)
			}
			fits(t, lines, test.layout)
		})
	}
}

// fits checks that nothing is outside the terminal.
func fits(t *testing.T, lines []string, l top.Layout) {
	t.Helper()
	if l.Height > 0 && len(lines) > l.Height {
		t.Errorf("%d lines in a height of %d", len(lines), l.Height)
	}
	unpainted := strings.NewReplacer("\x1b[1m", "", "\x1b[31m", "", "\x1b[0m", "")
	for _, line := range lines {
		if n := utf8.RuneCountInString(unpainted.Replace(line)); l.Width > 0 && n > l.Width {
			t.Errorf("%d runes in a width of %d: %q", n, l.Width, line)
		}
		if strings.ContainsAny(line, "\r\n\t") {
			t.Errorf("no one line: %q", line)
		}
	}
}

// Whatever the terminal's size, the frame is inside it, and drawing it changes
// nothing.
func TestFrameFits(t *testing.T) {
	view := leased()
	for width := 1; width < 130; width++ {
		for height := 1; height < 30; height++ {
			l := top.Layout{Width: width, Height: height, Title: "seqd at nats://127.0.0.1:4222", Sort: "mean", Color: height%2 == 0, Problem: strings.Repeat("p", height%3*50)}
			fits(t, view.Frame(l), l)
		}
	}
	if view.Workers[0].Name != busy().Workers[0].Name {
		t.Error("drawing has sorted the view")
	}
}
