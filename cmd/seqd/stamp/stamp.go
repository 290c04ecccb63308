// Package stamp is `seqd stamp`.
package stamp

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/peterbourgon/ff/v3/ffcli"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/actor"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
	"github.com/seqd-io/seqd/subjects"
)

// Command is `seqd stamp`.
func Command(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd stamp", flag.ContinueOnError)
	o := order{log: settings.Default().Log}
	fs.StringVar(&o.stream, "stream", "", "JetStream `STREAM` that messages come from")
	fs.StringVar(&o.consumer, "consumer", "", "durable `CONSUMER` on it; made if missing")
	fs.StringVar(&o.store, "store", "", "`STORE` that ids come from")
	fs.IntVar(&o.keyToken, "key-token", 0, "the key is the `N`-th token of the message's subject, from 1")
	fs.StringVar(&o.keyHeader, "key-header", "", "the key is the message's header `NAME`")
	fs.StringVar(&o.keyText, "key", "", "the key is `TEXT`, for all messages")
	fs.StringVar(&o.to, "to", "", "output `SUBJECT`; {{token(N)}} in it is the N-th token of the message's subject, {{subject}} at its end all of it")
	cmdline.ChoiceVar(fs, &o.mode, "mode", "strong", "of the ids; weak ones increase in trend only", "strong", "weak")
	fs.IntVar(&o.batch, "batch", stamper.DefaultBatch, fmt.Sprintf("`COUNT` of messages that are fetched and published at a time, up to %d", stamper.MaxBatch))
	cmdline.ChoiceVar(fs, &o.onBad, "on-bad", "stop", "what to do about a message that can't be stamped", "stop", "skip")
	fs.StringVar(&o.filter, "filter", "", "`SUBJECT` filter of the consumer, for when it is made; several with commas")
	fs.Uint64Var(&o.startSeq, "start-seq", 0, "first source `SEQUENCE`, for when the consumer is made; 0: after the output's last, or all")
	fs.StringVar(&o.jsDomain, "js-domain", "", "`DOMAIN` of the JetStream that has the streams (default that of the server, or the context's)")
	fs.StringVar(&o.root, "root", subjects.Root, "first `TOKEN` of the request subjects")
	fs.StringVar(&o.http, "http-addr", "127.0.0.1:8281", "`HOST:PORT` of /livez and /metrics; \"none\" for no HTTP")
	o.log.Flags(fs)
	o.nats.Flags(fs)
	return &ffcli.Command{
		Name:       "stamp",
		ShortUsage: "seqd stamp --stream STREAM --consumer CONSUMER --store STORE --key… --to SUBJECT [flags]",
		ShortHelp:  "number the messages of a JetStream stream",
		LongHelp: "Takes messages from a durable consumer, gives each the next id of its key, and publishes\n" +
			"them with the headers Seq-Id, Seq-Store and Seq-Key to another stream: each exactly once,\n" +
			"in source order, ids of a key increasing. Kill it at any time; run a second one to take\n" +
			"over. The output stream must be the stamper's alone and allow atomic publishes\n" +
			"(nats stream add STAMPED --subjects 'stamped.>' --allow-batch). SIGTERM or Ctrl-C:\n" +
			"finishes its batch, then exits 0.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			return o.run(ctx, stdout, stderr)
		},
	}
}

// order is what `seqd stamp` was asked for.
type order struct {
	stream, consumer, store string
	keyToken                int
	keyHeader, keyText      string
	to, mode, onBad, filter string
	batch                   int
	startSeq                uint64
	jsDomain, root, http    string
	log                     settings.Log
	nats                    settings.NATS
}

