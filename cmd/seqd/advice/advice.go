// Package advice says what an operator may try about an error. The libraries
// below cmd say what went wrong and why; they know no flag, no variable and no
// command of seqd.
package advice

import "cmp"

// For returns what to try about err, or "": nothing that we know of. It asks
// [NATS] only about what is known to be an error of that connection: etcd's are
// of the same kinds, x509's and files', and have other flags.
func For(err error) string {
	return cmp.Or(aboutWorker(err), aboutEtcd(err))
}
