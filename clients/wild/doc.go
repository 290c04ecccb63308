// Command wild runs programs that ask seqd for ids with clients, frameworks and decoders
// which are not ours, and makes README.md of what they printed.
//
// Each row is a folder with a program, NAME below the folder of its section. Its file
// run installs pinned packages and runs the program, in a copy of the folder that is
// kept in .installed; the variables of [servers.env] say where a seqd is. What it prints
// to standard output is facts, "key: value" a line; the first one is "row", and each
// further "row" begins a row of its own. The keys are those of its section
// ([sections]). What was printed is kept beside the program, in the file seen, so that
// the page can be made of rows which ran at different times.
//
// Lines of a program between one that holds "[write]" and one that holds "[/write]"
// are shown on the page, below the table: they are what to write so that it works.
package main
