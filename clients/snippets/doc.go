// Package snippets keeps README.md true: it takes the programs and commands out
// of the page, runs them against a real seqd, and compares what they print with
// what the page says they print.
//
//	go test ./clients/snippets
//	clients/snippets/test
//
// The first runs the sections that need nothing but seqd and bash. The second
// installs what the others need, and runs all.
//
// What the page is made of:
//
//   - A section, begun by "## ", gets a folder of its own. "<!-- tools: … -->"
//     names what it needs beside seqd and bash.
//   - A console block holds commands, each in a line behind "$ ", followed by what
//     it prints on stdout and stderr. Empty lines at a command's end don't count.
//   - A block behind a line that ends in the name of a file, as `number.sh`: is
//     that file.
//   - A block behind a line that begins with **Untested** is not looked at. There
//     are no others.
//
// 127.0.0.1:4222 stands for where the test's nats-server listens.
package snippets
