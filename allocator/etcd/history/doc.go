// Package history watches that etcd's history only goes forward, so that a
// restored backup, a cluster rebuilt from a survivor, or another etcd at the same
// address issues no id again.
//
// A [Guard] holds the header of every answer against what was known when its
// transaction was sent, and the record of etcd's incarnation against what this
// machine remembers. Before the record was read and agreed, it lets no
// transaction through; and once the history is found to have gone backwards none
// at all, until an operator raises the record's epoch. What it can't see stands
// in ../../DESIGN.md.
package history
