module github.com/seqd-io/seqd/subjects

go 1.26.0

require github.com/vmihailenco/msgpack/v5 v5.4.1 // of the tests, which hold our bytes against another library's

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
