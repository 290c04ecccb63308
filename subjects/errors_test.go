package subjects_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/seqd-io/seqd/subjects"
	"github.com/vmihailenco/msgpack/v5"
)

var sentinels = []*subjects.Error{
	subjects.ErrBadRequest, subjects.ErrFenced, subjects.ErrBusy, subjects.ErrInternal,
	subjects.ErrUnavailable, subjects.ErrExpired, subjects.ErrExhausted,
}

func TestCodeTable(t *testing.T) {
	type codeVector struct {
		Code          subjects.Code
		Number        int
		Retryable     bool
		IDsMayBeSpent bool `json:"ids_may_be_spent"` // the clients'
	}
	table := vectors[codeVector](t, "errors.json", "codes")
	if len(table) != len(sentinels) {
		t.Fatalf("%d codes, %d sentinels", len(table), len(sentinels))
	}
	for i, v := range table {
		if sentinels[i].Code != v.Code || v.Code.Number() != v.Number || v.Code.Retryable() != v.Retryable {
			t.Errorf("got %s %d %t, want %+v", sentinels[i].Code, v.Code.Number(), v.Code.Retryable(), v)
		}
	}
	if got := subjects.Code("QUOTA").Number(); got != 500 {
		t.Errorf("a code of a later version has number %d, want 500", got)
	}
}

type errorVector struct {
	Code                 subjects.Code
	Number               int
	Text                 string
	RetryAfterMs         *int64 `json:"retry_after_ms"`
	Nonce                *nonceVector
	Headers              map[string]string
	Msgpack, JSON, Plain string
}

func TestErrorVectors(t *testing.T) {
	for _, v := range vectors[errorVector](t, "errors.json", "errors") {
		t.Run(v.JSON, func(t *testing.T) {
			e := &subjects.Error{Code: v.Code, Text: v.Text}
			if v.RetryAfterMs != nil {
				e.RetryAfter = time.Duration(*v.RetryAfterMs) * time.Millisecond
			}
			nonce := v.Nonce.nonce(t)
			want := unhex(t, v.Msgpack)
			if got := subjects.AppendError([]byte("kept"), subjects.Msgpack, e, &nonce); !bytes.Equal(got, join("kept", want)) {
				t.Errorf("msgpack: got %x, want %x", got, want)
			}
			if got := subjects.AppendError([]byte("kept"), subjects.JSON, e, &nonce); string(got) != "kept"+v.JSON {
				t.Errorf("JSON: got %s, want %s", got, v.JSON)
			}
			if got := subjects.AppendError([]byte("kept"), subjects.Text, e, &nonce); string(got) != "kept"+v.Plain {
				t.Errorf("text: got %s, want %s", got, v.Plain)
			}
			if got := e.Header(); fmt.Sprint(got) != fmt.Sprint(header(v.Headers)) {
				t.Errorf("headers: got %v, want %v", got, v.Headers)
			}
			got, err := subjects.DecodeReply(header(v.Headers), want)
			if back, ok := errors.AsType[*subjects.Error](err); !ok || *back != *e || !reflect.DeepEqual(got, subjects.Reply{Nonce: nonce}) {
				t.Errorf("DecodeReply: got %+v %+v, want %+v", got, back, e)
			}
			checkLibraryError(t, v, want)
		})
	}
}

func checkLibraryError(t *testing.T, v errorVector, body []byte) {
	t.Helper()
	type reply struct {
		Code       string             `msgpack:"code" json:"code"`
		Error      string             `msgpack:"error" json:"error"`
		RetryAfter uint32             `msgpack:"retry_after_ms,omitempty" json:"retry_after_ms"`
		Nonce      msgpack.RawMessage `msgpack:"nonce,omitempty" json:"-"`
		ID         any                `msgpack:"id,omitempty" json:"id"`
		N          any                `msgpack:"n,omitempty" json:"n"`
	}
	var got, fromJSON reply
	if err := msgpack.Unmarshal(body, &got); err != nil || got.Code != string(v.Code) || got.Error != v.Text || got.ID != nil || got.N != nil {
		t.Errorf("library reads %+v %v", got, err)
	}
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	if err := enc.Encode(got); err != nil || !bytes.Equal(buf.Bytes(), body) {
		t.Errorf("library writes %x %v, want %x", buf.Bytes(), err, body)
	}
	if err := json.Unmarshal([]byte(v.JSON), &fromJSON); err != nil || fromJSON.Code != got.Code || fromJSON.Error != got.Error || fromJSON.RetryAfter != got.RetryAfter || fromJSON.ID != nil {
		t.Errorf("encoding/json reads %+v %v", fromJSON, err)
	}
}

// errors.Is holds on the client for what the worker sent, and for nothing else:
// with headers and body, and with either alone.
func TestErrorsSurviveTheNetwork(t *testing.T) {
	for _, sent := range sentinels {
		cause := fmt.Errorf("handle seq.a.b: %w", sent) // as a worker holds it
		var e *subjects.Error
		if !errors.As(cause, &e) {
			t.Fatal("errors.As")
		}
		body := subjects.AppendError(nil, subjects.Msgpack, e, new(subjects.Nonce))
		for name, answer := range map[string]struct {
			header map[string][]string
			body   []byte
		}{
			"both":   {e.Header(), body},
			"header": {e.Header(), nil},
			"body":   {nil, body},
		} {
			_, err := subjects.DecodeReply(answer.header, answer.body)
			for _, target := range sentinels {
				if got, want := errors.Is(err, target), target.Code == sent.Code; got != want {
					t.Errorf("%s, %s: errors.Is(%v, %s) is %t", sent.Code, name, err, target.Code, got)
				}
			}
			if err.Error() != sent.Error() {
				t.Errorf("%s, %s: got %v, want %v", sent.Code, name, err, sent)
			}
		}
	}
}

func TestIsComparesCodesOnly(t *testing.T) {
	if !errors.Is(&subjects.Error{Code: subjects.Busy, Text: "other", RetryAfter: 1}, subjects.ErrBusy) {
		t.Error("same code, other text")
	}
	stranger := errors.New(subjects.ErrBusy.Error())
	if subjects.ErrBusy.Is(stranger) {
		t.Error("same text, other type")
	}
}

// A wait is rounded up: 0 on the wire would say that waiting does not help.
func TestRetryAfterRoundsUp(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{-1, ""}, {0, ""}, {1, "1"}, {time.Millisecond, "1"}, {time.Millisecond + 1, "2"},
		{50 * time.Millisecond, "50"}, {math.MaxInt64, "9223372036855"},
	} {
		e := &subjects.Error{Code: subjects.Busy, Text: "wait", RetryAfter: tt.after}
		want := `{"code":"BUSY","error":"wait"}`
		if tt.want != "" {
			want = `{"code":"BUSY","error":"wait","retry_after_ms":` + tt.want + `}`
		}
		if got := string(subjects.AppendError(nil, subjects.JSON, e, new(subjects.Nonce))); got != want {
			t.Errorf("%d: got %s, want %s", tt.after, got, want)
		}
		_, err := subjects.DecodeReply(nil, subjects.AppendError(nil, subjects.Msgpack, e, new(subjects.Nonce)))
		back, ok := errors.AsType[*subjects.Error](err)
		if !ok {
			t.Fatalf("%d: got %v, want an error of ours", tt.after, err)
		}
		if got := back.RetryAfter; got > 24*time.Hour || got < 0 || tt.after > 0 && got == 0 {
			t.Errorf("%d: came back as %v", tt.after, got)
		}
	}
}
