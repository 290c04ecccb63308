// Package decode is `seqd decode`.
package decode

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// Command is `seqd decode`.
func Command(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd decode", flag.ContinueOnError)
	file := fs.String("config", "", "the workers' configuration `FILE` (YAML)")
	format := new(string)
	cmdline.ChoiceVar(fs, format, "format", "text", "the period, if there is one, and the id; or a JSON object", "text", "json")
	return &ffcli.Command{
		Name:       "decode",
		ShortUsage: "seqd decode STORE KEY NUMBER [flags]",
		ShortHelp:  "take a printed number apart, into its period and id",
		LongHelp: "example:\n" +
			"  seqd decode orders invoice INV-2026-000042 --config /etc/seqd/seqd.yaml\n" +
			"\n" +
			"Takes a printed number apart, by the rule that the workers' configuration has for KEY in STORE, and\n" +
			"prints its period and its id. It refuses a number whose check digit is wrong. It connects to\n" +
			"nothing, so that it can't tell whether the number was ever issued. KEY is any text, as for seqd next.",
		FlagSet: fs,
		Exec: func(_ context.Context, args []string) error {
			words, err := cmdline.Takes{
				Names: []string{"STORE", "KEY", "NUMBER"}, Required: 3, Example: "seqd decode orders invoice INV-2026-000042",
			}.Parse(fs, args)
			if err != nil {
				return err
			}
			cfg := settings.Default()
			src, err := cfg.Settle(fs, file)
			if err != nil {
				return err
			}
			if *format != "text" && *format != "json" {
				return cmdline.UsageError(fmt.Sprintf("--format must be text or json, not %q", *format))
			}
			key, err := keyOf(words[0], words[1])
			if err != nil {
				return err
			}
			rule, err := cfg.Rule(src, key)
			if err != nil {
				return err
			}
			if rule == nil {
				return fmt.Errorf("decode: store %q key %q has no numbers: set number in the configuration of the store or the key, and name its file with --config", words[0], words[1])
			}
			return decode(stdout, rule, key, strings.TrimSpace(words[2]), *format == "json")
		},
	}
}

func keyOf(store, text string) (allocator.Key, error) {
	if err := subjects.CheckToken("store", store); err != nil {
		return allocator.Key{}, cmdline.UsageError(settings.TextOf(err))
	}
	name, err := subjects.Escape(text)
	if err != nil {
		return allocator.Key{}, cmdline.UsageError(settings.TextOf(err))
	}
	return allocator.Key{Store: store, Name: name}, nil
}

func decode(stdout io.Writer, rule *numbering.Rule, key allocator.Key, number string, json bool) error {
	p, id, err := rule.Decode(key, number)
	switch {
	case errors.Is(err, numbering.ErrCheckDigit):
		return fmt.Errorf("decode %q: the check digit is wrong, so that at least one digit is: compare it with what was printed", number)
	case err != nil:
		why := strings.TrimPrefix(err.Error(), numbering.ErrForm.Error()+": ")
		return fmt.Errorf("decode %q: %s; numbers of this key are %v: look whether STORE and KEY are right, and the configuration is the workers'", number, why, rule)
	}
	label := rule.Label(p)
	switch {
	case json && label != "":
		_, err = fmt.Fprintf(stdout, "{\"period\":%q,\"id\":\"%d\"}\n", label, id)
	case json:
		_, err = fmt.Fprintf(stdout, "{\"id\":\"%d\"}\n", id)
	case label != "":
		_, err = fmt.Fprintf(stdout, "%s %d\n", label, id)
	default:
		_, err = fmt.Fprintln(stdout, id)
	}
	return err
}
