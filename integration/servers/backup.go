package servers

import (
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// Backup saves what the etcd holds to a file, as etcdctl snapshot save does.
func (e *Etcd) Backup(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "backup.db")
	config := clientv3.Config{Endpoints: []string{e.Endpoint}}
	if _, err := snapshot.NewV3(zap.NewNop()).Save(t.Context(), config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Restore stops the etcd and starts it, at the same address and under the same
// cluster id, with what it held when it was backed up: etcdutl snapshot restore,
// with --bump-revision unless bump is 0.
func (e *Etcd) Restore(t testing.TB, path string, bump uint64) {
	t.Helper()
	e.Stop()
	e.config.Dir = filepath.Join(t.TempDir(), "restored")
	err := snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath:        path,
		Name:                e.config.Name,
		OutputDataDir:       e.config.Dir,
		PeerURLs:            []string{e.config.AdvertisePeerUrls[0].String()},
		InitialCluster:      e.config.InitialCluster,
		InitialClusterToken: e.config.InitialClusterToken,
		RevisionBump:        bump,
		MarkCompacted:       bump > 0,
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Start(t)
}
