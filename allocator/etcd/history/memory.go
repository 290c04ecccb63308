package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// memory remembers on this machine what is known of the histories of etcds, so
// that a worker that starts after a restore finds out. There is one file for each
// lineage, named for it, whatever its etcd is called; the workers of a
// machine share them.
//
// Its methods are safe for concurrent use, by several processes too.
type memory struct {
	dir    string // the folder; "": nothing is remembered
	fences string // the folder that a fence is noted in, and looked for, beside dir; "": none
	here   record.Place
}

// recollection is all that is remembered, one for each lineage.
type recollection []remembered

// recall reads all that is remembered. What it could read it returns with the
// error, too.
func (m memory) recall() (recollection, error) {
	all, err := recallFrom(nil, m.dir, false)
	all, unread := recallFrom(all, m.fences, true)
	return all, errors.Join(err, unread)
}

// recallFrom adds what stands in a folder, or only the fences.
func recallFrom(all recollection, dir string, fences bool) (recollection, error) {
	if dir == "" {
		return all, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err != nil && fences { // not everybody has such a folder
		return all, nil
	}
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		one, e := readState(filepath.Join(dir, entry.Name()))
		err = errors.Join(err, e)
		if e == nil && one.Lineage != "" && (!fences || one.Fenced != "") {
			all = all.with(one)
		}
	}
	return all, err
}

// with merges what another file says.
func (r recollection) with(one remembered) recollection {
	i := slices.IndexFunc(r, func(other remembered) bool { return other.Lineage == one.Lineage })
	if i < 0 {
		return append(r, one)
	}
	r[i].past = r[i].past.merge(one.past)
	for _, p := range one.places {
		r[i].places = withPlace(r[i].places, p)
	}
	r[i].files = append(r[i].files, one.files...)
	return r
}

// against returns what a record (nil: none) is to be held against: what is
// remembered of its lineage; but if another lineage was seen here, and no operator
// has jumped since, what is remembered of that one. Nothing is known of a lineage
// that comes to a place where none was.
//
// A lineage that was here before itself may share an endpoint with a stranger: a
// member can have moved from one cluster to another. Unless the stranger is
// fenced, that is no fault.
func (r recollection) against(rec *record.Incarnation, here record.Place) remembered {
	var own, rival remembered
	for _, m := range r {
		if rec != nil && m.Lineage == rec.Lineage {
			own = m
		}
	}
	for _, m := range r {
		switch {
		case m.Lineage == own.Lineage || !m.claims(here):
		case rec != nil && (m.Epoch < rec.Epoch || m.Fenced == "" && own.claims(here)):
		case rival.Lineage == "" || m.Epoch > rival.Epoch || m.Epoch == rival.Epoch && m.Fenced != "" && rival.Fenced == "":
			rival = m
		}
	}
	if rival.Lineage != "" {
		return rival
	}
	return own
}

// about returns the files that tell of a lineage or of this place.
func (r recollection) about(lineage string, here record.Place) (files []string) {
	for _, m := range r {
		if m.Lineage == lineage || m.claims(here) {
			files = append(files, m.files...)
		}
	}
	slices.Sort(files)
	return files
}

// save adds p to what is remembered.
func (m memory) save(p past) error {
	var errs []error
	if m.dir != "" {
		errs = append(errs, addState(m.dir, p, m.here))
	}
	if m.fences != "" && p.Fenced != "" {
		_ = addState(m.fences, p, m.here) // not everybody may write there
	}
	return errors.Join(errs...)
}
