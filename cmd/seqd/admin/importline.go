package admin

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

const blanks = " \t"

// fieldsOf takes a line of an import file apart: STORE, KEY and LAST. There are
// none in a line that is empty or a comment.
//
// Where a comma follows the store the line is CSV. Otherwise its fields stand apart
// by blanks, and one that holds blanks is quoted as Go quotes it, which is how
// `seqd admin ls` and etcdctl print keys.
func fieldsOf(line string) ([]string, error) {
	line = strings.Trim(line, blanks+"\r")
	if line == "" || line[0] == '#' {
		return nil, nil
	}
	fields, err := spaced(line)
	if isCSV(line) {
		fields, err = commaSeparated(line)
	}
	switch {
	case err != nil:
		return nil, err
	case len(fields) != 3:
		return nil, fmt.Errorf("has %d fields, and must have 3: STORE, KEY and LAST", len(fields))
	}
	return fields, nil
}

// isCSV reports whether a comma follows the first field.
func isCSV(line string) bool {
	first := strings.IndexAny(line, blanks+",")
	if line[0] == '"' {
		first = strings.IndexByte(line[1:], '"') + 2
	}
	return first > 0 && strings.HasPrefix(strings.TrimLeft(line[min(first, len(line)):], blanks), ",")
}

func commaSeparated(line string) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.TrimLeadingSpace = true
	fields, err := r.Read()
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, fmt.Errorf("is not CSV: %v in column %d", wrong.Err, wrong.Column)
	}
	for i, f := range fields {
		trimmed := strings.Trim(f, blanks)
		if i == 1 && trimmed != f {
			return nil, fmt.Errorf("the key %q begins or ends with a blank: if that is meant, write the line with blanks in place of commas, and the key in quotes", f)
		}
		fields[i] = trimmed
	}
	return fields, err
}

func spaced(line string) (fields []string, err error) {
	for line != "" {
		end := strings.IndexAny(line, blanks)
		if end < 0 {
			end = len(line)
		}
		field := line[:end]
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if end = len(quoted); err != nil || end < len(line) && !strings.Contains(blanks, line[end:end+1]) {
				return nil, errors.New("has a quote that does not end, or that is followed by something else than a blank")
			}
			if field, err = strconv.Unquote(quoted); err != nil {
				return nil, err
			}
		}
		fields = append(fields, field)
		line = strings.TrimLeft(line[end:], blanks)
	}
	return fields, nil
}

// isHead reports whether a line names the columns, as databases print them above a
// table.
func isHead(fields []string) bool {
	return strings.EqualFold(strings.Join(fields, ","), "store,key,last")
}

// goal returns what a line asks for, and in which of the clusters.
func (a *admin) goal(fields []string) (at int, g operate.Goal, err error) {
	c, key, err := a.counter(fields[0], fields[1])
	if err != nil {
		return 0, g, err
	}
	g.Key = key
	last, cal := fields[2], a.calendarOf(key)
	if i := strings.LastIndexByte(last, '#'); i >= 0 {
		label := last[:i]
		last = last[i+1:]
		if g.Period, err = a.period(key, label); err != nil {
			return 0, g, fmt.Errorf("LAST names the period %s: %w", quoted(label), err)
		}
		g.Counted = cal != nil
	} else if cal != nil {
		return 0, g, errors.New("the key counts in periods: LAST must name the period, as in 2026-11#42")
	}
	most := int64(math.MaxInt64)
	if g.Period > 0 {
		most = allocator.MaxPeriodID
	}
	if g.To, err = strconv.ParseInt(last, 10, 64); err != nil || g.To < 0 || g.To > most || last[0] == '+' {
		return 0, g, fmt.Errorf("LAST must be a whole number from 0 to %d, not %s", most, quoted(last))
	}
	for i := range a.clusters {
		if a.clusters[i].Admin == c.Admin {
			at = i
		}
	}
	return at, g, nil
}
