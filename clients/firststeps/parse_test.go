package firststeps_test

import (
	"slices"
	"testing"
)

func TestSteps(t *testing.T) {
	page := "# seqd\n\nRun it beside `seqd`:\n\n```sh\nmkdir ids\ncd ids\n```\n\nWrite this to `src/main.rs`:\n\n```rust\nfn main() {}\n```\n\n" +
		"Not a step:\n\n```toml\nx = 1\n```\n\n```console\n$ cargo run\n1\n2\n$ true\n```\n\n## Calls\n\n```sh\nrm -rf ids\n```\n"
	want := []step{
		{line: 5, text: "mkdir ids\ncd ids"},
		{line: 12, file: "src/main.rs", text: "fn main() {}\n"},
		{line: 23, text: "cargo run", checked: true, printed: "1\n2\n"},
		{line: 26, text: "true", checked: true},
	}
	got, err := steps(page)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	for _, bad := range []string{
		"```sh\nx\n",                      // no end
		"```sh\nx\n```\n",                 // nothing that can be compared
		"## x\n```console\n$ x\n1\n```\n", // too late
	} {
		if got, err := steps(bad); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, got)
		}
	}
}