// run stamps until a signal.
//
//	signal ──▶ stamper finishes its batch ──▶ its end interrupts progress, HTTP
func (o *order) run(ctx context.Context, stdout, stderr io.Writer) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	screen := cmdline.Terminal(stdout, false) != nil && cmdline.Terminal(stderr, false) != nil
	if screen {
		stderr = clearFirst{stderr}
	}
	log, _, err := settings.NewLog(stderr, o.log)
	if err != nil {
		return err
	}
	config.Log = log.With("component", "stamp")
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	listener, err := settings.ListenHTTP(o.http)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close()
	}
	nc, err := o.nats.Connect(append(seqd.ConnectOptions(), nats.Name("seqd stamp"))...)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	js, where, err := o.jetStream(nc)
	if err != nil {
		return err
	}
	client, err := seqd.New(nc, seqd.WithRoot(o.root))
	if err != nil {
		return err
	}
	s, err := stamper.New(ctx, js, client, config)
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("%w; %s", err, where)
	}
	if err != nil {
		return err
	}

	p := &progress{stamper: s, screen: screen, out: stdout, log: config.Log}
	if listener != nil {
		config.Log.Debug("HTTP", "addr", listener.Addr())
	}
	fmt.Fprintf(stdout, "stamping stream=%s consumer=%s store=%s to=%s output=%s\n", o.stream, o.consumer, o.store, o.to, s.Output())

	var g actor.Group
	g.Add(p.run)
	if listener != nil {
		g.Add(actor.HTTP(newHTTP(o, s, p), listener))
	}
	err = g.Run(ctx, s.Run)
	p.end()
	return err
}

// jetStream returns the JetStream that has the streams, and what to look at if it
// does not answer.
func (o *order) jetStream(nc *nats.Conn) (js jetstream.JetStream, hint string, err error) {
	domain, prefix := o.nats.JetStream(o.jsDomain)
	switch {
	case domain != "":
		js, err = jetstream.NewWithDomain(nc, domain)
		if err != nil {
			err = fmt.Errorf("JetStream domain %q (--js-domain, or jetstream_domain of the NATS context): %w", domain, err)
		}
		return js, fmt.Sprintf("is there a JetStream domain %s (--js-domain, or jetstream_domain of the NATS context), and can this account reach it?", domain), err
	case prefix != "":
		js, err = jetstream.NewWithAPIPrefix(nc, prefix)
		if err != nil {
			err = fmt.Errorf("jetstream_api_prefix %q of the NATS context: %w", prefix, err)
		}
		return js, fmt.Sprintf("does this account import a JetStream API under %s, jetstream_api_prefix of the NATS context?", prefix), err
	}
	js, err = jetstream.New(nc)
	return js, "does the nats-server run with JetStream (nats-server -js), and does this account have it? One of another domain is named with --js-domain", err
}

func (o *order) config() (stamper.Config, error) {
	c := stamper.Config{
		Stream: o.stream, Consumer: o.consumer, Store: o.store, To: o.to,
		Batch: o.batch, StartSeq: o.startSeq,
	}
	for _, required := range []struct{ name, value string }{
		{"stream", o.stream}, {"consumer", o.consumer}, {"store", o.store}, {"to", o.to},
	} {
		if required.value == "" {
			return c, cmdline.UsageError("--" + required.name + " must be set")
		}
	}
	keys := 0
	if o.keyToken != 0 {
		keys++
		c.Key = stamper.KeyToken(o.keyToken)
	}
	if o.keyHeader != "" {
		keys++
		c.Key = stamper.KeyHeader(o.keyHeader)
	}
	if o.keyText != "" {
		keys++
		c.Key = stamper.KeyText(o.keyText)
	}
	if keys != 1 || o.keyToken < 0 {
		return c, cmdline.UsageError("set one of --key-token N (from 1), --key-header NAME and --key TEXT")
	}
	var err error
	if c.Mode, err = subjects.ParseMode(o.mode); err != nil {
		return c, cmdline.UsageError("--" + strings.TrimPrefix(err.Error(), "BAD_REQUEST: "))
	}
	switch o.onBad {
	case "stop":
	case "skip":
		c.SkipBad = true
	default:
		return c, cmdline.UsageError(fmt.Sprintf("--on-bad must be stop or skip, not %q", o.onBad))
	}
	if o.batch < 1 || o.batch > stamper.MaxBatch {
		return c, cmdline.UsageError(fmt.Sprintf("--batch must be 1 to %d, not %d", stamper.MaxBatch, o.batch))
	}
	if _, err := stamper.ParseTemplate(o.to); err != nil {
		return c, cmdline.UsageError("--to: " + err.Error())
	}
	for subject := range strings.SplitSeq(o.filter, ",") {
		if subject = strings.TrimSpace(subject); subject != "" {
			c.Filters = append(c.Filters, subject)
		}
	}
	return c, nil
}
