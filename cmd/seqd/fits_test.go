//go:build !lean

package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
)

// place is a setting in the file: its names, its type, and how many lines stand
// above it where each section has a line.
type place struct {
	path []string
	kind reflect.Type
}

// places returns every setting that a configuration may hold, sections too.
func places(t reflect.Type, path ...string) (all []place) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) > 0 {
		all = append(all, place{path, t})
	}
	switch t.Kind() {
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() {
				all = append(all, places(f.Type, append(path[:len(path):len(path)], f.Tag.Get("yaml"))...)...)
			}
		}
	case reflect.Map:
		all = append(all, places(t.Elem(), append(path[:len(path):len(path)], "k")...)...)
	}
	return all
}

// nested writes a value below its names, each on a line of its own.
func nested(path []string, value string) string {
	var b strings.Builder
	for i, name := range path {
		fmt.Fprintf(&b, "%s%s:", strings.Repeat("  ", i), name)
		if i < len(path)-1 {
			b.WriteByte('\n')
		}
	}
	return b.String() + " " + value + "\n"
}

// `max_patience: 5` and `endpoints: 127.0.0.1:2379` were errors about types of Go
// that named no field, and max_keys: 1.5 was 1. A value of the wrong type is an
// error that names line and field, and shows no value, in every field there is.
func TestValuesOfTheWrongType(t *testing.T) {
	dir := t.TempDir()
	all := places(reflect.TypeFor[settings.Config]())
	if len(all) < 50 {
		t.Fatalf("only %d settings were found", len(all))
	}
	for _, p := range all {
		var wrong []string
		want := ""
		switch {
		case p.kind == reflect.TypeFor[time.Duration]():
			wrong, want = []string{"5", "0", "1.5", "hunter2", "5 s", "[5s]", "{a: 5s}", "true"}, "must be a time with its unit, like 500ms, 5s or 2m"
		case p.kind == reflect.TypeFor[settings.Lease]():
			wrong, want = []string{"5", "00", "-0", "1.5", "hunter2", "5 s", "true", "99999999999999999999"}, "must be 0, or a time with its unit, from 1s to 60s, like 3s"
		case p.kind == reflect.TypeFor[settings.Window]():
			wrong, want = []string{"5", "00", "-0", "1.5", "hunter2", "5 s", "true", "99999999999999999999"}, "must be 0, or a time with its unit, from 1m to 24h, like 10m"
		case p.kind.Kind() == reflect.Int || p.kind.Kind() == reflect.Int64:
			wrong, want = []string{"hunter2", "1.5", "1e3", `"5"`, "99999999999999999999", "007", "[5]", "{a: 5}", "true", "5s"}, ""
		case p.kind.Kind() == reflect.Bool:
			wrong, want = []string{"hunter2", "1", "[true]", "{a: true}"}, ""
		case p.kind.Kind() == reflect.String:
			wrong, want = []string{"[hunter2]", "{hunter2: hunter2}", "!!int hunter2", "!!binary hunter2!"}, "must be"
		case p.kind.Kind() == reflect.Slice:
			wrong, want = []string{"hunter2", "5", "{hunter2: x}", "[[hunter2]]", "[{a: hunter2}]", "[null]"}, ""
		default:
			wrong, want = []string{"hunter2", "5", "[hunter2]"}, "there must be settings with names here"
		}
		for _, value := range wrong {
			file := put(t, filepath.Join(dir, "seqd.yaml"), nested(p.path, value))
			got := runSeqd(t, "check-config", file)
			at := fmt.Sprintf("%s:%d: %s", file, len(p.path), strings.Join(p.path, "."))
			if strings.ContainsAny(value, "[{") && want == "must be a time with its unit, like 500ms, 5s or 2m" {
				want = "must be"
			}
			if got.code != exitFailed || !strings.Contains(got.stderr, at) || !strings.Contains(got.stderr, want) {
				t.Errorf("%s: %s: got %+v, want %q and %q", strings.Join(p.path, "."), value, got, at, want)
			}
			wantNoSecret(t, "check-config", got.stderr)
		}
		// And the name misspelled.
		misspelled := append(p.path[:len(p.path)-1:len(p.path)-1], p.path[len(p.path)-1]+"x")
		if misspelled[len(misspelled)-1] == "kx" {
			continue // a name of one's own
		}
		file := put(t, filepath.Join(dir, "seqd.yaml"), nested(misspelled, "x"))
		want = fmt.Sprintf("%s:%d: field %s not found", file, len(p.path), misspelled[len(misspelled)-1])
		if got := runSeqd(t, "check-config", file); got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// A second document was dropped, and of a name that stands twice nobody knew which
// counted. So was what stands below null, a floor or a store, and below "", which
// was taken for a setting.
func TestOneDocument(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seqd.yaml")
	for text, want := range map[string]string{
		"root: a\n---\nroot: b\n":                        ":2: a second document begins here",
		"root: a\n---\n":                                 ":2: a second document begins here",
		"---\nroot: a\n---\n{\n":                         ":",
		"root: a\nroot: b\n":                             ":2: root: is set twice; first in line 1",
		"nats:\n  user: a\n  user: b\n":                  ":3: nats.user: is set twice; first in line 2",
		"root: a\n\tmax_keys: 5\n":                       ": found",
		"stores:\n  a: {}\n  a: {}\n":                    ":3: stores.a: is set twice",
		"stores: {a: &x {mode: weak}, b: {<<: [*x, 5]}}": "stores.b: there must be settings",
		"stores:\n  a: &x {max_count: -1}\n  b: *x\n":    ":2: stores.a.max_count: must be between",
		"stores:\n  a: {keys: {? [x] : {}}}\n":           "stores.a.keys: a name must be a word",
		"root: *hunter2\n":                               "a value that begins with * must be in quotes",
		"\"\": true\n":                                   ":1: field  not found: there may be drain_timeout, etcd",
		"stores: {null: {}}":                             `:1: stores: "null" stands for no name in YAML: put it in quotes`,
		"stores:\n  a: {keys: {~: {bigger_than: 5}}}\n":  `:2: stores.a.keys: "~" stands for no name in YAML`,
		"stores: {a: {max_count: 0}}":                    ":1: stores.a.max_count: must be at least 1, not 0: leave it out for the default",
		"stores: {a: {modes: []}}":                       ":1: stores.a.modes: must hold strong, weak or both",
		"stores: {a: {mode: ''}}":                        ":1: stores.a.mode: must be strong or weak",
		"stores: {a: {weak: {runway: 0s}}}":              ":1: stores.a.weak.runway: must be more than 0",
		"stores: {a: &a {max_count: 0}, b: {<<: *a}}":    "max_count: must be at least 1",
	} {
		put(t, file, text)
		got := runSeqd(t, "check-config", file)
		if got.code != exitFailed || !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, file) {
			t.Errorf("%q: got %+v, want %q", text, got, want)
		}
		wantNoSecret(t, "check-config", got.stderr)
	}
	for _, text := range []string{"", "# nothing\n", "---\n", "root: a\n...\n", "{}\n", "root:\nstores:\n", "stores: {a: &x {mode: weak}, b: *x, c: {<<: *x, mode: strong}}", "\ufeffroot: a\n", "root: a\r\nmax_keys: 5\r\n"} {
		put(t, file, text)
		if got := runSeqd(t, "check-config", file); got.code != exitOK {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
