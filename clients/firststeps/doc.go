// Package firststeps does what a newcomer does with the page of an SDK: it goes to
// an empty folder beside a clone, and follows the page up to its first heading of
// the second level.
//
//	go test ./clients/firststeps -v                  # Go's page
//	go test ./clients/firststeps -v -pages java,rust # these
//
// In a page's beginning, a block marked sh is run, and must succeed. A block that
// follows a line which ends with the name of a file, such as
//
//	Write this to `main.go`:
//
// is written to that file, relative to where the block before left off. In a block
// marked console, what a line that begins with "$ " prints must be what follows it,
// beside a seqd dev of the test's own, whose address is in NATS_URL.
package firststeps
