package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Machine is where a run was measured. The callers share it with whatever else
// runs there.
type Machine struct {
	OS       string            `json:"os"`
	Arch     string            `json:"arch"`
	Cores    int               `json:"cores"` // that this process may use
	Go       string            `json:"go"`
	Fsync    float64           `json:"fsync_us"` // median; 0: not measured
	Versions map[string]string `json:"versions"` // of the parts in this process
}

// The modules whose versions matter to a figure.
var (
	clientParts = map[string]string{"github.com/nats-io/nats.go": "nats.go"}
	serverParts = map[string]string{
		"github.com/nats-io/nats-server/v2": "nats-server",
		"go.etcd.io/etcd/server/v3":         "etcd",
	}
)

// ThisMachine returns what is known without measuring. servers tells that they
// run in this process too.
func ThisMachine(servers bool) Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), Versions: map[string]string{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	for _, dep := range info.Deps {
		part, ok := clientParts[dep.Path]
		if !ok && servers {
			part, ok = serverParts[dep.Path]
		}
		if ok {
			m.Versions[part] = strings.TrimPrefix(dep.Version, "v")
		}
	}
	return m
}

// How Fsync measures.
const (
	fsyncWrites = 100
	fsyncLength = 4 << 10 // bytes
	fsyncTime   = 2 * time.Second
)

// Fsync returns the median time of a small write to a file in dir with an fsync
// after it: what a durable answer costs at least. It takes two seconds at most,
// unless one write takes longer.
func Fsync(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	buf := make([]byte, fsyncLength)
	for begin := time.Now(); len(took) < fsyncWrites && time.Since(begin) < fsyncTime; {
		start := time.Now()
		if _, err := f.Write(buf); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
