package chart

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the table of values into README.md")

const (
	tableBegin = "<!-- values: made by deploy/chart/check -update -->\n"
	tableEnd   = "<!-- /values -->\n"
)

// The README's table is what values.yaml says.
func TestReadmeTable(t *testing.T) {
	data, err := os.ReadFile("../values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| value | default | |\n|---|---|---|\n")
	rows(&table, "", document.Content[0])

	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), tableBegin)
	got, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("README.md lacks the lines %q and %q", tableBegin, tableEnd)
	}
	if got == table.String() {
		return
	}
	if !*update {
		t.Fatalf("README.md's table is out of date: run deploy/chart/check -update; it should be\n%s", table.String())
	}
	if err := os.WriteFile("../README.md", []byte(before+tableBegin+table.String()+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rows writes a row for each value below node: the comment above it is what it
// means. A mapping in one line is one value.
func rows(w *strings.Builder, path string, node *yaml.Node) {
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		words := strings.Fields(strings.ReplaceAll("\n"+name.HeadComment, "\n#", "\n"))
		comment := strings.ReplaceAll(strings.Join(words, " "), "|", `\|`)
		full := strings.TrimPrefix(path+"."+name.Value, ".")
		if value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 {
			if comment != "" {
				fmt.Fprintf(w, "| `%s` | | %s |\n", full, comment)
			}
			rows(w, full, value)
			continue
		}
		value.HeadComment, value.LineComment, value.FootComment = "", "", ""
		text, err := yaml.Marshal(value)
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(w, "| `%s` | `%s` | %s |\n", full, strings.TrimSpace(string(text)), comment)
	}
}
