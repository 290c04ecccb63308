// The program runs pipelines of Benthos' core module that number messages.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// messages are what each pipeline numbers.
const messages = `
input: {generate: {count: 2, interval: "", mapping: 'root.shop = "a"'}}
output: {drop: {}}
`

// byCommand runs seqd next for each message.
const byCommand = `
branch:
  processors:
    - command: {name: "${WILD_SEQD}", args_mapping: '["next", "%s", "benthos", "--nats-url", env("NATS_URL"), "--timeout", "2s"]'}
  result_map: root.id = content().string().trim()
`

// byPlugin asks with the processor of plugin.go.
const byPlugin = `
branch:
  processors:
    - seqd: {subject: "%s"}
  result_map: root.id = content().string()
`

func main() {
	register()
	row("Benthos, a processor in Go", "number two messages with the processor below", stamped(fmt.Sprintf(byPlugin, "seq.big.benthos")))
	row("Benthos, an error", "ask for a key that is none, `benthos=`", stamped(fmt.Sprintf(byPlugin, "seq.wild.benthos=")))
	row("Benthos, no worker", "ask for a store that is not served", stamped(fmt.Sprintf(byPlugin, "seq.nosuch.benthos")))
	row("Benthos, an error, and `deleted()`", "the same, and behind it `mapping: 'root = if errored() { deleted() }'`",
		stamped(fmt.Sprintf(byPlugin, "seq.wild.benthos="), `mapping: 'root = if errored() { deleted() }'`))
	row("Benthos, `command`", "run `seqd next` for each of two messages", stamped(fmt.Sprintf(byCommand, "wild")))
	row("Benthos, `command`, no worker", "run `seqd next` for a store that is not served", stamped(fmt.Sprintf(byCommand, "nosuch")))
	for _, function := range []string{"number", "int64"} {
		row("Bloblang's `"+function+"()`", "make a number of the id", stamped(fmt.Sprintf(byPlugin, "seq.big.benthos."+function), "mapping: 'root.id = this.id."+function+"()'"))
	}
}

// stamped returns what comes out of a pipeline with these processors.
func stamped(processors ...string) string {
	builder := service.NewStreamBuilder()
	check(builder.SetYAML(messages))
	builder.SetThreads(1) // so that the first message gets the first id
	builder.SetLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, p := range processors {
		check(builder.AddProcessorYAML(os.ExpandEnv(p)))
	}
	var out []string
	check(builder.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
		b, err := m.AsBytes()
		check(err)
		text := fmt.Sprintf("`%s`", b)
		if err := m.GetError(); err != nil {
			text += fmt.Sprintf(", marked with an error: `%v`", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		if len(out) == 0 || out[len(out)-1] != text {
			out = append(out, text)
		}
		return nil
	}))
	stream, err := builder.Build()
	check(err)
	check(stream.Run(context.Background()))
	if out == nil {
		return "nothing comes out"
	}
	return strings.Join(out, ", ")
}

func row(name, done, seen string) {
	fmt.Println("row:", name)
	build, _ := debug.ReadBuildInfo()
	for _, d := range build.Deps {
		if d.Path == "github.com/redpanda-data/benthos/v4" {
			fmt.Println("version:", strings.TrimPrefix(d.Version, "v"))
		}
	}
	fmt.Println("done:", done)
	fmt.Println("seen:", seen)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
