package etcd

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

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// stateFile remembers on this machine what is known of an etcd's history, so
// that a worker that starts after a restore finds out. There is one for each
// set of endpoints and prefix; the workers of a machine share it.
//
// Its methods are safe for concurrent use, by several processes too.
type stateFile struct {
	path      string // "": nothing is remembered
	strangers bool   // an etcd of another store is taken for a new one
	endpoints []string
	prefix    string
}

// newStateFile returns the state file in dir, which is made when it is first
// written to. "" means none.
func newStateFile(dir string, strangers bool, endpoints []string, prefix string) stateFile {
	if dir == "" || len(endpoints) == 0 {
		return stateFile{}
	}
	endpoints = slices.Sorted(slices.Values(endpoints))
	sum := sha256.Sum256([]byte(strings.Join(endpoints, ",") + "\n" + prefix))
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '-':
			return r
		}
		return '_'
	}, endpoints[0])
	name := fmt.Sprintf("%.100s-%x.json", strings.TrimLeft(readable, "."), sum[:6])
	return stateFile{path: filepath.Join(dir, name), strangers: strangers, endpoints: endpoints, prefix: prefix}
}

// stateJSON is what stands in the file.
type stateJSON struct {
	Fmt       int      `json:"fmt"`
	Endpoints []string `json:"endpoints"` // for people
	Prefix    string   `json:"prefix"`    // for people
	Store     string   `json:"store"`
	Epoch     int64    `json:"epoch"`
	Cluster   string   `json:"cluster"`
	Term      uint64   `json:"term"`
	Rev       int64    `json:"rev"`
	Recorded  int64    `json:"recorded"`
	Fenced    string   `json:"fenced,omitempty"`
}

const stateFormat = 1

// load returns what is remembered: nothing, if there is no file.
func (f stateFile) load() (known, error) {
	if f.path == "" {
		return known{}, nil
	}
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return known{}, nil
	}
	var raw stateJSON
	if err == nil {
		err = decodeStrictly(data, &raw)
	}
	var cluster uint64
	if err == nil {
		cluster, err = strconv.ParseUint(raw.Cluster, 16, 64)
	}
	switch {
	case err != nil:
		return known{}, fmt.Errorf("state file %s: %w", f.path, err)
	case raw.Fmt != stateFormat || raw.Store == "":
		return known{}, fmt.Errorf("state file %s: format %d, this version knows %d", f.path, raw.Fmt, stateFormat)
	}
	return known{
		incarnation: incarnation{store: raw.Store, epoch: raw.Epoch, seen: sight{cluster: cluster, term: raw.Term, rev: raw.Rev}},
		recorded:    raw.Recorded,
		fenced:      raw.Fenced,
	}, nil
}

// save adds k to what is remembered. It survives a crash: the file is replaced
// by one that is complete and synced. One that is not understood is left alone.
func (f stateFile) save(k known) error {
	if f.path == "" {
		return nil
	}
	dir := filepath.Dir(f.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	lock, err := fileutil.LockFile(f.path+".lock", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	defer lock.Close()
	old, err := f.load()
	if err != nil {
		return err
	}
	k.floor = 0 // is read from etcd each time
	merged := k.merge(old)
	if f.strangers && k.store != old.store {
		merged = k
	}
	if merged == old {
		return nil
	}
	data, _ := json.Marshal(stateJSON{ // plain numbers and strings always marshal
		Fmt: stateFormat, Endpoints: f.endpoints, Prefix: f.prefix,
		Store: merged.store, Epoch: merged.epoch,
		Cluster: clusterHex(merged.seen.cluster), Term: merged.seen.term, Rev: merged.seen.rev,
		Recorded: merged.recorded, Fenced: merged.fenced,
	})
	return replaceFile(f.path, append(data, '\n'))
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
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fileutil.Fsync(d), d.Close())
}
