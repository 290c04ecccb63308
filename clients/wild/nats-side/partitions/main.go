// The program pins keys to workers with a subject mapping.
package main

import (
	"fmt"
	"strconv"

	"github.com/seqd-io/seqd/clients/wild/nats-side/side"
)

const config = `
mappings {
  "seq.*.>": "{{partition(2)}}.{{wildcard(1)}}.>"
}`

func main() {
	s := side.Start(config)
	defer s.Shutdown()
	workers := []*side.Worker{side.StartWorker(s.ClientURL(), "--root", "0"), side.StartWorker(s.ClientURL(), "--root", "1")}
	nc := side.Connect(s)
	defer nc.Close()
	ids, moved := 0, 0
	served := []int{0, 0} // keys
	for k := range 100 {
		before := workers[0].Answered()
		for range 5 {
			if _, err := strconv.Atoi(side.Ask(nc, subject(k))); err == nil {
				ids++
			}
		}
		switch workers[0].Answered() - before {
		case 5:
			served[0]++
		case 0:
			served[1]++
		default:
			moved++
		}
	}
	side.Row("mapping with `partition(2)`", "`\"seq.*.>\": \"{{partition(2)}}.{{wildcard(1)}}.>\"`, two workers with `--root 0` and `--root 1`, 100 keys, 5 requests each",
		fmt.Sprintf("%d ids; %d keys were answered by the one worker alone, %d by the other, %d by both", ids, served[0], served[1], moved))
	workers[1].Stop()
	ids = 0
	nobody := 0
	for k := range 100 {
		if answer := side.Ask(nc, subject(k)); answer == "no responders" {
			nobody++
		} else if _, err := strconv.Atoi(answer); err == nil {
			ids++
		}
	}
	side.Row("the same, one worker less", "stop a worker, and ask for each key once more", fmt.Sprintf("%d ids, %d times no responders: each partition needs workers of its own", ids, nobody))
}

func subject(k int) string { return fmt.Sprintf("seq.side.partition%d", k) }
