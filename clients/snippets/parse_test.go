package snippets_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const goodPage = `# Title

## Shell

<!-- tools: nats jq -->

Saved as ` + "`a.sh`" + `:

~~~bash
echo 1

~~~

~~~console
$ bash a.sh
1

$ true
~~~

## None

**Untested**, in Ruby:

~~~ruby
id
~~~
`

func TestParse(t *testing.T) {
	got, err := parse(strings.ReplaceAll(goodPage, "~~~", "```"))
	if err != nil {
		t.Fatal(err)
	}
	want := []section{
		{},
		{title: "Shell", tools: "nats jq", steps: []step{
			{line: 10, file: "a.sh", text: "echo 1\n\n"},
			{line: 15, text: "bash a.sh", printed: "1"},
			{line: 18, text: "true"},
		}},
		{title: "None"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A block that nothing would run is an error, not a block that is forgotten.
func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ page, want string }{
		{"Code:\n\n```go\nx\n```\n", "line 4: a block must be console"},
		{"```console\nx\n```\n", "line 2: a console block begins with a command"},
		{"Saved as `a.sh`:\n\n```bash\nx\n", "line 3: the block does not end"},
		{"Saved as `a.sh`:\n\n```bash\nx\n```\n```go\nx\n```\n", "line 7: a block must be console"},
	} {
		if _, err := parse(tt.page); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %s", tt.page, err, tt.want)
		}
	}
}

// A command that prints something else than the page says, or fails, is found.
func TestDoNotices(t *testing.T) {
	needBash(t)
	sh := &shell{port: "4333", env: []string{"PATH=" + os.Getenv("PATH")}}
	dir := t.TempDir()
	if err := sh.do(dir, step{file: "a", text: "127.0.0.1:4222 127.0.0.1/4222\n"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		step step
		want string // of the error; empty: there is none
	}{
		{step{text: "cat a; echo; echo", printed: "127.0.0.1:4222 127.0.0.1/4333"}, ""},
		{step{text: "cat a; echo; echo 2", printed: "127.0.0.1:4222 127.0.0.1/4333"}, "printed:"},
		{step{text: "grep -c 4333 a", printed: "1"}, ""},
		{step{text: "echo 1", printed: "2"}, "printed:\n1\nthe page says:\n2"},
		{step{text: "echo 1 >&2", printed: ""}, "printed:\n1"},
		{step{text: "echo 1 ", printed: "1 "}, "printed:\n1\n"},
		{step{text: "echo 1; exit 3", printed: "1"}, "exit status 3"},
	} {
		err := sh.do(dir, tt.step)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.step.text, err, tt.want)
		}
	}
}
