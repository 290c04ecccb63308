package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

// importFile is a list of counters that is read several times: all of it before
// anything is written, and then once for each cluster.
type importFile struct {
	name string
	file *os.File
	done func()
}

// openImport opens the file of that name, "-" for stdin. What can't be read twice,
// as a pipe, is copied to a temporary file first.
func openImport(name string, stdin *os.File) (*importFile, error) {
	f := &importFile{name: name, file: stdin, done: func() {}}
	if name == "-" {
		f.name = "stdin"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read the counters: %w; name a file of lines STORE,KEY,LAST, or - for stdin", err)
		}
		f.file, f.done = file, func() { file.Close() }
	}
	switch info, err := f.file.Stat(); {
	case err == nil && info.Mode().IsRegular():
		return f, nil
	case err == nil && info.IsDir():
		f.done()
		return nil, fmt.Errorf("%s is a folder; name a file of lines STORE,KEY,LAST, or - for stdin", f.name)
	}
	defer f.done()
	spool, err := os.CreateTemp("", "seqd-import-")
	if err != nil {
		return nil, fmt.Errorf("keep %s in a temporary file: %w", f.name, err)
	}
	done := func() {
		spool.Close()
		os.Remove(spool.Name())
	}
	if _, err := io.Copy(spool, f.file); err != nil {
		done()
		return nil, fmt.Errorf("keep %s in a temporary file: %w", f.name, err)
	}
	return &importFile{f.name, spool, done}, nil
}

// maxLine bounds a line. The longest key has 200 bytes, each of which may be
// written with four characters.
const maxLine = 4096

// each calls yield with the fields of each line that names a counter, and with what
// is wrong with one that doesn't.
func (f *importFile) each(yield func(n int, fields []string, err error) (more bool)) error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	lines := bufio.NewScanner(f.file)
	lines.Buffer(nil, maxLine)
	first := true
	n := 0
	for lines.Scan() {
		n++
		text := lines.Text()
		if n == 1 {
			text = strings.TrimPrefix(text, "\ufeff") // as spreadsheets begin a file
		}
		fields, err := fieldsOf(text)
		if fields == nil && err == nil {
			continue
		}
		if head := first && isHead(fields); !head && !yield(n, fields, err) {
			return nil
		}
		first = false
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s:%d: is longer than the %d bytes that a line may have", f.name, n+1, maxLine)
	case err != nil:
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	return nil
}

// shownLines is how many lines that are wrong are named.
const shownLines = 5

// check reads all lines, and returns how many name a counter. The error names those
// that are wrong.
func (a *admin) check(f *importFile) (counters int, err error) {
	var wrong []error
	bad := 0
	err = f.each(func(n int, fields []string, err error) bool {
		counters++
		if err == nil {
			_, _, err = a.goal(fields)
		}
		if err != nil {
			if bad++; bad <= shownLines {
				wrong = append(wrong, fmt.Errorf("%s:%d: %v", f.name, n, err))
			}
		}
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case bad > shownLines:
		wrong = append(wrong, fmt.Errorf("and %d more lines", bad-shownLines))
	case counters == 0:
		return 0, fmt.Errorf("%s names no counters: it must have lines of STORE, KEY and LAST", f.name)
	}
	return counters, errors.Join(wrong...)
}

// goals goes through the counters of one cluster. What is wrong with a line was
// said before: it ends them, with *failed, only if the file has changed since.
func (a *admin) goals(f *importFile, cluster int, failed *error) func(yield func(operate.Goal) bool) {
	return func(yield func(operate.Goal) bool) {
		err := f.each(func(n int, fields []string, err error) bool {
			var at int
			var g operate.Goal
			if err == nil {
				at, g, err = a.goal(fields)
			}
			if err != nil {
				*failed = fmt.Errorf("%s:%d: %v", f.name, n, err)
				return false
			}
			return at != cluster || yield(g)
		})
		if *failed == nil {
			*failed = err
		}
	}
}
