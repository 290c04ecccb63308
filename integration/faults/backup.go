package faults

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"

	"github.com/seqd-io/seqd/integration/pace"
)

// backup saves etcd's data to a file, as etcdctl snapshot save does.
func (c *etcdCluster) backup(t testing.TB, dir string) (file string) {
	t.Helper()
	client := c.connect(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	data, err := client.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	file = filepath.Join(dir, "backup.db")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, data); err != nil {
		t.Fatal(err)
	}
	return file
}

// restore puts a backup in the place of every member's data, as etcdutl snapshot
// restore does, under the old names, URLs and token. The members must be down.
func (c *etcdCluster) restore(t testing.TB, file string) {
	t.Helper()
	for _, m := range c.members {
		if err := os.RemoveAll(m.dir); err != nil {
			t.Fatal(err)
		}
		dir := m.dir
		if m.disk != nil {
			dir = filepath.Join(t.TempDir(), m.name)
		}
		err := snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
			SnapshotPath:        file,
			Name:                m.name,
			OutputDataDir:       dir,
			PeerURLs:            []string{"http://" + m.peer},
			InitialCluster:      c.initial,
			InitialClusterToken: token,
		})
		if err == nil && m.disk != nil {
			err = m.copyToDisk(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
