package worker

import (
	"time"

	"golang.org/x/sys/unix"
)

// drift returns how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: as long as the
// machine has been suspended since it was started.
func drift() (time.Duration, bool) {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0, false
	}
	return time.Duration(boot.Nano() - mono.Nano()), true
}
