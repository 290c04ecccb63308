// Package advice says what an operator may try about an error. The libraries
// below cmd say what went wrong and why; they know no flag, no variable and no
// command of seqd.
package advice

import "cmp"

// For returns what to try about err, or "": nothing that we know of.
func For(err error) string { return cmp.Or(aboutEtcd(err), aboutNATS(err)) }
