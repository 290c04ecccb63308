// Package operate is what an operator does to the counters in etcd, while workers
// run or not: list and raise them, jump over what a restored backup has lost, and
// ask how etcd's history stands.
//
// No call lowers a mark, and every write is a compare-and-swap of the record. A
// call that failed may have done what it was asked for, and may be repeated.
package operate
