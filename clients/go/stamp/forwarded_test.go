package stamp_test

import (
	"testing"

	"github.com/seqd-io/seqd/clients/go/stamp"
	"github.com/seqd-io/seqd/subjects"
)

// A worker refuses headers that begin as its own and are not. Those of a stamped
// message must not be among them: its reader may ask for an id with all headers that
// came along.
func TestStampedHeadersMayBeForwarded(t *testing.T) {
	for _, name := range []string{stamp.IDHeader, stamp.StoreHeader, stamp.KeyHeaderName, stamp.StamperHeader, stamp.SourceTimeHeader} {
		var r subjects.Request
		if err := r.Decode(map[string][]string{name: {"7"}}, nil); err != nil || r.N != 1 {
			t.Errorf("%s: got %+v %v", name, r, err)
		}
	}
}
