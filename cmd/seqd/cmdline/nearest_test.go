package cmdline_test

import (
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

func TestNearest(t *testing.T) {
	words := []string{"dev", "worker", "next", "admin", "doctor", "top", "check-config", "n", "mode"}
	for word, want := range map[string]string{
		"wroker":       "worker",
		"workers":      "worker",
		"worke":        "worker",
		"nxet":         "next",
		"Nexxt":        "next",
		"checkconfig":  "check-config",
		"check_config": "check-config",
		"mdoe":         "mode",
		"tpo":          "top",
		"nonsense":     "",
		"pot":          "", // two slips in three letters make any word of any other
		"m":            "", // and one in one letter does
		"":             "",
		"next":         "next",
	} {
		if got := cmdline.Nearest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := cmdline.Nearest("order", []string{"orders", "orderz"}); got != "orders" {
		t.Errorf("of two that are as near: got %q, want the first", got)
	}
	if got := cmdline.Nearest("abcdefg", []string{"abcdexy", "abcdefx"}); got != "abcdefx" {
		t.Errorf("got %q, want the nearer one", got)
	}
}
