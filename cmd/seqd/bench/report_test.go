package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fieldsOf returns the paths of a JSON document's fields.
func fieldsOf(t *testing.T, data []byte) []string {
	t.Helper()
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%v in:\n%s", err, data)
	}
	paths := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), value)
			}
		case []any:
			for _, value := range v {
				walk(path+"[]", value)
			}
		default:
			paths[path] = true
		}
	}
	walk("", doc)
	return slices.Sorted(maps.Keys(paths))
}

const figuresFields = "PREids_per_s PREmax_us PREp50_us PREp90_us PREp99_us PRErequests PRErequests_per_s"
const machineFields = "machine.arch machine.cores machine.fsync_us machine.go machine.os machine.versions.etcd"

func wantFields(t *testing.T, report any, names string) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSON(&b, report); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(names)
	slices.Sort(want)
	if got := fieldsOf(t, b.Bytes()); !slices.Equal(got, want) {
		t.Errorf("other programs read these names:\ngot  %q\nwant %q", got, want)
	}
}

func at(prefix, names string) string { return strings.ReplaceAll(names, "PRE", prefix) }

func TestJSONNames(t *testing.T) {
	machine := Machine{Versions: map[string]string{"etcd": "3"}}
	f := Figures{Errors: map[string]int64{"BUSY": 1}}
	wantFields(t, &Report{Figures: f, Machine: machine},
		"peer id durability workers callers keys connections measured_s answers_checked checked_for violation errors.BUSY "+
			at("", figuresFields)+" "+machineFields)
	c := &Comparison{Machine: machine, Checks: []Check{{}}, Goals: []Goal{{Rounds: []float64{1}}}, Rows: []*Row{{Figures: f, Rounds: []*Figures{&f, nil}}}}
	wantFields(t, c,
		"rounds slice_s warm_s connections violation one_process goals[].what goals[].ratio goals[].rounds[] goals[].at_most goals[].goal goals[].met "+machineFields+
			" checks[].peer checks[].workers checks[].answers checks[].for"+
			" rows[].peer rows[].id rows[].durability rows[].workers rows[].callers rows[].keys rows[].to_echo rows[].p50_to_echo rows[].errors.BUSY "+at("rows[].", figuresFields)+
			" rows[].rounds[] rows[].rounds[].errors.BUSY "+at("rows[].rounds[].", figuresFields))
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var progress, out bytes.Buffer
		peer := &fake{about: About{ID: "fake", Name: "fake", Durability: "none", Promise: Strict}, took: time.Millisecond,
			lie: func(_ int, id int64) (int64, error) {
				if id%1000 == 0 {
					return 0, fmt.Errorf("odd")
				}
				return id, nil
			}}
		r, err := Run(t.Context(), peer, Settings{Load: Load{10, 1}, Wiring: Wiring{Keys: []string{"k"}, Connections: 1}, Duration: 2500 * time.Millisecond, Progress: &progress})
		if err != nil {
			t.Fatal(err)
		}
		if r.Seconds != 2.5 || r.Requests < 24_000 || r.Requests > 25_000 || r.Checked <= r.Requests || r.Errors["OTHER"] == 0 {
			t.Errorf("got %+v", r)
		}
		if err := r.Write(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"fake: 10 callers, 1 key, 1 connection, 2.5 s measured\n", "requests/s", "1.00 ms", " OTHER: odd\n", " answers checked: unique and in order\n"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in:\n%s", want, &out)
			}
		}
		// A line a second, and nothing is left of it.
		if got := progress.String(); strings.Count(got, "requests/s") != 3 || !strings.HasSuffix(got, eraseLine) {
			t.Errorf("progress: %q", got)
		}
	})
}

func TestRunWithoutAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &fake{lie: func(int, int64) (int64, error) { return 0, fmt.Errorf("odd") }}
		r, err := Run(t.Context(), peer, Settings{Load: Load{1, 1}, Wiring: Wiring{Keys: []string{"k"}}, Duration: time.Second})
		if r == nil || err == nil || !strings.Contains(err.Error(), "no request was answered") {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}
