package main

import (
	"os"
	"testing"
)

func TestPageIsMadeOfWhatWasSeen(t *testing.T) {
	all, err := rows()
	if err != nil {
		t.Fatal(err)
	}
	if err := inStep(all); err != nil {
		t.Error(err)
	}
	for _, r := range all {
		if _, err := os.Stat(r.seen()); err != nil {
			t.Errorf("row %s has never run: %v", r.name, err)
		}
	}
}

// A fact that is missing, misspelt or said twice must not become a hole in the table.
func TestFactsThatAreNone(t *testing.T) {
	clients := row{section: sections[1], name: "some"}
	whole := "row: some\nversion: 1\nid: yes\nerror: thrown\nnobody: thrown\n"
	for _, tt := range []struct {
		name, printed string
		ok            bool
	}{
		{"whole", whole, true},
		{"with what is optional", whole + "since: 0.9\nnote: a word\nnote: and another\n", true},
		{"two rows", whole + whole, true},
		{"gone", "row: some\ngone: the registry has no such package\n", true},
		{"nothing", "", false},
		{"a fact is missing", "row: some\nversion: 1\nid: yes\nerror: thrown\n", false},
		{"unknown key", whole + "nobdy: thrown\n", false},
		{"twice", whole + "id: no\n", false},
		{"no value", whole + "since: \n", false},
		{"before the row", "version: 1\n" + whole, false},
		{"noise", "connected\n" + whole, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := clients.parse(tt.printed); (err == nil) != tt.ok {
				t.Errorf("got error %v, want ok %v", err, tt.ok)
			}
		})
	}
}
