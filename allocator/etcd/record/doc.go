// Package record is what seqd keeps in etcd, and where: the record of a counter,
// the incarnation that tells one history of etcd from another, and the places
// that both are found at.
//
// A record of a format that this version does not know is refused, and never
// overwritten.
package record
