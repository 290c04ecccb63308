package admin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/subjects"
)

// printer writes what the admin commands found, as a table or as JSON objects,
// one a line. Ids are strings in JSON, as in answers: they may have 64 bits.
type printer struct {
	json  bool
	out   *bufio.Writer
	table *tabwriter.Writer
	rows  int      // in the table
	above []string // its head, until there is a row
	bad   int      // records that are not understood
	apart int      // records that count in other periods than was asked for

	label     func(allocator.Key, allocator.Period) string // names a period; "" of 0
	exhausted func(operate.Change) bool
}

// tableRows is how many rows are lined up with each other before they are
// written.
const tableRows = 1000

func newPrinter(stdout io.Writer, json bool) *printer {
	out := bufio.NewWriter(stdout)
	return &printer{json: json, out: out, table: tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)}
}

func (p *printer) flush() error {
	err := p.table.Flush()
	if e := p.out.Flush(); err == nil {
		err = e
	}
	return err
}

func (p *printer) row(cells ...string) error {
	if head := p.above; head != nil {
		p.above = nil
		if err := p.row(head...); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(p.table, strings.Join(cells, "\t"))
	if p.rows++; p.rows%tableRows == 0 && err == nil {
		err = p.flush()
	}
	return err
}

func (p *printer) object(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(b, '\n'))
	return err
}

// head names the columns, above the first row: a table without one has no head.
func (p *printer) head(cells ...string) {
	p.above = cells
}

// markHead names the columns of a mark.
var markHead = []string{"STORE", "KEY", "LAST", "BY", "OWNER"}

func (p *printer) mark(m operate.Mark) error { return p.markOf(m, nil) }

// markOf prints a mark and the session of its owner, where that was looked for.
func (p *printer) markOf(m operate.Mark, owner *ownerSession) error {
	if m.Err != nil {
		return p.unread(m.Key, m.Err)
	}
	period, last := m.Split()
	if p.json {
		return p.object(struct {
			Store   string        `json:"store"`
			Key     string        `json:"key"`
			Period  string        `json:"period,omitempty"`
			Last    int64         `json:"last,string"`
			By      string        `json:"by"`
			Owner   string        `json:"owner,omitempty"`
			Session *ownerSession `json:"session,omitempty"`
		}{m.Key.Store, keyText(m.Key), p.label(m.Key, period), last, m.By, m.Owner, owner})
	}
	whose := "-"
	if m.Owner != "" {
		whose = quoted(m.Owner)
	}
	err := p.row(quoted(m.Key.Store), quoted(keyText(m.Key)), p.id(m.Key, period, last), quoted(m.By), whose)
	if owner == nil || err != nil {
		return err
	}
	return p.line(owner.String())
}

// id is one word: with the period, 2026-11#12.
func (p *printer) id(key allocator.Key, period allocator.Period, id int64) string {
	text := strconv.FormatInt(id, 10)
	if period == 0 {
		return text
	}
	return p.label(key, period) + "#" + text
}

// changed prints one change under its head.
func (a *admin) changed(c operate.Change) error {
	a.print.head("STORE", "KEY", "WAS", "IS")
	return a.print.change(c)
}

func (p *printer) change(c operate.Change) error {
	if c.Err != nil {
		return p.unread(c.Key, c.Err)
	}
	before, wasID := c.SplitWas()
	period, isID := c.SplitIs()
	if p.json {
		return p.object(struct {
			Store     string `json:"store"`
			Key       string `json:"key"`
			PeriodWas string `json:"period_was,omitempty"`
			Was       int64  `json:"was,string"`
			Period    string `json:"period,omitempty"`
			Is        int64  `json:"is,string"`
			Owner     string `json:"owner,omitempty"`
			Exhausted bool   `json:"exhausted,omitempty"`
		}{c.Key.Store, keyText(c.Key), p.label(c.Key, before), wasID, p.label(c.Key, period), isID, c.Owner, p.exhausted(c)})
	}
	is := p.id(c.Key, period, isID)
	switch {
	case p.exhausted(c) && c.Periods:
		is += "  EXHAUSTED: no ids are left in this period"
	case p.exhausted(c):
		is += "  EXHAUSTED: no ids are left"
	case c.Is == c.Was:
		is += "  unchanged"
	}
	return p.row(quoted(c.Key.Store), quoted(keyText(c.Key)), p.id(c.Key, before, wasID), is)
}

// unread stands for a record that was left alone.
func (p *printer) unread(key allocator.Key, err error) error {
	if _, ok := errors.AsType[*operate.PeriodError](err); ok {
		p.apart++
	} else {
		p.bad++
	}
	if p.json {
		return p.object(struct {
			Store string `json:"store"`
			Key   string `json:"key"`
			Error string `json:"error"`
		}{key.Store, keyText(key), err.Error()})
	}
	return p.row(quoted(key.Store), quoted(keyText(key)), "?", quoted(err.Error()))
}

// unreadable is the error for the records that were left alone, if any.
func (p *printer) unreadable() error {
	if p.apart > 0 {
		return fmt.Errorf("left as they are: %d counters that count in other periods than LAST says; write it as seqd admin ls shows it, and name the file with the keys' rules by --config", p.apart)
	}
	if p.bad == 0 {
		return nil
	}
	return fmt.Errorf("%d records are not understood and were left as they are; look at them with etcdctl get", p.bad)
}

func (p *printer) incarnation(where string, was, is record.Incarnation) error {
	if p.json {
		return p.object(struct {
			Incarnation string `json:"incarnation"`
			Store       string `json:"store,omitempty"`
			EpochWas    int64  `json:"epoch_was"`
			Epoch       int64  `json:"epoch"`
			FloorWas    int64  `json:"floor_was,string"`
			Floor       int64  `json:"floor,string"`
		}{where, is.Lineage, was.Epoch, is.Epoch, was.Floor, is.Floor})
	}
	return p.line(fmt.Sprintf("incarnation of %s: epoch %d -> %d, floor of new keys %d -> %d", where, was.Epoch, is.Epoch, was.Floor, is.Floor))
}

// note says something to people; in JSON it is left out.
func (p *printer) note(text string) error {
	if p.json {
		return nil
	}
	return p.line(text)
}

// line writes a line below the table, at once.
func (p *printer) line(text string) error {
	if err := p.table.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.out, text); err != nil {
		return err
	}
	return p.out.Flush()
}

// keyText returns a key as a caller writes it.
func keyText(key allocator.Key) string {
	text, err := subjects.Unescape(key.Name)
	if err != nil {
		return key.Name // somebody's own record
	}
	return text
}

// quoted puts what would not stand as one word in quotes.
func quoted(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == unicode.ReplacementChar
	}) {
		return strconv.Quote(text)
	}
	return text
}
