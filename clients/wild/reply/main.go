// Command reply writes the reply to a request as it came, for decoders to read:
//
//	reply SUBJECT [BODY]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// patience is for all tries together, and for one.
const (
	patience = time.Minute
	once     = 10 * time.Second
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
	// A second try must not get the second id.
	request := &nats.Msg{Subject: args[0], Header: nats.Header{subjects.IdempotencyHeader: {"reply"}}}
	if len(args) > 1 {
		request.Data = []byte(args[1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	reply, err := ask(ctx, nc, request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", args[0], err)
	}
	_, err = os.Stdout.Write(reply.Data)
	return err
}

// ask asks again as long as seqd says that it is busy, as it is on a busy machine.
func ask(ctx context.Context, nc *nats.Conn, request *nats.Msg) (*nats.Msg, error) {
	for {
		try, cancel := context.WithTimeout(ctx, once)
		reply, err := nc.RequestMsgWithContext(try, request)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			continue
		case err != nil:
			return nil, err
		}
		switch reply.Header.Get(subjects.ErrorCodeHeader) {
		case "429", "503", "504":
			select {
			case <-ctx.Done():
				return nil, errors.New(reply.Header.Get(subjects.ErrorHeader))
			case <-time.After(100 * time.Millisecond):
			}
		default:
			return reply, nil
		}
	}
}
