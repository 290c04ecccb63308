// Command reply writes the reply to a request as it came, for decoders to read:
//
//	reply SUBJECT [BODY]
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reply:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("SUBJECT is missing")
	}
	nc, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		return err
	}
	defer nc.Close()
	var body []byte
	if len(args) > 1 {
		body = []byte(args[1])
	}
	reply, err := nc.Request(args[0], body, 10*time.Second)
	if err != nil {
		return fmt.Errorf("ask %s: %w", args[0], err)
	}
	_, err = os.Stdout.Write(reply.Data)
	return err
}
