package subjects_test

import (
	"errors"
	"fmt"

	"github.com/seqd-io/seqd/subjects"
)

func ExampleEscape() {
	for _, text := range []string{"invoice.2026", "a b", "a..b", "发票/2026", "*"} {
		key, err := subjects.Escape(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(subjects.Subject(subjects.Root, "orders", key))
	}
	// Output:
	// seq.orders.invoice.2026
	// seq.orders.a=20b
	// seq.orders.a.=2Eb
	// seq.orders.=E5=8F=91=E7=A5=A8/2026
	// seq.orders.=2A
}

func ExampleParse() {
	fmt.Println(subjects.Parse(subjects.Root, "seq.orders.invoice.2026"))

	_, _, err := subjects.Parse(subjects.Root, "seq.orders.*")
	fmt.Println(err)
	fmt.Println(errors.Is(err, subjects.ErrBadRequest))
	// Output:
	// orders invoice.2026 <nil>
	// BAD_REQUEST: key byte 0, '*', must be written =2A
	// true
}

func ExampleReply_Append() {
	reply := subjects.Reply{ID: 1, N: 10} // ids 1 to 10
	fmt.Printf("% x\n", reply.Append(nil, subjects.Msgpack))
	fmt.Printf("%s\n", reply.Append(nil, subjects.JSON))
	fmt.Printf("%s\n", reply.Append(nil, subjects.Text))
	// Output:
	// 82 a2 69 64 d3 00 00 00 00 00 00 00 01 a1 6e ce 00 00 00 0a
	// {"id":"1","n":10}
	// 1 10
}

func ExampleReply_AppendNumbers() {
	reply := subjects.Reply{ID: 12, N: 2, Period: "2026"}
	number := func(dst []byte, i int) []byte { return fmt.Appendf(dst, "INV-2026-%06d", reply.ID+int64(i)) }
	fmt.Printf("%s\n", reply.AppendNumbers(nil, subjects.JSON, number))
	fmt.Printf("%s\n", reply.AppendNumbers(nil, subjects.Text, number))
	// Output:
	// {"id":"12","n":2,"period":"2026","numbers":["INV-2026-000012","INV-2026-000013"]}
	// INV-2026-000012
	// INV-2026-000013
}

func ExampleRequest_Append() {
	request := subjects.Request{N: 10, Mode: subjects.Strong}
	fmt.Printf("%q\n", request.Append(nil))
	// Output:
	// "\x82\xa1n\n\xa4mode\xa6strong"
}

func ExampleDecodeReply() {
	body := subjects.AppendError(nil, subjects.Msgpack, subjects.ErrBusy, new(subjects.Nonce))
	_, err := subjects.DecodeReply(subjects.ErrBusy.Header(), body)
	fmt.Println(err)
	fmt.Println(errors.Is(err, subjects.ErrBusy))
	// Output:
	// BUSY: the worker's queue is full
	// true
}
