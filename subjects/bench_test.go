package subjects_test

import (
	"testing"

	"github.com/seqd-io/seqd/subjects"
)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := subjects.Parse(subjects.Root, hotSubject); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEscape(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := subjects.Escape("发票/2026"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, bb := range []struct {
		name   string
		header map[string][]string
		body   []byte
	}{
		{"empty", nil, emptyBody},
		{"msgpack", nil, msgpackBody},
		{"json", nil, jsonBody},
		{"headers", allHeaders, nil},
		{"key", nil, keyBody},
		{"key-header", keyHeader, nil},
		{"patience", map[string][]string{subjects.TimeoutHeader: {"250"}}, msgpackBody}, // as the clients ask
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			var r subjects.Request
			for b.Loop() {
				if err := r.Decode(bb.header, bb.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReplyAppend(b *testing.B) {
	plain := subjects.Reply{ID: 1 << 53, N: 10}
	marked := plain
	marked.Nonce = subjects.IntNonce(42)
	for _, bb := range []struct {
		name   string
		reply  subjects.Reply
		format subjects.Format
	}{
		{"msgpack", plain, subjects.Msgpack},
		{"msgpack-nonce", marked, subjects.Msgpack},
		{"json", plain, subjects.JSON},
		{"text", plain, subjects.Text},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 64)
			for b.Loop() {
				buf = bb.reply.Append(buf[:0], bb.format)
			}
		})
	}
}

func BenchmarkAppendError(b *testing.B) {
	nonce := subjects.IntNonce(42)
	for _, f := range []subjects.Format{subjects.Msgpack, subjects.JSON, subjects.Text} {
		b.Run(f.MediaType(), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 256)
			for b.Loop() {
				buf = subjects.AppendError(buf[:0], f, subjects.ErrBusy, &nonce)
			}
		})
	}
}

func BenchmarkDecodeReply(b *testing.B) {
	b.ReportAllocs()
	reply := subjects.Reply{ID: 1 << 53, N: 10}
	body := reply.Append(nil, subjects.Msgpack)
	for b.Loop() {
		if _, err := subjects.DecodeReply(nil, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendNumbers(b *testing.B) {
	reply := subjects.Reply{ID: 12, N: 1, Nonce: subjects.IntNonce(42), Period: "2026"}
	for _, f := range []subjects.Format{subjects.Msgpack, subjects.JSON, subjects.Text} {
		b.Run(f.MediaType(), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 128)
			for b.Loop() {
				buf = reply.AppendNumbers(buf[:0], f, func(dst []byte, _ int) []byte { return append(dst, "INV-2026-000012"...) })
			}
		})
	}
}
