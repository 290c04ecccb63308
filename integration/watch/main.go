// Command watch asks a running seqd for ids, at a light rate and in both modes,
// while somebody breaks parts of it, and checks every id:
//
//	go run ./integration/watch --nats-url nats://a:4222,nats://b:4222
//
// Each line on stdin names something that was just done to the system. Watch
// answers it with one line on stdout as soon as ids flow again, which says for
// how long they had stopped. The end of stdin ends it, with a verdict over all
// ids. It exits with 1 if ids do not flow again in time, or if one came twice or
// a STRONG one out of order.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "watch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("watch", flag.ContinueOnError)
	url := flags.String("nats-url", nats.DefaultURL, "`URL` of the NATS server, several with commas")
	store := flags.String("store", "watch", "store to ask")
	pace := flags.Duration("pace", 100*time.Millisecond, "between the requests of one caller; there are two in each mode")
	within := flags.Duration("within", 20*time.Second, "how soon ids must flow again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := watch{store: *store, pace: *pace}
	for i := range 4 {
		nc, err := nats.Connect(*url, append(seqd.ConnectOptions(), nats.Name("watch"), nats.ReconnectWait(100*time.Millisecond))...)
		if err != nil {
			return fmt.Errorf("connect to NATS at %s: %w; name it with --nats-url", *url, err)
		}
		defer nc.Close()
		client, err := seqd.New(nc)
		if err != nil {
			return err
		}
		w.callers.Go(func() { w.call(ctx, client, i) })
	}
	if err := w.flows(ctx, stdout, "start", *within); err != nil {
		return err
	}
	for events := bufio.NewScanner(stdin); events.Scan() && ctx.Err() == nil; {
		if err := w.flows(ctx, stdout, events.Text(), *within); err != nil {
			return err
		}
	}
	cancel()
	w.callers.Wait()
	return w.verdict(stdout)
}
