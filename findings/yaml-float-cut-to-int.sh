#!/usr/bin/env bash
# go.yaml.in/yaml/v3 decodes a float into a field of an integer type and drops what
# stands behind the point, without an error.
#
# Expected: "cannot unmarshal !!float `1.5` into int", as for text, and as
# encoding/json has it ("cannot unmarshal number 1.5 into Go … of type int").
# seqd looks at the type of every value before it decodes (cmd/seqd/settings/fits.go).
#
# Exits 0 if it behaves so, 1 if it does not any more. It needs Go and its module proxy.
set -euo pipefail
version=v3.0.6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	var fromYAML, fromJSON struct{ N int }
	err := yaml.Unmarshal([]byte("n: 1.5"), &fromYAML)
	fmt.Printf("seen:     yaml   n: 1.5    gives %d, error %v\n", fromYAML.N, err)
	errJSON := json.Unmarshal([]byte(`{"n": 1.5}`), &fromJSON)
	fmt.Printf("expected: json   {n: 1.5}  gives %d, error %v\n", fromJSON.N, errJSON)
	if err != nil || fromYAML.N != 1 || errJSON == nil {
		fmt.Println("it behaves otherwise now")
		os.Exit(1)
	}
}
GO
export GOFLAGS=-mod=mod
go mod init finding >init.log 2>&1
go get "go.yaml.in/yaml/v3@$version" >get.log 2>&1 || { cat get.log >&2; exit 1; }
echo "go.yaml.in/yaml/v3 $version, $(go version | cut -d' ' -f3)"
go run .
