package doctor

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// Status is the outcome of a check.
type Status string

// A check's outcomes. Only Fail makes the whole fail.
const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, and should be seen to
	Fail Status = "fail" // it does not work, or will give wrong ids
	Skip Status = "skip" // it could not be looked at
)

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"`           // its name, the same in every version: nats.connect
	Where  string `json:"where,omitempty"` // which etcd cluster or member, or store
	Status Status `json:"status"`
	Text   string `json:"text"`
	Try    string `json:"try,omitempty"` // what to do, where it is not ok
}

// Report is what all checks found.
type Report struct {
	Version  string    `json:"version"` // of this seqd
	OK       bool      `json:"ok"`      // nothing failed
	Failed   int       `json:"failed"`
	Warned   int       `json:"warned"`
	Skipped  int       `json:"skipped"`
	Findings []Finding `json:"findings"`
}

func (r *Report) add(f Finding) {
	switch f.Status {
	case Warn:
		r.Warned++
	case Fail:
		r.Failed++
	case Skip:
		r.Skipped++
	}
	r.OK = r.Failed == 0
	r.Findings = append(r.Findings, f)
}

// longest is how much of a text is shown to people, in characters: what servers and
// workers say of themselves may have any length.
const longest = 1500

// WriteLine writes a finding for people. Much of it is what others say.
func (f Finding) WriteLine(w io.Writer) error {
	text := f.Text
	if f.Where != "" {
		text = f.Where + ": " + text
	}
	if _, err := fmt.Fprintf(w, "%-4s  %-19s  %s\n", f.Status, f.Check, shown(text)); err != nil || f.Try == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "%-4s  %-19s  -> %s\n", "", "", shown(f.Try))
	return err
}

func shown(text string) string {
	runes := []rune(cmdline.Plain(text))
	if len(runes) <= longest {
		return string(runes)
	}
	return string(runes[:longest-1]) + "…"
}

// WriteJSON writes the report as one document.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
