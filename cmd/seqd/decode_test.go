//go:build !lean

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// numbered is a configuration with numbers of every kind.
func numbered(t *testing.T) (file string) {
	t.Helper()
	dir := t.TempDir()
	secrets := put(t, filepath.Join(dir, "secret"), "hunter2hunter2hunter2\n")
	return put(t, filepath.Join(dir, "seqd.yaml"), `
stores:
  orders:
    number: {period: year, zone: Europe/Berlin, format: "INV-{period}-{id:06}"}
    keys:
      credit: {number: {period: year, year_starts: 04-01, zone: Asia/Kolkata, format: "CN/{period}/{id:04}{check:damm}"}}
      a b: {number: {format: "{scramble:10}", scramble_secret_file: `+secrets+`}}
      plain: {number: {period: none}}
  "*": {keys: {ticket: {number: {period: day, format: "{yy}{mm}{dd}{id:03}"}}}}
`)
}

// A printed number back to its period and its id, and what is none.
func TestDecode(t *testing.T) {
	t.Setenv("SEQD_CONFIG", numbered(t))
	for _, test := range []struct {
		args []string
		want result
	}{
		{[]string{"orders", "invoice", "INV-2026-000042"}, result{exitOK, "2026 42\n", ""}},
		{[]string{"orders", "invoice", "--format", "json", "INV-2026-000042"}, result{exitOK, `{"period":"2026","id":"42"}` + "\n", ""}},
		{[]string{"orders", "invoice", " INV-2026-000042\n"}, result{exitOK, "2026 42\n", ""}},
		{[]string{"orders", "credit", "CN/2026-27/00013"}, result{exitOK, "2026-27 1\n", ""}},
		{[]string{"orders", "a b", "0798438341"}, result{exitOK, "1\n", ""}},
		{[]string{"orders", "a b", "0798438341", "--format", "json"}, result{exitOK, `{"id":"1"}` + "\n", ""}},
		{[]string{"anything", "ticket", "280229007"}, result{exitOK, "2028-02-29 7\n", ""}},
		{[]string{"orders", "credit", "CN/2026-27/00018"}, result{exitFailed, "",
			`seqd: decode "CN/2026-27/00018": the check digit is wrong, so that at least one digit is: compare it with what was printed` + "\n"}},
		{[]string{"orders", "invoice", "RE-2026-000042"}, result{exitFailed, "",
			`seqd: decode "RE-2026-000042": "RE-2" stands where there must be "INV-"; numbers of this key are INV-{period}-{id:06} by year in Europe/Berlin: look whether STORE and KEY are right, and the configuration is the workers'` + "\n"}},
		{[]string{"orders", "invoice", "INV-2026-000000"}, result{exitFailed, "",
			`seqd: decode "INV-2026-000000": its id would be 0, and ids begin with 1; numbers of this key are INV-{period}-{id:06} by year in Europe/Berlin: look whether STORE and KEY are right, and the configuration is the workers'` + "\n"}},
		{[]string{"orders", "plain", "7"}, result{exitFailed, "",
			`seqd: decode: store "orders" key "plain" has no numbers: set number in the configuration of the store or the key, and name its file with --config` + "\n"}},
		{[]string{"anything", "else", "7"}, result{exitFailed, "",
			`seqd: decode: store "anything" key "else" has no numbers: set number in the configuration of the store or the key, and name its file with --config` + "\n"}},
	} {
		if got := runSeqd(t, append([]string{"decode"}, test.args...)...); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.args, got, test.want)
		}
	}
	for want, args := range map[string][]string{
		"--format must be text or json":  {"orders", "invoice", "x", "--format", "yaml"},
		"store may hold A-Z":             {"a b", "invoice", "x"},
		"key must have 1 to 200 bytes":   {"orders", "", "x"},
		"NUMBER is missing; for example": {"orders", "invoice"},
	} {
		if got := runSeqd(t, append([]string{"decode"}, args...)...); got.code != exitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
}

// Whoever writes the secret where its file's name should be does not find it in a
// log; nor is it shown where it is right.
func TestScrambleSecretIsNotShown(t *testing.T) {
	dir := t.TempDir()
	good := put(t, filepath.Join(dir, "good"), "hunter2hunter2hunter2")
	short := put(t, filepath.Join(dir, "short"), "hunter2\n")
	long := put(t, filepath.Join(dir, "long"), strings.Repeat("hunter2\n", 1000))
	for file, want := range map[string]string{
		good:                    "ok\n",
		short:                   "the file holds 7 bytes, and a secret has at least 16: make one with: head -c 32 /dev/urandom | base64 > FILE",
		long:                    "the file has more than 4096 bytes",
		"hunter2hunter2hunter2": "no such file or directory; look whether the file is there",
		"-----BEGIN hunter2":    "must be the name of a file, but is a key itself",
		"hunter2\\nhunter2":     "must be the name of a file, but is a key itself",
		"hunter2\\0":            "invalid argument",
	} {
		config := put(t, filepath.Join(dir, "seqd.yaml"), `stores: {a: {number: {format: "{scramble:8}", scramble_secret_file: "`+file+`"}}}`)
		got := runSeqd(t, "check-config", config)
		if !strings.Contains(got.stdout+got.stderr, want) {
			t.Errorf("%s: got %+v, want %q", file, got, want)
		}
		wantNoSecret(t, "check-config", strings.ReplaceAll(got.stdout+got.stderr, dir, ""))
		got = runSeqd(t, "decode", "a", "k", "12345678", "--config", config)
		wantNoSecret(t, "decode", strings.ReplaceAll(got.stdout+got.stderr, dir, ""))
		if file != good && got.code != exitFailed {
			t.Errorf("%s: got %+v", file, got)
		}
		if file != short {
			continue
		}
		// Who looks at counters needs no secret.
		got = runSeqd(t, "admin", "ls", "--config", config, "--etcd-endpoints", "127.0.0.1:1", "--etcd-dial-timeout", "1ms")
		if strings.Contains(got.stderr, "scramble_secret_file") {
			t.Errorf("admin ls: %s: got %+v", file, got)
		}
	}
	if os.Geteuid() != 0 {
		if err := os.Chmod(good, 0); err != nil {
			t.Fatal(err)
		}
		config := put(t, filepath.Join(dir, "seqd.yaml"), `stores: {a: {number: {format: "{scramble:8}", scramble_secret_file: "`+good+`"}}}`)
		if got := runSeqd(t, "check-config", config); !strings.Contains(got.stderr, "permission denied; look whether the file is there and may be read by this user") {
			t.Errorf("got %+v", got)
		}
	}
}
