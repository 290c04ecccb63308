# The same four commands here and in .ci/run. "work" is all modules of go.work.
.PHONY: fmt lint test bench

fmt:
	gofmt -w .

lint:
	test -z "$$(gofmt -l .)"
	go vet work
	go vet -tags lean work
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 work

test:
	go test -race work

bench:
	go test -run '^$$' -bench . work
