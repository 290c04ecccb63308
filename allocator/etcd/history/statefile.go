package history

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/seqd-io/seqd/allocator/etcd/record"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// remembered is what one file of a state folder, or several, say of a lineage.
type remembered struct {
	past
	places []record.Place // where it was seen, one for each prefix
	files  []string       // that say so
}

// claims reports whether it was seen at a place.
func (r remembered) claims(here record.Place) bool { return slices.ContainsFunc(r.places, here.Meets) }

// stateJSON is what stands in a file. Before there was format 2 a file was named
// for the one place in it.
type stateJSON struct {
	Fmt      int            `json:"fmt"`
	Store    string         `json:"store"`
	Places   []record.Place `json:"places,omitempty"`
	Epoch    int64          `json:"epoch"`
	Cluster  string         `json:"cluster"`
	Term     uint64         `json:"term"`
	Rev      int64          `json:"rev"`
	Recorded int64          `json:"recorded"`
	Fenced   string         `json:"fenced,omitempty"`

	Endpoints []string `json:"endpoints,omitempty"` // in format 1
	Prefix    string   `json:"prefix,omitempty"`    // in format 1
}

const (
	firstStateFormat = 1
	stateFormat      = 2
)

// notUnderstood says what to do about a file whose knowledge is not used.
const notUnderstood = "a newer version wrote it, or it is damaged; run that version, or move the file away if etcd was not restored since"

// stateName returns the name of a lineage's file. Lineages are UUIDs,
// unless somebody has written the record by hand.
func stateName(lineage string) string {
	if strings.ContainsFunc(lineage, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r == '-')
	}) || len(lineage) > 100 {
		lineage = fmt.Sprintf("%x", sha256.Sum256([]byte(lineage)))
	}
	return lineage + ".json"
}

// readState reads a file: nothing, if there is none.
func readState(path string) (remembered, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return remembered{}, nil
	}
	var raw stateJSON
	if err == nil {
		err = record.DecodeStrictly(data, &raw)
	}
	if err == nil && (raw.Fmt < firstStateFormat || raw.Fmt > stateFormat) {
		return remembered{}, fmt.Errorf("state file %s: format %d, this version knows %d: %s", path, raw.Fmt, stateFormat, notUnderstood)
	}
	var cluster uint64
	if err == nil {
		cluster, err = strconv.ParseUint(raw.Cluster, 16, 64)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return remembered{}, fmt.Errorf("state file %s: %w", path, err)
	case err != nil:
		return remembered{}, fmt.Errorf("state file %s: %w: %s", path, err, notUnderstood)
	case raw.Store == "":
		return remembered{}, fmt.Errorf("state file %s: names no store: %s", path, notUnderstood)
	case raw.Fmt == firstStateFormat:
		raw.Places = []record.Place{record.PlaceOf(raw.Prefix, raw.Endpoints)}
	}
	return remembered{
		past: past{
			Incarnation: record.Incarnation{Lineage: raw.Store, Epoch: raw.Epoch, Seen: record.Sight{Cluster: cluster, Term: raw.Term, Rev: raw.Rev}, Fenced: raw.Fenced},
			recorded:    raw.Recorded,
		},
		places: raw.Places,
		files:  []string{path},
	}, nil
}

// addState adds what is known of a lineage that is at a place to its file in a
// folder, which is made if need be. Once it has returned, that survives a crash and a
// power loss: the file is replaced by one that is complete and synced, and so is its
// folder. A file that is not understood is left alone.
func addState(dir string, p past, here record.Place) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	path := filepath.Join(dir, stateName(p.Lineage))
	lock, err := fileutil.LockFile(path+".lock", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	defer lock.Close()
	old, err := readState(path)
	if err != nil {
		return err
	}
	p.Floor = 0 // is read from etcd each time
	merged, places := p.merge(old.past), withPlace(old.places, here)
	if merged == old.past && slices.EqualFunc(places, old.places, record.Place.Equal) {
		if merged.Fenced == "" {
			return nil
		}
		return syncFolder(dir) // whoever wrote it may have been killed before it did
	}
	data, _ := json.MarshalIndent(stateJSON{ // plain numbers and strings always marshal
		Fmt: stateFormat, Store: merged.Lineage, Places: places, Epoch: merged.Epoch,
		Cluster: record.ClusterHex(merged.Seen.Cluster), Term: merged.Seen.Term, Rev: merged.Seen.Rev,
		Recorded: merged.recorded, Fenced: merged.Fenced,
	}, "", "  ")
	if len(old.files) == 0 {
		syncWayTo(dir)
	}
	return replaceFile(path, append(data, '\n'))
}

// maxEndpoints bounds how many are remembered of a place; those that were seen
// first are forgotten first.
const maxEndpoints = 100

// withPlace returns places with one more in it.
func withPlace(places []record.Place, here record.Place) []record.Place {
	if len(here.Endpoints) == 0 {
		return places
	}
	all := slices.Clone(places)
	i := slices.IndexFunc(all, func(p record.Place) bool { return p.Prefix == here.Prefix })
	if i < 0 {
		return append(all, here)
	}
	endpoints := slices.Clone(all[i].Endpoints)
	for _, e := range here.Endpoints {
		if !slices.Contains(endpoints, e) {
			endpoints = append(endpoints, e)
		}
	}
	all[i].Endpoints = endpoints[max(0, len(endpoints)-maxEndpoints):]
	return all
}

// replaceFile writes a file so that after a crash it is the old or the new one.
func replaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a folder's entries durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(fileutil.Fsync(d), d.Close())
	}
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// syncWayTo makes the entries durable that lead to a folder: addState may just have
// made it and those above it, or a process that was killed meanwhile.
func syncWayTo(dir string) {
	dir, err := filepath.Abs(dir)
	for err == nil && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		_ = syncFolder(dir) // one that this user can't read was made by somebody else
	}
}
