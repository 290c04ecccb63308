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
	fs.StringVar(&o.consumer, "consumer", "", "durable `CONSUMER` of the stream; it is made if it is not there")
	fs.StringVar(&o.store, "store", "", "`STORE` that ids come from")
	fs.IntVar(&o.keyToken, "key-token", 0, "take the key from the `N`th token of the message's subject, counted from 1")
	fs.StringVar(&o.keyHeader, "key-header", "", "take the key from the message's header `NAME`")
	fs.StringVar(&o.keyText, "key", "", "use `TEXT` as the key of all messages")
	fs.StringVar(&o.to, "to", "", "`SUBJECT` to publish to; {{token(N)}} stands for the Nth token of the message's subject, and {{subject}} at the end for all of it")
	cmdline.ChoiceVar(fs, &o.mode, "mode", "strong", "whether ids are strong or weak; weak ones increase in trend only", "strong", "weak")
	fs.IntVar(&o.batch, "batch", stamper.DefaultBatch, fmt.Sprintf("`COUNT` of messages that are fetched and published together, %d at most", stamper.MaxBatch))
	cmdline.ChoiceVar(fs, &o.onBad, "on-bad", "stop", "what to do about a message that can't be stamped", "stop", "skip")
	fs.StringVar(&o.filter, "filter", "", "`SUBJECT` that the consumer is limited to when it is made, or several with commas between them")
	fs.Uint64Var(&o.startSeq, "start-seq", 0, "source `SEQUENCE` that the consumer begins at when it is made; 0 goes on after the last message in the output, or takes all")
	fs.StringVar(&o.jsDomain, "js-domain", "", "`DOMAIN` of the JetStream that has the streams (default the server's, or the context's)")
	settings.RootFlag(fs, &o.root)
	fs.StringVar(&o.http, "http-addr", "127.0.0.1:8281", "`HOST:PORT` of /livez and /metrics; \"none\" for no HTTP")
	o.log.Flags(fs)
	o.nats.Flags(fs)
	return &ffcli.Command{
		Name:       "stamp",
		ShortUsage: "seqd stamp --stream STREAM --consumer CONSUMER --store STORE --key… --to SUBJECT [flags]",
		ShortHelp:  "number the messages of a JetStream stream",
		LongHelp: "example:\n" +
			"  nats stream add STAMPED --subjects 'stamped.>' --allow-batch\n" +
			"  seqd stamp --stream ORDERS --consumer stamper --store orders --key-token 2 --to 'stamped.{{subject}}'\n" +
			"\n" +
			"Takes messages from a durable consumer, gives each of them the next id of its key, and publishes it\n" +
			"to another stream with the headers Seq-Id, Seq-Store and Seq-Key. Each message is published exactly\n" +
			"once and in the order of the source, and the ids of a key increase.\n" +
			"Nothing is lost when it is killed. A second one takes over where the first one ended.\n" +
			"The output stream must allow atomic publishes, and nobody else may publish to it.\n" +
			"SIGTERM or Ctrl-C ends it: it finishes its batch, and exits 0.",
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
