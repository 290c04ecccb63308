#!/usr/bin/env bash
# github.com/ugorji/go/codec 1.3.2: the text of an error has NUL bytes in it. The
# decoder's errors begin with its name, the position and the fields' path; where there
# is no path, as many NULs stand there as were set aside for one.
#
# Guess: a text for people is text. Seen: grep takes a log with it for a binary file
# and shows no line of it; a shell's variable loses the bytes, and PostgreSQL's type
# text can't hold them.
# For seqd: the program that prints what decoders say takes them out.
set -euo pipefail
version=v1.3.2
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/ugorji/go/codec"
)

func main() {
	bytes := []byte{0x81, 0xa2, 'i', 'd', 0xd3, 0, 0, 0, 1, 0, 0, 0, 5} // {"id": 4294967301}
	var reply struct {
		ID int32 `codec:"id"`
	}
	err := codec.NewDecoderBytes(bytes, new(codec.MsgpackHandle)).Decode(&reply)
	if err == nil {
		fmt.Println("no error any more")
		os.Exit(1)
	}
	nuls := strings.Count(err.Error(), "\x00")
	fmt.Printf("expected 0 NUL bytes, seen %d: %q\n", nuls, err.Error())
	if nuls == 0 {
		os.Exit(1)
	}
}
GO
{
  go mod init finding
  go get "github.com/ugorji/go/codec@$version"
} >log 2>&1 || { cat log; exit 2; }
echo "ugorji/go/codec $version, $(go version | cut -d' ' -f3)"
go run .
