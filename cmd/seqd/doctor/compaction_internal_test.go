package doctor

import (
	"testing"
	"time"
)

// A busy etcd under a minute old, whose compaction was on, failed the check, and
// with it the whole of doctor.
func TestJudgeCompaction(t *testing.T) {
	for _, test := range []struct {
		name           string
		compacted, now int64
		age            time.Duration
		want           Status
	}{
		{"new", 0, 4, 0, OK},
		{"busy, under a minute old", 0, 900_000, 50 * time.Second, OK},
		{"very busy, five minutes old: compacted by revisions", 0, 17_000_000, 5 * time.Minute, OK},
		{"idle for years", 0, 9_000, 20_000 * time.Hour, OK},
		{"a retention of an hour", 0, 20_000, 11 * time.Minute, Warn},
		{"a day, and never", 0, 20_000, 26 * time.Hour, Fail},
		{"long, and never", 0, 6_000_000, 11 * time.Minute, Fail},
		{"nobody tells its age", 0, 6_000_000, 0, Warn},
		{"compacted", 100, 900_000, 0, OK},
		{"compacted, and long since", 100, 6_000_000, 0, Warn},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, text := judgeCompaction(test.compacted, test.now, test.age); got != test.want {
				t.Errorf("%s %s, want %s", got, text, test.want)
			}
		})
	}
}
