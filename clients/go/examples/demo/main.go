// Command demo asks for ten ids of one key, one after the other:
//
//	go run ./clients/go/examples/demo -s sequencer_demo
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

const key = "key666"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	store := flags.String("s", "", "`store` to ask")
	url := flags.String("nats-url", "", "NATS server (default $NATS_URL, or "+nats.DefaultURL+")")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *store == "" {
		return errors.New("no store is named; try: -s sequencer_demo")
	}

	nc, err := nats.Connect(cmp.Or(*url, os.Getenv("NATS_URL"), nats.DefaultURL), seqd.ConnectOptions()...)
	if err != nil {
		return fmt.Errorf("connect: %w; start a server with: seqd dev, or name another one with -nats-url", err)
	}
	defer nc.Close()
	client, err := seqd.New(nc)
	if err != nil {
		return err
	}

	fmt.Fprintf(stdout, "Try to get next id.Key:%s\n", key)
	for range 10 {
		id, err := client.Next(ctx, *store, key)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "Next id:next_id:%d\n", id)
	}
	fmt.Fprintln(stdout, "Demo success!")
	return nil
}
