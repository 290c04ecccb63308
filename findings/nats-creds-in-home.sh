#!/usr/bin/env bash
# nats.go's UserCredentials takes "~/user.creds" for the JWT, and not for the seed in
# the same file: the first is read, and to sign with the second fails.
#
# Expected: both are found in the home folder, or neither is. (A connection is refused
# by the client itself: "error signing nonce: unable to extract key pair from file".)
#
# Exits 0 if it behaves so, 1 if it does not any more. It needs Go and its module proxy.
set -euo pipefail
nats=v1.55.0 jwt=v2.8.3 nkeys=v0.4.17
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	account, user := must(nkeys.CreateAccount()), must(nkeys.CreateUser())
	token := must(jwt.NewUserClaims(must(user.PublicKey())).Encode(account))
	home := must(os.MkdirTemp("", "home-"))
	defer os.RemoveAll(home)
	file := must(jwt.FormatUserConfig(token, must(user.Seed())))
	if err := os.WriteFile(filepath.Join(home, "user.creds"), file, 0o600); err != nil {
		panic(err)
	}
	os.Setenv("HOME", home)

	try := func(name string) (errJWT, errSeed error) {
		var o nats.Options
		if err := nats.UserCredentials(name)(&o); err != nil {
			panic(err)
		}
		_, errJWT = o.UserJWT()
		_, errSeed = o.SignatureCB([]byte("nonce"))
		return errJWT, errSeed
	}
	show := func(err error) string {
		return strings.ReplaceAll(fmt.Sprint(err), home, "$HOME")
	}
	a, b := try(filepath.Join(home, "user.creds"))
	fmt.Printf("expected: $HOME/user.creds  JWT: %s, seed: %s\n", show(a), show(b))
	c, d := try("~/user.creds")
	fmt.Printf("seen:     ~/user.creds      JWT: %s, seed: %s\n", show(c), show(d))
	if a != nil || b != nil || c != nil || d == nil {
		fmt.Println("it behaves otherwise now")
		os.RemoveAll(home)
		os.Exit(1)
	}
}
GO
export GOFLAGS=-mod=mod
go mod init finding >init.log 2>&1
go get "github.com/nats-io/nats.go@$nats" "github.com/nats-io/jwt/v2@$jwt" "github.com/nats-io/nkeys@$nkeys" >get.log 2>&1 || { cat get.log >&2; exit 1; }
echo "nats.go $nats, $(go version | cut -d' ' -f3)"
go run .
