# The same four commands here and in .ci/run.
.PHONY: fmt lint test bench

fmt:
	gofmt -w .

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go vet -tags lean ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

test:
	go test -race ./...

bench:
	go test -run '^$$' -bench . ./...
