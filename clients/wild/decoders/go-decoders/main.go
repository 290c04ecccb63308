// The program reads seqd's replies with the msgpack libraries of Go.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/go-msgpack/v2/codec"
	shamaton "github.com/shamaton/msgpack/v3"
	"github.com/tinylib/msgp/msgp"
	ugorji "github.com/ugorji/go/codec"
	vmihailenco "github.com/vmihailenco/msgpack/v5"
)

// Reply is what a caller who expects ids reads into, and Narrow the same by one who
// takes int32 to be enough.
type Reply struct {
	ID int64 `msgpack:"id" codec:"id"`
	N  int   `msgpack:"n" codec:"n"`
}

type Narrow struct {
	ID int32 `msgpack:"id" codec:"id"`
	N  int   `msgpack:"n" codec:"n"`
}

type library struct {
	module string
	decode func([]byte, any) error
}

var libraries = []library{
	{"github.com/vmihailenco/msgpack/v5", vmihailenco.Unmarshal},
	{"github.com/shamaton/msgpack/v3", func(b []byte, v any) error { return shamaton.Unmarshal(b, v) }},
	{"github.com/ugorji/go/codec", func(b []byte, v any) error {
		return ugorji.NewDecoderBytes(b, new(ugorji.MsgpackHandle)).Decode(v)
	}},
	{"github.com/hashicorp/go-msgpack/v2", func(b []byte, v any) error {
		return codec.NewDecoder(bytes.NewReader(b), new(codec.MsgpackHandle)).Decode(v)
	}},
}

func main() {
	big, wide, failure := read("big"), read("wide"), read("error")
	for _, l := range libraries {
		row(l.module)
		var reply Reply
		err := l.decode(big, &reply)
		fmt.Println("big:", told(reply.ID, 1<<53+1, err))
		var narrow Narrow
		err = l.decode(wide, &narrow)
		fmt.Println("wide:", told(int64(narrow.ID), 1<<32+5, err))
		reply = Reply{}
		if err := l.decode(failure, &reply); err != nil {
			fmt.Println("error: refused:", err)
		} else {
			fmt.Printf("error: %v, no error\n", reply)
		}
	}
	withoutStruct(big, wide, failure)
	inJSON()
}

// withoutStruct does the same with msgp, whose structs need generated code.
func withoutStruct(big, wide, failure []byte) {
	row("github.com/tinylib/msgp")
	id := func(b []byte) []byte { return msgp.Locate("id", b) }
	got, _, err := msgp.ReadInt64Bytes(id(big))
	fmt.Println("big:", told(got, 1<<53+1, err))
	narrow, _, err := msgp.ReadInt32Bytes(id(wide))
	fmt.Println("wide:", told(int64(narrow), 1<<32+5, err))
	got, _, err = msgp.ReadInt64Bytes(id(failure))
	fmt.Println("error:", told(got, math.MaxInt64, err))
}

// inJSON reads the replies in JSON, where an id is a string.
func inJSON() {
	for _, name := range []string{"encoding/json", "encoding/json with `json:\"id,string\"`"} {
		fmt.Println("row: Go:", name)
		fmt.Println("version: Go", runtime.Version()[len("go"):len("go1.26")])
		var plain struct{ ID, N int64 }
		var tagged struct {
			ID int64 `json:"id,string"`
		}
		var narrow struct {
			ID int32 `json:"id,string"`
		}
		if name == "encoding/json" {
			fmt.Println("big:", told(plain.ID, 1<<53+1, unmarshal("big", &plain)))
			fmt.Println("wide:", told(plain.ID, 1<<32+5, unmarshal("wide", &plain)))
			plain.ID, plain.N = 0, 0
			err := unmarshal("error", &plain)
			fmt.Printf("error: %v, %v\n", plain, noError(err))
			continue
		}
		err := unmarshal("big", &tagged)
		fmt.Println("big:", told(tagged.ID, 1<<53+1, err))
		err = unmarshal("wide", &narrow)
		fmt.Println("wide:", told(int64(narrow.ID), 1<<32+5, err))
		tagged.ID = 0
		err = unmarshal("error", &tagged)
		fmt.Printf("error: %v, %v\n", tagged, noError(err))
	}
}

func unmarshal(name string, v any) error {
	b, err := os.ReadFile(name + ".json")
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func noError(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func told(got, want int64, err error) string {
	switch {
	case err != nil:
		return "refused: " + strings.ReplaceAll(err.Error(), "\x00", "") // ugorji's has some
	case got == want:
		return "exact"
	}
	return fmt.Sprintf("%d, no error", got)
}

func row(module string) {
	fmt.Println("row: Go:", module)
	build, _ := debug.ReadBuildInfo()
	for _, d := range build.Deps {
		if d.Path == module {
			fmt.Println("version:", strings.TrimPrefix(d.Version, "v"))
		}
	}
}

func read(name string) []byte {
	b, err := os.ReadFile(name + ".msgpack")
	if err != nil {
		panic(err)
	}
	return b
}
