package stamper_test

import (
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
	"github.com/seqd-io/seqd/subjects"
)

// A worker refuses headers that begin as its own and are not. Those of a stamped
// message must not be among them: its reader may ask for an id with all headers that
// came along.
func TestStampedHeadersMayBeForwarded(t *testing.T) {
	for _, name := range []string{stamper.IDHeader, stamper.NumberHeader, stamper.PeriodHeader, stamper.StoreHeader, stamper.KeyHeaderName, stamper.StamperHeader, stamper.SourceTimeHeader} {
		var r subjects.Request
		if err := r.Decode(map[string][]string{name: {"7"}}, nil); err != nil || r.N != 1 {
			t.Errorf("%s: got %+v %v", name, r, err)
		}
	}
}
