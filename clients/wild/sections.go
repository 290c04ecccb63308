package main

import "cmp"

// A section is a table of a page. Its rows stand in the folder that it names.
type section struct {
	folder  string
	page    string // "" is README.md
	columns []column
}

type column struct {
	key, title string
	optional   bool // a row that does not print it has a dash
}

// A row that prints gone could not be had; it says what was tried, and has no place in
// the table.
const (
	keyRow  = "row"
	keyGone = "gone"
	keyNote = "note" // shown below the table; may come more than once
)

func asks(what string) []column {
	return []column{
		{key: "row", title: what},
		{key: "version", title: "version"},
		{key: "id", title: "gets an id"},
		{key: "error", title: "`n` is out of range"},
		{key: "nobody", title: "no worker serves the store"},
		{key: "since", title: "the same with", optional: true},
	}
}

func tried(what string) []column {
	return []column{
		{key: "row", title: what},
		{key: "version", title: "version"},
		{key: "done", title: "what was done"},
		{key: "seen", title: "what was seen"},
	}
}

var sections = []section{
	{folder: "frameworks", columns: asks("framework")},
	{folder: "clients", columns: asks("client")},
	{folder: "decoders", columns: []column{
		{key: "row", title: "decoder"},
		{key: "version", title: "version"},
		{key: "big", title: "id 2^53+1"},
		{key: "wide", title: "id 2^32+5 into 32 bits"},
		{key: "error", title: "an error reply, read as an id"},
	}},
	{folder: "mqtt", columns: tried("client")},
	{folder: "pipelines", columns: tried("pipeline")},
	{folder: "nats-side", page: "NATS.md", columns: tried("part")},
}

// pageName returns the file that the section's table stands in.
func (s section) pageName() string { return cmp.Or(s.page, pages[0]) }

func (s section) column(key string) (column, bool) {
	for _, c := range s.columns {
		if c.key == key {
			return c, true
		}
	}
	return column{}, false
}
