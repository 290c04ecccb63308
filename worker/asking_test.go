package worker

import (
	"strings"
	"testing"
)

// Reply subjects that a worker waits on were numbered at first: a caller who
// knew the worker's id, which discovery tells, could have had another worker's
// answer sent there, and the ids of one key taken for another's.
func TestReplySubjectsCantBeGuessed(t *testing.T) {
	w := &Worker{inbox: "_INBOX.known"}
	seen := map[string]bool{}
	for range 1000 {
		token := strings.TrimPrefix(w.newReply(), w.inbox+".")
		if len(token) < 22 || strings.Contains(token, ".") {
			t.Fatalf("%q is short, or more than a token", token)
		}
		for _, part := range []string{token[:8], token[len(token)-8:]} {
			if seen[part] {
				t.Fatalf("%q repeats a part of another", token)
			}
			seen[part] = true
		}
	}
}
