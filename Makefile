# The same four commands here and in .ci/run. "work" is all modules of go.work.
.PHONY: fmt lint test bench build install packages
PREFIX ?= /usr/local
share = $(DESTDIR)$(PREFIX)/share

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

# The program and its manual pages, in ./dist.
build:
	CGO_ENABLED=0 go build -trimpath -o dist/seqd ./cmd/seqd
	go run ./deploy/packages/man -seqd dist/seqd -o dist/man

# What build makes, and completions if seqd has them, below $(DESTDIR)$(PREFIX).
install: build
	install -D -m 755 dist/seqd $(DESTDIR)$(PREFIX)/bin/seqd
	install -d $(share)/man/man1
	install -m 644 dist/man/*.1 $(share)/man/man1/
	for to in bash:bash-completion/completions/seqd zsh:zsh/site-functions/_seqd fish:fish/vendor_completions.d/seqd.fish; do \
	  dist/seqd completion $${to%%:*} >dist/completion 2>/dev/null || continue; \
	  install -D -m 644 dist/completion $(share)/$${to#*:}; \
	done

# A .deb and an .rpm in ./dist: deploy/packages/README.md.
packages:
	deploy/packages/build
