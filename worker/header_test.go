package worker_test

import (
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

// A caller on jnats 2.26 heard nothing more on its connection once it had asked
// for a mode "发": its reader had died of the answer's header. So what a caller
// wrote comes back whole in the body, and in ASCII in the header.
func TestErrorHeaderIsASCII(t *testing.T) {
	f := start(t, nil)
	m := f.ask(t, "seq.a.x", nil, `{"mode":"发\u0000"}`)
	text := `mode must be strong or weak, not `
	wantError(t, m, subjects.BadRequest, "400", `{"code":"BAD_REQUEST","error":"`+text+`\"发\\x00\""}`)
	if got, want := m.Header.Get(subjects.ErrorHeader), "BAD_REQUEST: "+text+`"\u53d1\x00"`; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
