package main

const (
	actorFile  = "cmd/seqd/actor/actor.go"
	notifyFile = "cmd/seqd/serve/notify.go"
)

// commandMutants are about how a process ends.
var commandMutants = []mutant{
	{
		name: "interrupts lost", breaks: "one part of a process has failed, and the others go on without it",
		edits:  []edit{{actorFile, "func(error) { interrupt() }", "func(error) { _ = interrupt }"}},
		suites: []suite{{pkg: "./cmd/seqd/actor", run: "TestMainDrainsBeforeTheOthersEnd"}},
	},
	{
		name: "an actor waits for another", breaks: "the notifier ends by a signal, and not by its interrupt",
		edits:  []edit{{notifyFile, "	<-ctx.Done()\n	return nil\n", "	<-stopping.Done()\n	return nil\n"}},
		suites: []suite{{pkg: "./cmd/seqd/serve", run: "TestActorsEnd"}},
	},
}
