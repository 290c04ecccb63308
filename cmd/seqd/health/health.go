// Package health is `seqd health`.
package health

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
)

// Command is `seqd health`.
func Command(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd health", flag.ContinueOnError)
	addr := fs.String("http-addr", settings.Default().HTTP, "`HOST:PORT` that the worker serves HTTP at")
	timeout := fs.Duration("timeout", 2*time.Second, "how long to wait for the answer")
	return &ffcli.Command{
		Name:       "health",
		ShortUsage: "seqd health [flags]",
		ShortHelp:  "ask a worker on this host whether it serves",
		LongHelp: "example:\n" +
			"  seqd health\n" +
			"\n" +
			"Asks a worker on this host, at /readyz, whether it serves. It is meant for the health check of a container.\n" +
			"It exits 0 if the worker serves, and 1 if it does not.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			if *timeout <= 0 {
				return cmdline.UsageError(fmt.Sprintf("--timeout must be more than 0, not %v", *timeout))
			}
			if *addr == settings.NoHTTP {
				return cmdline.UsageError("--http-addr is none: a worker without HTTP can't be asked")
			}
			if err := settings.CheckHTTPAddr(*addr); err != nil {
				return cmdline.UsageError("--http-addr " + err.Error())
			}
			ctx, cancel := context.WithTimeout(ctx, *timeout)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+*addr+"/readyz", nil)
			if err != nil {
				return cmdline.UsageError(err.Error())
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return fmt.Errorf("no answer: %w; is a worker running, and is --http-addr its address?", err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(io.LimitReader(response.Body, 1024)) // what came is shown
			state := strings.TrimSpace(string(body))
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("the worker does not serve: it is %s", state)
			}
			fmt.Fprintln(stdout, state)
			return nil
		},
	}
}
