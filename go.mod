module github.com/seqd-io/seqd

go 1.26
